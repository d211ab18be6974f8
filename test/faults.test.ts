import { Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { awkward, begin, draft, events, look, step } from "./harness/connect.ts";
import { send } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { startServer } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";

// Token endpoints that fail in the middle of a connection's life: nothing is lost by it, it is tried again, and it recovers.

jest.setTimeout(120_000);

/** As `test/provider/faulty.mjs` takes it. */
interface Fault {
  readonly times: number;
  readonly status?: number;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly way?: "reset" | "lost" | "cut" | "half" | "drip" | "page" | "empty" | "misnamed" | "not gzip";
}

interface Row {
  readonly name: string;
  readonly faults: readonly Fault[];
  /** The error of the refresh that meets it; null: it succeeds all the same. */
  readonly code: string | null;
  /** How many refreshes it takes in the end. Default: 2. */
  readonly refreshes?: number;
}

const unavailable = { error: "temporarily_unavailable" };

const rows: readonly Row[] = [
  {
    name: "500 and an error",
    faults: [{ times: 1, status: 500, body: { error: "server_error" } }],
    code: "provider_unavailable",
  },
  { name: "502 and nothing", faults: [{ times: 1, status: 502, body: {} }], code: "provider_unavailable" },
  { name: "504 three times in a row", faults: [{ times: 3, status: 504, body: {} }], code: "provider_unavailable", refreshes: 4 },
  {
    name: "503 and seconds to wait",
    faults: [{ times: 1, status: 503, body: unavailable, headers: { "retry-after": "3" } }],
    code: "provider_unavailable",
  },
  {
    name: "503 and a time to wait for",
    faults: [
      { times: 1, status: 503, body: unavailable, headers: { "retry-after": new Date(Date.now() + 20_000).toUTCString() } },
    ],
    code: "provider_unavailable",
  },
  {
    name: "429 and seconds to wait",
    faults: [{ times: 1, status: 429, body: { error: "too_many_requests" }, headers: { "retry-after": "2" } }],
    code: "provider_rate_limited",
  },
  { name: "a connection that is reset", faults: [{ times: 1, way: "reset" }], code: "provider_unavailable" },
  { name: "a connection that is reset when the work is done", faults: [{ times: 1, way: "lost" }], code: "provider_unavailable" },
  { name: "an answer that breaks off", faults: [{ times: 1, way: "cut" }], code: "provider_unavailable" },
  { name: "half of an answer that says it is whole", faults: [{ times: 1, way: "half" }], code: "token_answer_invalid" },
  { name: "a page", faults: [{ times: 1, way: "page" }], code: "token_answer_invalid" },
  { name: "nothing at all", faults: [{ times: 1, way: "empty" }], code: "token_answer_invalid" },
  { name: "an answer that is called gzip and is none", faults: [{ times: 1, way: "not gzip" }], code: "provider_unavailable" },
  { name: "an answer that is called text/html", faults: [{ times: 1, way: "misnamed" }], code: null, refreshes: 1 },
  { name: "an answer that comes in drops", faults: [{ times: 1, way: "drip" }], code: null, refreshes: 1 },
  {
    name: "one fault after the other",
    faults: [
      { times: 1, way: "reset" },
      { times: 1, status: 503, body: {} },
      { times: 1, way: "page" },
    ],
    code: "provider_unavailable",
    refreshes: 4,
  },
];

const lanes = [...rows.map((_, index) => `lane-${index}`), "exchange", "ended", "graced"];

let issuer: string;
let product: Product;

const manifest = (name: string) => `manifest: 1
name: ${name}
title: ${name}
base_url: ${issuer}/${name}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client: { authentication: client_secret_basic }
    authorization: { url: ${issuer}/${name}/authorize }
    token: { url: ${issuer}/${name}/token }
    refresh: { ${name === "graced" ? "rotation: always, grace: 2m" : "rotation: maybe"} }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  list_items: { title: List, request: { path: /items }, output: body }
`;

beforeAll(async () => {
  issuer = await startServer("faulty.mjs");
  product = await startProduct({ connectors: Object.fromEntries(lanes.map((lane) => [lane, manifest(lane)])) });
});
afterAll(cleanup);

interface Seen {
  readonly path: string;
  readonly body: string;
  readonly authorization?: string;
}

const log = async (lane: string): Promise<readonly Seen[]> => (await send(`${issuer}/control/${lane}`)).json;

const refreshesOf = async (lane: string) =>
  (await log(lane)).filter(({ path, body }) => path === "/token" && body.includes("grant_type=refresh_token"));

const fail = (lane: string, faults: readonly Fault[]) =>
  send(`${issuer}/control/${lane}`, { method: "POST", body: JSON.stringify(faults) });

async function signIn(lane: string) {
  await product.put(`/v1/connectors/${lane}/apps/oauth/production`, { client_id: awkward.id, client_secret: awkward.secret });
  const { id } = await draft(product, lane);
  await new Browser().open(await begin(product, id));
  return look(product, id);
}

describe("a refresh that meets", () => {
  /** What came of each: they wait for their next try side by side. */
  const outcomes = new Map<Row, Awaited<ReturnType<typeof live>>>();

  async function live(row: Row, lane: string) {
    const before = await signIn(lane);
    await fail(lane, row.faults);
    const answer = await product.post(`/v1/connections/${before.id}/refresh`);
    const between = await look(product, before.id);
    const [used, refreshes] = [await step(product, before.id, "list_items"), await refreshesOf(lane)];
    await until(`${lane} to recover`, async () => (await look(product, before.id)).error === null, { timeout: 90_000 });
    const after = await look(product, before.id);
    const last = await step(product, before.id, "list_items");
    return {
      before,
      answer,
      between,
      used,
      refreshes,
      after,
      last,
      log: await log(lane),
      events: await events(product, before.id),
    };
  }

  beforeAll(async () => {
    const run = async (row: Row, index: number) => outcomes.set(row, await live(row, `lane-${index}`));
    await Promise.all(rows.map(run));
  });

  test.each(rows)("$name changes nothing, is made again, and recovers", ({ name, faults, code, refreshes = 2 }) => {
    const outcome = outcomes.get(rows.find((row) => row.name === name) as Row);
    if (outcome === undefined) throw new Error(`${name} did not end`);
    const { before, answer, between, used, after, last } = outcome;
    expect(before.status).toBe("connected");
    if (code === null) expect(answer.status).toBe(200);
    else {
      expect(answer.json).toMatchObject({ code });
      // Who asked is told the time that the provider asked for.
      const [{ headers: asked } = {}] = faults;
      expect(answer.headers["retry-after"] !== undefined).toBe(asked !== undefined);
      const { id, status, label, unique_id, expires_at, scopes } = before;
      expect(between).toMatchObject({ id, status, label, unique_id, expires_at, scopes, error: { code } });
    }
    // The token that is there goes on to work, and nobody's step waits for the next try.
    expect(used.status).toBe(200);
    expect(after).toMatchObject({ status: "connected", error: null, unique_id: before.unique_id });
    expect(last.status).toBe(200);
    const made = outcome.log.filter(({ body }) => body.includes("grant_type=refresh_token"));
    expect(made).toHaveLength(refreshes);
    const calls = outcome.log.filter(({ path }) => path === "/api/items").map(({ authorization }) => authorization);
    expect(calls[0] === calls[1]).toBe(code === null);
    const failed = outcome.events.filter(({ type }) => type === "refresh_failed");
    expect(failed).toHaveLength(refreshes - 1);
    expect(outcome.events.filter(({ type }) => type === "refreshed")).toHaveLength(1);
    expect(outcome.events.filter(({ type }) => type === "needs_reauth")).toEqual([]);
  });

  test("anything sends the same refresh token again, until one comes back", () => {
    for (const { log: all } of outcomes.values()) {
      const sent = all.map(({ body }) => new URLSearchParams(body).get("refresh_token")).filter((token) => token !== null);
      expect(new Set(sent).size).toBe(1);
    }
  });
});

describe("a sign-in whose token request meets", () => {
  test.each<[string, Fault, string]>([
    ["a reset", { times: 1, way: "reset" }, "provider_unavailable"],
    ["a page", { times: 1, way: "page" }, "token_answer_invalid"],
    ["503", { times: 1, status: 503, body: {} }, "provider_unavailable"],
  ])("%s says so, sends the code once, and the next one succeeds", async (_, fault, code) => {
    const before = (await log("exchange")).filter(({ path }) => path === "/token").length;
    await fail("exchange", [fault]);
    expect(await signIn("exchange")).toMatchObject({ status: "error", error: { code } });
    expect((await log("exchange")).filter(({ path }) => path === "/token")).toHaveLength(before + 1);
    expect(await signIn("exchange")).toMatchObject({ status: "connected" });
  });
});

test("an answer that is lost is asked for once more where a replaced refresh token is taken for a while", async () => {
  const { id } = await signIn("graced");
  await fail("graced", [{ times: 1, way: "lost" }]);
  expect((await product.post(`/v1/connections/${id}/refresh`)).json).toMatchObject({ status: "connected", error: null });
  const sent = (await refreshesOf("graced")).map(({ body }) => new URLSearchParams(body).get("refresh_token"));
  expect([sent.length, new Set(sent).size]).toEqual([2, 1]);
  expect((await events(product, id)).filter(({ type }) => type === "refresh_failed")).toEqual([]);
});

test("a token that ends during an outage is missed by steps, which say why, and is there again after it", async () => {
  await fail("ended", [{ times: 1, members: { expires_in: 3 } }]);
  const { id } = await signIn("ended");
  await fail("ended", [{ times: 1000, status: 503, body: unavailable }]);
  const refused = await until("a step that has no token", async () => {
    const answer = await step(product, id, "list_items");
    return answer.status === 200 ? undefined : answer;
  });
  expect(refused.json).toMatchObject({ status: 502, code: "provider_unavailable", provider: { status: 503 } });
  expect(await look(product, id)).toMatchObject({ status: "connected" });
  await fail("ended", []);
  await until("the next step", async () => (await step(product, id, "list_items")).status === 200);
  expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
});

test("no secret stands in the store, in the logs or in any answer", async () => {
  const bodies = (await Promise.all(lanes.map(log))).flat();
  const tokens = bodies.flatMap(({ body, authorization }) => [
    new URLSearchParams(body).get("refresh_token"),
    new URLSearchParams(body).get("code"),
    authorization?.replace(/^Bearer /, "").split(".")[2],
  ]);
  const secrets = [...new Set([awkward.secret, ...tokens.filter((token): token is string => typeof token === "string")])];
  expect(secrets.length).toBeGreaterThan(rows.length);
  expect(findSecrets(secrets, await everythingOf(product))).toEqual([]);
});
