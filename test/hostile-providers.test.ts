import { existsSync, readFileSync } from "node:fs";
import { Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft } from "./harness/connect.ts";
import { type Answer, heard, send } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { scaleOut } from "./harness/shape.ts";
import { Dice, type HostileServer, type Lane, payloads, showsMarkup, startHostileServer } from "./provider/hostile.ts";

// Three thousand callbacks and answers that were made to do harm. They are the same each time.

jest.setTimeout(300_000);

const seed = 20261121;
/** The tests' MongoDB needs a tenth of a second for each. */
const callbacks = scaleOut ? 400 : 1500;
const answers = scaleOut ? 400 : 1500;
/** Callbacks that meet a sign-in of their browser's own that is under way. */
const live = 250;
const atOnce = 8;

let hostile: HostileServer;
let product: Product;
let pid: number;

/** Few are heavy, and very few never end. */
function laneOf(lane: number): Lane {
  const dice = new Dice(seed + lane);
  const at = dice.below(4) === 0 ? "me" : "token";
  if (lane < 5) return { at: "me", manner: "drip", seed: lane };
  return { at, manner: lane % 40 === 7 ? "heavy" : "odd", seed: lane % 40 === 7 ? Math.floor(lane / 40) : dice.below(1e6) };
}

const manifest = (name: string, auth: string) => `manifest: 1
name: ${name}
title: ${name}
base_url: "${hostile.url}/{{ fields.lane }}"
auth:
  oauth:
    type: oauth2
${auth}
    fields: [{ name: lane, label: Lane, required: true, pattern: "^[0-9]{1,5}$" }]
    token: { url: "${hostile.url}/{{ fields.lane }}/token" }
    test: { request: { path: /me }, error: "{{ body.error_description }}" }
    label: "{{ me.name }}"
    unique_id: me.id
`;

const secret = "canary-client-secret:/+% & é";

beforeAll(async () => {
  hostile = await startHostileServer(laneOf);
  product = await startProduct({
    connectors: {
      machine: manifest("machine", "    grant: client_credentials"),
      person: manifest(
        "person",
        `    grant: authorization_code\n    authorization: { url: ${hostile.url}/0/authorize }\n    issuer: https://as.example`,
      ),
    },
    // What does not fit into this is not bounded.
    env: { NODE_OPTIONS: "--max-old-space-size=192" },
  });
  pid = product.pid;
  for (const connector of ["machine", "person"])
    await product.put(`/v1/connectors/${connector}/apps/oauth/production`, {
      client_id: "client:/+% & é",
      client_secret: secret,
    });
});
afterAll(cleanup);

afterEach(async () => {
  expect([product.running, product.pid]).toEqual([true, pid]);
  expect((await product.get("/healthz")).status).toBe(200);
});

