import { Browser } from "./harness/browser.ts";
import { findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { deviceManifest, draft, events, look, saveApp, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { keptBy } from "./harness/inside.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { deviceGrant, type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { type OddProvider, type Reply, startOddProvider } from "./provider/odd.ts";

jest.setTimeout(120_000);

let provider: Provider;
let odd: OddProvider;
let product: Product;

/** What the odd provider answers to a device authorization request and, one after the other, to what is asked then. */
let codes: () => Reply;
let answers: ((asked: number) => Reply)[] = [];

const say = (status: number, body: unknown): Reply => ({ status, body });
const pending = () => say(400, { error: "authorization_pending" });
const granted = () => say(200, { access_token: "device-access-token-of-the-odd-one", token_type: "Bearer", expires_in: 3600 });
const deviceCode = "device-code/of the+odd=provider";

const goodCodes = (): Reply =>
  say(200, {
    device_code: deviceCode,
    user_code: "WDJB-MJHT",
    verification_uri: "https://odd.example/device",
    verification_uri_complete: "https://odd.example/device?user_code=WDJB-MJHT",
    expires_in: 600,
    interval: 1,
  });

const oddManifest = (name: string, more = ""): string => `manifest: 1
name: ${name}
title: Odd
base_url: ${odd.url}/api
auth:
  oauth:
    type: oauth2
    grant: device_code
    client: { authentication: none }
    scopes: { required: [{ name: read, reason: Read your items. }], separator: "," }
    audience: https://api.odd.example/
    device: { url: "${odd.url}/device", params: { display: tv } }
    token: { url: "${odd.url}/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
${more}`;

beforeAll(async () => {
  provider = await startProvider();
  odd = await startOddProvider({
    "/device": () => codes(),
    "/token": () => (answers.length > 1 ? answers.shift() : answers[0])?.(odd.at("/token").length) ?? pending(),
    "/api/me": ({ headers }) =>
      headers.authorization === "Bearer device-access-token-of-the-odd-one"
        ? say(200, { id: "1", name: "Odd one" })
        : say(401, { error: "no" }),
  });
  product = await startProduct({ connectors: { tv: deviceManifest(provider, { name: "tv" }), odd: oddManifest("odd") } });
  await saveApp(product, provider, "tv", { device: true });
  await product.put("/v1/connectors/odd/apps/oauth/production", { client_id: "tv-client" });
});
afterAll(cleanup);
beforeEach(async () => {
  await provider.reset();
  odd.seen.length = 0;
  codes = goodCodes;
  answers = [pending];
});

/** A code that is still asked about would take the answers of the next test. */
afterEach(async () => {
  const { items } = (await product.get("/v1/connections?status=awaiting_authorization")).json;
  for (const { id } of items) await product.send("DELETE", `/v1/connections/${id}`);
});

interface Code {
  readonly authorization_url: string;
  readonly verification_uri: string;
  readonly user_code: string;
  readonly expires_at: string;
  readonly interval: number;
}

async function begin(connection: string): Promise<Code> {
  const answer = await product.post(`/v1/connections/${connection}/authorize`);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json;
}

/** What a person does on another device: types the code, signs in, decides. */
async function confirm({ verification_uri, user_code }: Code, { as = "ada", decision = "allow", aborts = false } = {}) {
  const browser = new Browser();
  const typing = await browser.open(verification_uri);
  const shown = await browser.press(typing, ["go", "on"], { user_code });
  let visit = await browser.press(shown, aborts ? ["abort", "yes"] : ["go", "on"]);
  for (let pages = 0; pages < 5 && visit.url.pathname.startsWith("/interaction/"); pages += 1)
    visit = await browser.press(visit, ["decision", decision], { account: as });
  return visit;
}

const ended = (id: string) =>
  until("the sign-in to end", async () => {
    const connection = await look(product, id);
    const over = connection.status === "connected" || connection.error !== null;
    return over ? connection : undefined;
  });

const asked = () => provider.tokenRequests(deviceGrant);
const types = async (id: string) => (await events(product, id)).map(({ type }) => type);

describe("a sign-in on another device", () => {
  test("gives a code, waits, and ends connected with what the provider tells of the account", async () => {
    const { id } = await draft(product, "tv");
    const code = await begin(id);
    expect(code).toMatchObject({ verification_uri: `${provider.issuer}/device`, interval: 1 });
    expect(code.authorization_url).toBe(`${provider.issuer}/device?user_code=${code.user_code}`);
    expect(code.user_code).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect(Math.abs(Date.parse(code.expires_at) - Date.now() - 600_000)).toBeLessThan(20_000);
    expect((await look(product, id)).status).toBe("awaiting_authorization");

    await until("the first question", async () => (await asked()).length > 0);
    expect((await look(product, id)).status).toBe("awaiting_authorization");
    expect((await confirm(code)).answer?.text).toContain("You may close this page");
    expect(await ended(id)).toMatchObject({
      status: "connected",
      label: "Ada Lovelace's Acme",
      unique_id: "acct-1815",
      renewable: true,
      error: null,
      scopes: ["read", "write"],
    });
    expect(await types(id)).toEqual(["authorized", "tested", "authorization_started", "created"]);
    expect((await step(product, id, "list_items")).json.output).toHaveLength(3);

    // The device code is asked about with the client's own proof, and nothing else.
    const [request] = await provider.log("/device/auth");
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({ scope: "read write" });
    const { device_codes } = await provider.issued();
    for (const question of await provider.log("/token")) {
      expect(question.headers.authorization).toMatch(/^Basic /);
      expect(Object.fromEntries(new URLSearchParams(question.body))).toEqual({
        grant_type: deviceGrant,
        device_code: device_codes.at(-1),
      });
    }

    // What it got is kept fresh as that of any other sign-in.
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect(await provider.tokenRequests("refresh_token")).toHaveLength(1);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("of an account that is connected already ends in that connection", async () => {
    const first = await draft(product, "tv", { owner: "twice" });
    await confirm(await begin(first.id), { as: "alan" });
    await ended(first.id);
    const second = await draft(product, "tv", { owner: "twice", name: "The second" });
    await confirm(await begin(second.id), { as: "alan" });
    const merged = await until("the merge", async () => {
      const connection = await look(product, second.id);
      return connection.id === first.id ? connection : undefined;
    });
    expect(merged).toMatchObject({ status: "connected", name: "The second", unique_id: "acct-1912" });
    expect((await step(product, second.id, "list_items")).status).toBe(200);
  });

  test("with another account leaves a connection as it was, and says so", async () => {
    const { id } = await draft(product, "tv", { owner: "other-account" });
    await confirm(await begin(id));
    await ended(id);
    await confirm(await begin(id), { as: "alan" });
    const connection = await until("the end", async () => {
      const now = await look(product, id);
      return now.error === null ? undefined : now;
    });
    expect(connection).toMatchObject({ status: "connected", unique_id: "acct-1815", error: { code: "account_mismatch" } });
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("that the person refuses ends as denied, with the draft ready for another try", async () => {
    const { id } = await draft(product, "tv", { owner: "refuses" });
    await confirm(await begin(id), { aborts: true });
    expect(await ended(id)).toMatchObject({ status: "draft", error: { code: "access_denied" } });
    expect(await types(id)).toContain("denied");
    await confirm(await begin(id), { as: "eve" });
    expect(await until("the second try", async () => (await look(product, id)).status === "connected")).toBe(true);
  });

  test("is over with the code: who asks again gets another one, and only that one counts", async () => {
    const { id } = await draft(product, "tv", { owner: "again" });
    const first = await begin(id);
    const second = await begin(id);
    expect(second.user_code).not.toBe(first.user_code);
    const [lost, current] = (await provider.issued()).device_codes.slice(-2);
    await confirm(first, { as: "alan" });
    await until("the second code to be asked about", async () =>
      (await asked()).some((question) => question.get("device_code") === current),
    );
    expect((await look(product, id)).status).toBe("awaiting_authorization");
    await confirm(second);
    expect(await ended(id)).toMatchObject({ status: "connected", unique_id: "acct-1815" });
    expect((await asked()).filter((question) => question.get("device_code") === lost)).toHaveLength(0);
    expect((await types(id)).filter((type) => type === "authorized")).toHaveLength(1);
  });

  test("of a connection that is disconnected meanwhile comes to nothing", async () => {
    const { id } = await draft(product, "tv", { owner: "gone" });
    const code = await begin(id);
    expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
    await provider.forget();
    await confirm(code);
    const other = await draft(product, "tv", { owner: "witness" });
    await confirm(await begin(other.id));
    await ended(other.id);
    const gone = (await provider.issued()).device_codes.at(-2);
    expect((await asked()).filter((question) => question.get("device_code") === gone)).toHaveLength(0);
    expect((await product.get(`/v1/connections/${id}`)).json.code).toBe("connection_revoked");
  });

  test("that nobody confirms ends as a draft when the code does, and says so", async () => {
    await provider.set({ device_code_ttl: 2 });
    const { id } = await draft(product, "tv", { owner: "nobody" });
    await begin(id);
    expect(await ended(id)).toMatchObject({
      status: "draft",
      error: { code: "code_expired", message: "The code was not confirmed in time." },
    });
  });

  test("survives kill -9: the new process asks on and connects", async () => {
    const { id } = await draft(product, "tv", { owner: "survivor" });
    const code = await begin(id);
    await until("the first question", async () => (await asked()).length > 0);
    await product.end("SIGKILL");
    await confirm(code);
    await product.start();
    const connection = await until(
      "the sign-in to end",
      async () => {
        const now = await look(product, id);
        return now.status === "connected" ? now : undefined;
      },
      { timeout: 90_000 },
    );
    expect(connection).toMatchObject({ unique_id: "acct-1815", error: null });
  });

  test("is told to who listens, as any other", async () => {
    const { id } = await draft(product, "tv", { owner: "listener" });
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${product.adminKey}`, accept: "text/event-stream" };
    const stream = await fetch(`${product.url}/v1/connections/${id}/events`, { headers, signal: abort.signal });
    await confirm(await begin(id));
    let told = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream.body ?? []) {
      told += decoder.decode(chunk as Uint8Array, { stream: true });
      if (told.includes('"authorized"')) break;
    }
    abort.abort();
    expect(told).toContain('"authorization_started"');
    expect(told).toContain('"status":"connected"');
  });
});

describe("a device authorization request", () => {
  const tries = async (owner: string) => {
    const { id } = await draft(product, "odd", { owner });
    return product.post(`/v1/connections/${id}/authorize`);
  };

  test("sends scopes, audience, further parameters and the client as the manifest says; what is answered is given on", async () => {
    const { id } = await draft(product, "odd", { owner: "bytes" });
    const before = Date.now();
    const code = await begin(id);
    const [request] = odd.at("/device");
    expect(request?.method).toBe("POST");
    expect(request?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      client_id: "tv-client",
      scope: "read",
      audience: "https://api.odd.example/",
      display: "tv",
    });
    expect(code).toMatchObject({
      authorization_url: "https://odd.example/device?user_code=WDJB-MJHT",
      verification_uri: "https://odd.example/device",
      user_code: "WDJB-MJHT",
      interval: 1,
    });
    expect(Date.parse(code.expires_at)).toBeGreaterThanOrEqual(before + 600_000);
    answers = [granted];
    expect(await ended(id)).toMatchObject({ status: "connected", label: "Odd one" });
    expect(Object.fromEntries(odd.at("/token")[0]?.form ?? [])).toEqual({
      grant_type: deviceGrant,
      device_code: deviceCode,
      audience: "https://api.odd.example/",
      client_id: "tv-client",
    });
  });

  const told = { device_code: deviceCode, user_code: "AB-12", verification_uri: "https://odd.example/device", expires_in: 600 };

  test.each([
    ["no device code", { ...told, device_code: undefined }],
    ["no user code", { ...told, user_code: undefined }],
    ["a user code that is no text", { ...told, user_code: 12345678 }],
    ["a user code that nobody could type", { ...told, user_code: "x".repeat(65) }],
    ["a user code with characters that cannot be seen", { ...told, user_code: "AB\u202e12" }],
    ["no page", { ...told, verification_uri: undefined }],
    ["a page that is a script", { ...told, verification_uri: "javascript:alert(1)" }],
    ["a page with a user name in it", { ...told, verification_uri: "https://google.com@evil.example/" }],
    ["a page that is no URL", { ...told, verification_uri: "odd.example/device" }],
    ["nothing at all", ""],
  ])("that is answered with %s is refused, and the draft stays one", async (name, body) => {
    codes = () => say(200, body);
    const answer = await tries(`refused-${name}`);
    expect(answer.status).toBe(502);
    expect(answer.json.code).toBe("token_answer_invalid");
    expect(answer.text).not.toContain(deviceCode);
    const { items } = (await product.get(`/v1/connections?owner=${encodeURIComponent(`refused-${name}`)}`)).json;
    expect(items).toMatchObject([{ status: "draft", error: null }]);
  });

  test("whose second page is no good uses the first, and reads what drafts of the RFC called a URL", async () => {
    const { verification_uri: _, ...rest } = told;
    codes = () =>
      say(200, { ...rest, verification_url: "https://odd.example/old", verification_uri_complete: "data:text/html,x" });
    expect((await tries("old")).json).toMatchObject({
      authorization_url: "https://odd.example/old",
      verification_uri: "https://odd.example/old",
      interval: 5,
    });
  });

  test.each([
    [401, { error: "invalid_client", error_description: "Who are you?" }, "client_refused"],
    [400, { error: "invalid_scope" }, "scope_refused"],
    [200, { error: "unauthorized_client" }, "client_refused"],
    [503, "<html>busy</html>", "provider_unavailable"],
  ])("that is refused with %s and %j says so at once", async (status, body, code) => {
    codes = () => say(status, body);
    const answer = await tries(`refusal-${status}-${code}`);
    expect(answer.json).toMatchObject({ code, provider: { status } });
  });
});

describe("what the token endpoint says", () => {
  const outcomeOf = async (owner: string, ...given: (() => Reply)[]) => {
    answers = given;
    const { id } = await draft(product, "odd", { owner });
    await begin(id);
    return ended(id);
  };

  test("while it is pending in the way of RFC 8628, or with HTTP 200, nothing ends", async () => {
    const connection = await outcomeOf("pending", pending, () => say(200, { error: "authorization_pending" }), granted);
    expect(connection.status).toBe("connected");
    expect(odd.at("/token")).toHaveLength(3);
  });

  test("while it cannot answer, nothing ends", async () => {
    const connection = await outcomeOf("busy", () => say(503, "busy"), granted);
    expect(connection.status).toBe("connected");
  });

  test.each([
    ["access_denied", "draft", "access_denied"],
    ["authorization_declined", "draft", "access_denied"],
    ["expired_token", "draft", "code_expired"],
    ["invalid_grant", "draft", "code_expired"],
    ["invalid_client", "error", "client_refused"],
    ["unknown_to_everybody", "error", "grant_refused"],
  ])("with %s the connection is in status %s with the code %s, and nothing more is asked", async (error, status, code) => {
    const connection = await outcomeOf(`end-${error}`, pending, () =>
      say(400, { error, error_description: `about ${deviceCode}` }),
    );
    expect(connection).toMatchObject({ status, error: { code, provider: { error } } });
    expect(JSON.stringify(connection)).not.toContain(deviceCode);
    expect(odd.at("/token")).toHaveLength(2);
    answers = [granted];
    const witness = await draft(product, "odd", { owner: `witness-${error}` });
    await begin(witness.id);
    await ended(witness.id);
    expect(odd.at("/token")).toHaveLength(3);
  });

  test("with a token that fails its test ends in error", async () => {
    const connection = await outcomeOf("bad-token", () => say(200, { access_token: "another-token", token_type: "Bearer" }));
    expect(connection).toMatchObject({ status: "error", error: { code: "credentials_invalid" } });
  });
});

test("no device code and no token stands in the data folder, the logs or any answer, and every answer is as documented", async () => {
  const { id } = await draft(product, "odd", { owner: "waiting" });
  await begin(id);
  const { access_tokens, refresh_tokens, device_codes } = await provider.issued();
  expect(device_codes.length).toBeGreaterThan(5);
  const secrets = [...access_tokens, ...refresh_tokens, ...device_codes, deviceCode, "device-access-token-of-the-odd-one"];
  const said = heard
    .filter(({ origin }) => origin === product.url)
    .map(
      ({ method, target, headers, body }) =>
        [`${method} ${target}`, Buffer.concat([Buffer.from(JSON.stringify(headers)), body])] as const,
    );
  const places = [["what was printed", Buffer.from(product.output)] as const, ...(await keptBy(product)), ...said];
  expect(findSecrets(secrets, places)).toEqual([]);
  expect(
    checkAnswers(
      (await product.get("/openapi.json")).json,
      heard.filter(({ origin }) => origin === product.url),
    ),
  ).toEqual([]);
});