/** Does something for each number, a few at once. */
async function each(count: number, act: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      await act(number);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/**
 * A page after a sign-in has what the sign-in ended with in its path, sealed, and sealed text may spell anything:
 * only what stands beside it is the answer's own.
 */
const readable = (headers: Answer["headers"]): string =>
  JSON.stringify({ ...headers, location: headers.location?.replace(/^\/oauth\/done\/v1\.[\w.-]+$/, "/oauth/done/") });

/** What is wrong with an answer of ours, if anything is. */
function faultOf({ status, headers, text }: Answer): string | undefined {
  const type = String(headers["content-type"] ?? "");
  if (headers["x-content-type-options"] !== "nosniff") return "without nosniff";
  if (/html/.test(type) && showsMarkup(text)) return `shows markup: ${text.slice(0, 2000)}`;
  if (/html/.test(type) && !String(headers["content-security-policy"]).includes("default-src 'none'"))
    return "a page without a policy";
  if (!/^(text\/html|application\/(problem\+)?json)/.test(type) && text !== "") return `of the type ${type}`;
  if (/evil/.test(readable(headers))) return `headers: ${JSON.stringify(headers)}`;
  if (status >= 500 && (!type.startsWith("application/problem+json") || JSON.parse(text).code === "internal"))
    return `status ${status}: ${text}`;
  return undefined;
}

const odd = (dice: Dice): string =>
  dice.of([
    encodeURIComponent(dice.of(payloads)),
    encodeURIComponent(dice.of(payloads)),
    encodeURIComponent(dice.of(payloads)),
    "%00",
    "a%00b",
    "%ff%fe",
    "%c3%28",
    "%",
    "%zz",
    "%ED%A0%80",
    "%E2%80%AE",
    "%0d%0aSet-Cookie:%20evil=1",
    "",
    "a".repeat(dice.of([1, 42, 43, 44, 255, 4000, 9000])),
    "..%2f..%2f",
    "null",
    "[object%20Object]",
    "1e400",
    "https://as.example",
    "https://evil.example",
  ]);

const parameterNames = [
  "code",
  "state",
  "iss",
  "error",
  "error_description",
  "error_uri",
  "scope",
  "session_state",
  "hd",
] as const;

/** The query of a callback: what a provider would send, and what it would not. */
function query(dice: Dice, state: string): string {
  const pairs = [`code=${dice.below(3) ? "canary-c0de-0123456789" : odd(dice)}`, `state=${dice.below(4) ? state : odd(dice)}`];
  for (let count = dice.below(5); count > 0; count -= 1) {
    const name = dice.of(parameterNames);
    const spelled = dice.of([
      name,
      name,
      `${name}[]`,
      `${name}[a]`,
      `${name}%00`,
      name.toUpperCase(),
      `__proto__[${name}]`,
      "__proto__",
      `constructor[prototype][${name}]`,
      "%5f%5fproto%5f%5f",
      "",
    ] as const);
    pairs.push(`${spelled}=${odd(dice)}`);
  }
  // Some leave out what must be there, some say it twice, some are very many.
  if (dice.below(6) === 0) pairs.shift();
  if (dice.below(6) === 0) pairs.push(pairs[dice.below(pairs.length)] ?? "");
  if (dice.below(40) === 0) pairs.push(...Array.from({ length: 1500 }, (_, n) => `a${n}`));
  return pairs.join(dice.of(["&", "&", "&", "&&", ";", "&="] as const));
}

test(`${callbacks} callbacks that were made to do harm end in no error of ours, and show nothing as markup`, async () => {
  const browser = new Browser();
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  await each(callbacks, async (number) => {
    const dice = new Dice(seed ^ (number * 7919));
    let state = "s".repeat(43);
    if (number < live) {
      const { id } = await draft(product, "person", { fields: { lane: String(100 + number) }, owner: `person-${number}` });
      const { url } = await browser.open(await begin(product, id), { stop: ({ origin }) => origin === hostile.url });
      state = url.searchParams.get("state") ?? "";
    }
    const path =
      number < live
        ? "person"
        : dice.of(["person", "person", "machine", "nothing", "__proto__", "%00", "..%2f", "person%2f"] as const);
    const cookie =
      number < live
        ? [...browser.cookies(product.url)].map(([name, value]) => `${name}=${value}`)
        : [`jackfield_browser=${odd(dice)}`, "jackfield=;;=", `x=${"y".repeat(dice.below(3000))}`];
    const target = `/oauth/callback/${path}?${query(dice, state)}`;
    const answer = await send(`${product.url}/`, {
      target,
      headers: {
        cookie: cookie.join("; ").replace(/[^\x20-\x7e]/g, "?"),
        accept: dice.of(["text/html", "application/json", "*/*", "x", ""] as const),
        ...(dice.below(30) === 0 ? { "x-large": "x".repeat(12_000) } : {}),
      },
    });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    // Node itself refuses headers that are too large, before anything of ours.
    if (answer.status === 431 && answer.text === "") return;
    const pages = [answer];
    if (answer.status === 303) pages.push(await browser.send(new URL(answer.headers.location ?? "", product.url)));
    for (const page of pages) {
      const fault = page.status >= 500 ? `status ${page.status}: ${page.text}` : faultOf(page);
      if (fault !== undefined) faults.push(`${target.slice(0, 300)}: ${fault}`);
    }
  });
  expect(faults).toEqual([]);
  // They got somewhere: refused, finished, and led to a page.
  expect(statuses.get(400)).toBeGreaterThan(callbacks / 4);
  expect(statuses.get(303)).toBeGreaterThan(live / 4);
});

test(`${answers} answers that were made to do harm end in an error that says so, and in nothing that is shown as markup`, async () => {
  const faults: string[] = [];
  const codes = new Map<string, number>();
  const before = hostile.met();
  await each(answers, async (lane) => {
    const answer = await product.post("/v1/connections", {
      connector: "machine",
      fields: { lane: String(lane) },
      owner: `lane-${lane}`,
    });
    const fault = faultOf(answer);
    if (fault !== undefined) faults.push(`lane ${lane}: ${fault}`);
    const code = answer.json.error?.code ?? answer.json.code ?? answer.json.status;
    codes.set(code, (codes.get(code) ?? 0) + 1);
    // What is connected got a token that can be sent, and an account that can be told from others.
    if (answer.json.status === "connected" && !/^[^\p{Cc}\p{Cs}]{1,500}$/u.test(answer.json.unique_id))
      faults.push(`lane ${lane}: ${answer.text}`);
  });
  expect(faults).toEqual([]);
  expect(hostile.met() - before).toBeGreaterThan(answers * 0.9);
  expect([...codes.keys()].filter((code) => code === "internal" || code === "undefined")).toEqual([]);
  for (const code of ["connected", "token_answer_invalid", "provider_unavailable", "credentials_invalid"])
    expect(codes.get(code)).toBeGreaterThan(answers / 150);
});

test("the lists can be read afterwards, page by page", async () => {
  let next = "/v1/connections?limit=100";
  let count = 0;
  while (next !== "") {
    const { status, json } = await product.get(next);
    expect(status).toBe(200);
    count += json.items.length;
    next = json.next === null ? "" : `/v1/connections?limit=100&cursor=${encodeURIComponent(json.next)}`;
  }
  expect(count).toBeGreaterThan(answers / 2);
  for (const path of ["/v1/platform", "/readyz", "/v1/connectors"]) expect((await product.get(path)).status).toBe(200);
});

test("the memory that it took is bounded", () => {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return;
  const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(file, "utf8"))?.[1]) / 1024;
  expect(megabytes).toBeLessThan(700);
});

test("nothing of all this ended in an error that nobody foresaw, and no secret was told", async () => {
  const own = heard.filter(({ origin }) => origin === product.url);
  expect(own.filter(({ text }) => text.includes('"code":"internal"'))).toEqual([]);
  expect(product.output.split("\n").filter((line) => /"level":"(error|fatal)"|unhandled|uncaught/i.test(line))).toEqual([]);
  expect(findSecrets([secret, "canary-good-token", "canary-c0de-0123456789"], await everythingOf(product))).toEqual([]);
});
