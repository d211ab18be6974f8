import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc, { type Arbitrary } from "fast-check";
import { createSender } from "./api-fuzz/sender.ts";
import { anyOf, fitting, hostileText, type Making, type Schema } from "./api-fuzz/values.ts";
import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { oauthManifest, saveApp } from "./harness/connect.ts";
import type { Answer } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { startWarehouse, type Warehouse } from "./provider/warehouse.ts";

/*
 * Requests that our own OpenAPI document makes up, sent by everybody to every operation: whatever is sent, the answer is one that the
 * document promises, and nobody is served what their role may not have. `FUZZ_SEED` brings other values, `FUZZ_RUNS` more of them for each
 * operation; a failure is shrunk to the smallest request that shows it.
 */

jest.setTimeout(600_000);

const { FUZZ_SEED = "1946", FUZZ_RUNS } = process.env;
const seed = Number(FUZZ_SEED);
const leastRequests = 5000;

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
  /** Absent: public. */
  readonly "x-roles"?: readonly string[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const callers = ["admin", "author", "user", "workflow", "connect_session", "nobody"] as const;
type Caller = (typeof callers)[number];

let provider: Provider;
let warehouse: Warehouse;
let product: Product;
let pid: number;
let send: ReturnType<typeof createSender>;
/** The platform's, and that of a connector's actions. */
let documents: readonly { readonly document: Document; readonly judge: Judge; readonly making: Making }[];
/** What each caller sends to be known. */
let identity: Record<Caller, Readonly<Record<string, string>>>;
/** Names that there are, by the part of the path that they stand behind. */
let known: Record<string, string[]>;
let sent = 0;

beforeAll(async () => {
  provider = await startProvider();
  warehouse = await startWarehouse();
  product = await startProduct({
    connectors: { acme: oauthManifest(provider, { name: "acme" }), warehouse: warehouse.manifest("warehouse") },
    env: { LOG_LEVEL: "warn" },
  });
  pid = product.pid;
  send = createSender(product.url);
  const described = await Promise.all(
    ["/openapi.json", "/v1/connectors/warehouse/openapi.json"].map((path) => product.get(path)),
  );
  documents = described.map(({ json }) => ({
    document: json,
    judge: createJudge(json),
    making: { resolve: resolverOf(json), hints },
  }));
  await saveApp(product, provider, "acme");
  const key = async (role: string) => (await product.post("/v1/api_keys", { name: role, role, owner: `the ${role}` })).json.key;
  const bearer = async (role: string) => ({ authorization: `Bearer ${await key(role)}` });
  identity = {
    admin: { authorization: `Bearer ${product.adminKey}` },
    author: await bearer("author"),
    user: await bearer("user"),
    workflow: await bearer("workflow"),
    connect_session: {},
    nobody: {},
  };
  afterwards(() => console.info(`${sent} requests with FUZZ_SEED=${seed}`));
});
afterAll(cleanup);

/** Somebody without a key, in the browser that opened a link. */
async function guest(): Promise<Record<string, string>> {
  const browser = new Browser();
  const made = await product.post("/v1/connect_sessions", { owner: "the guest", expires_in: 86_400 });
  const { headers } = await browser.send(made.json.url);
  const cookie = [...browser.cookies(product.url)].map(([name, value]) => `${name}=${value}`).join("; ");
  return { cookie, origin: product.url, "x-connect-session": headers.location?.split("/").at(-1) ?? "" };
}

/** Whatever earlier requests did away with is there again. */
async function stock(): Promise<void> {
  const made = async (path: string, body: unknown) => {
    const headers = { "content-type": "application/json", ...identity.admin };
    const answer = await send({ method: "POST", target: path, headers, body: JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  const connection = async (owner: string, by: "admin" | "connect_session" = "admin") => {
    const fields = { api_key: `key-${owner.replace(" ", "-")}` };
    const body = JSON.stringify({ connector: "warehouse", fields, ...(by === "admin" ? { owner } : {}) });
    const headers = { "content-type": "application/json", ...identity[by] };
    const { json } = await send({ method: "POST", target: "/v1/connections", headers, body });
    expect(json).toMatchObject({ status: "connected" });
    return json.id;
  };
  // A link makes so many connections and no more.
  identity.connect_session = await guest();
  await saveApp(product, provider, "acme");
  known = {
    connectors: ["warehouse", "acme"],
    apps: ["oauth", "key"],
    environments: ["production"],
    connections: [
      await connection("the user"),
      await connection("the guest", "connect_session"),
      await connection("somebody"),
      (await made("/v1/connections", { connector: "acme", owner: "the user" })).id,
      known?.connections?.[2] ?? "con_none",
    ],
    files: [(await made("/v1/files?name=a", { a: 1 })).id],
    actions: ["list_boxes", "get_box", "store_box", "burn_box", "fail"],
    options: ["kinds"],
    proxy: ["me", "boxes", "boxes/b1", "fail", "none"],
    hooks: [`${warehouse.url}/hook`],
    event_endpoints: [(await made("/v1/event_endpoints", { url: `${warehouse.url}/hook`, disabled: true })).id],
    api_keys: [(await made("/v1/api_keys", { name: "spare", role: "user" })).id],
    keys: [product.adminKey],
    connect_sessions: [
      (await made("/v1/connect_sessions", { owner: "the user" })).id,
      identity.connect_session["x-connect-session"] ?? "",
    ],
  };
}

/** Which of those connections a caller must never be shown: what belongs to others. */
const foreign: Readonly<Record<Caller, readonly number[]>> = {
  ...{ admin: [], workflow: [] },
  ...{ author: [0, 1, 2, 3], user: [1, 2], connect_session: [0, 2, 3], nobody: [0, 1, 2, 3] },
};

interface Request {
  readonly caller: Caller;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const resolverOf =
  ({ components }: Document) =>
  (reference: string) =>
    components.schemas[reference.split("/").at(-1) ?? ""] ?? {};

const hints: Making["hints"] = {
  connector: fc.constantFrom("~connectors~0~", "~connectors~1~"),
  connectors: fc.constant(["~connectors~0~"]),
  // What is left out more often than not lets the rest be taken.
  auth: fc.constantFrom(undefined, undefined, "key", "oauth"),
  environment: fc.constant("production"),
  connection: fc.constantFrom(undefined, undefined, "~connections~0~", "~connections~1~"),
  owner: fc.constantFrom("the user", "the guest", "somebody"),
  fields: fc.constantFrom({}, { api_key: "key-the-user" }, { api_key: "key-new" }, { api_key: "wrong" }),
  api_key: fc.constantFrom("~keys~0~", "wrong"),
  url: fc.constantFrom("~hooks~0~", "https://127.0.0.1:1/hook", "http://10.0.0.1/"),
  return_origin: fc.constantFrom("https://app.example", "https://app.example", "not an origin"),
  return_path: fc.constantFrom(undefined, "/back", "//evil.example"),
  expires_on: fc.constantFrom("2099-12-31", null),
  from: fc.constantFrom("2026-01-01T00:00:00Z", "yesterday"),
  to: fc.constantFrom("2999-01-01"),
  method: fc.constantFrom("initialize", "ping", "tools/list", "tools/call", "notifications/cancelled", "resources/list"),
  params: fc.constantFrom<unknown[]>(
    { name: "warehouse__list_boxes", arguments: { limit: 2 } },
    { name: "warehouse__get_box", arguments: { id: "b1", _connection: "~connections~0~" } },
    { name: "__proto__", arguments: { __proto__: null } },
    { cursor: "x", requestId: 1, protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "x", version: "1" } },
    {},
  ),
};

/**
 * A request as it is told: names that are known only when it is sent stand in it as `~<part>~<number>~`. Most fit in every part and come
 * from who may make them, so that they get as far as a request can; of the rest every part may be anything, from anybody.
 */
function requests(path: string, method: string, operation: Operation, making: Making): Arbitrary<Request> {
  const { "x-roles": roles = callers } = operation;
  const bodied = method !== "get" && method !== "head";
  const polite = fc.record({
    caller: fc.constantFrom(...callers.filter((caller) => roles.includes(caller))),
    path: fc.tuple(knownPath(path), fittingQuery(operation, making)).map(([target, query]) => target + query),
    headers: fc.constant({}),
    body: bodied ? fittingBody(operation, making) : fc.constant(undefined),
  });
  const rude = fc.record({
    caller: fc.constantFrom(...callers),
    path: fc.tuple(anyPath(path, operation, making), anyQuery(operation, making)).map(([target, query]) => target + query),
    headers: anyHeaders(operation, making),
    body: bodied ? anyBody(operation, making) : fc.constant(undefined),
  });
  return fc.oneof(polite, rude);
}

/** An empty part would make it another address, and more than so much node refuses by itself. */
const encoded = (text: string) => encodeURIComponent(text.slice(0, 1000).toWellFormed()) || "%20";

/** A path whose parameters name what there is. */
function knownPath(path: string): Arbitrary<string> {
  const parts = path.split("/").map((part, index, all): Arbitrary<string> => {
    if (!part.startsWith("{")) return fc.constant(part);
    return fc.nat(4).map((nth) => `~${all[index - 1]?.startsWith("{") ? "environments" : all[index - 1]}~${nth}~`);
  });
  return fc.tuple(...parts).map((made) => made.join("/"));
}

function anyPath(path: string, { parameters }: Operation, making: Making): Arbitrary<string> {
  const parts = path.split("/").map((part): Arbitrary<string> => {
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined) return fc.constant(part);
    const schema = parameters.find((each) => each.in === "path" && each.name === name)?.schema ?? {};
    return fc.oneof(
      anyOf(schema, making).map((value) => encoded(String(value))),
      hostileText.map(encoded),
      fc.constantFrom("%00", "%ff", "%", "%2e%2e", "%2f", "..;"),
    );
  });
  return fc.oneof(
    { weight: 2, arbitrary: knownPath(path) },
    { weight: 1, arbitrary: fc.tuple(...parts).map((made) => made.join("/")) },
  );
}

const inQuery = ({ parameters }: Operation) => parameters.filter((each) => each.in === "query");
const query = (pairs: readonly (readonly [string, string])[]) =>
  pairs.length === 0 ? "" : `?${new URLSearchParams(pairs.map(([name, value]) => [name, value.slice(0, 3000).toWellFormed()]))}`;

function fittingQuery(operation: Operation, making: Making): Arbitrary<string> {
  // A cursor is opaque: only an answer can give one.
  const declared = inQuery(operation).filter(({ name }) => name !== "cursor");
  const values = declared.map(({ name, schema }) =>
    fc.option(making.hints[name] ?? fitting(schema, making), { freq: 2, nil: undefined }),
  );
  return fc
    .tuple(...values)
    .map((given) => query(declared.flatMap(({ name }, at) => (given[at] === undefined ? [] : [[name, String(given[at])]]))));
}

function anyQuery(operation: Operation, making: Making): Arbitrary<string> {
  const declared = inQuery(operation).map(({ name, schema }) =>
    fc.tuple(fc.constant(name), fc.oneof(anyOf(schema, making).map(String), hostileText)),
  );
  const stray = fc.tuple(fc.constantFrom("no_such", "__proto__", "limit", "constructor[x]"), hostileText);
  return fc.array(fc.oneof(...declared, stray), { maxLength: 2 }).map(query);
}

/** What node can send in a header. */
const sendable = (text: string) => text.replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/g, "").slice(0, 2000);

function anyHeaders({ parameters }: Operation, making: Making): Arbitrary<Record<string, string>> {
  const declared = parameters
    .filter((each) => each.in === "header")
    .map(({ name, schema }) => [name, anyOf(schema, making).map((value) => sendable(String(value)))] as const);
  const usual = {
    accept: fc.constantFrom("application/json", "application/x-ndjson", "*/*", "text/html", "x"),
    "content-type": fc.constantFrom("application/json", "application/json; charset=utf-8", "application/yaml", "text/plain", ""),
    "if-none-match": fc.constantFrom('"x"', "*"),
    "x-request-id": hostileText.map(sendable),
    cookie: fc.constantFrom("jackfield=x", "__proto__=1; =;;;==", "jackfield_browser=%00"),
  };
  return fc.record({ ...usual, ...Object.fromEntries(declared) }, { requiredKeys: [], noNullPrototype: true });
}

const notJson = fc.constantFrom(
  "",
  "{",
  "[]",
  "null",
  '"text"',
  "1e999",
  '{"a":1,"a":2}',
  "\u0000",
  "[".repeat(3000),
  '{"__proto__":{"x":1}}',
);

function fittingBody({ requestBody }: Operation, making: Making): Arbitrary<string | undefined> {
  const [media, { schema = {} } = {}] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (media === undefined) return fc.constant(undefined);
  if (media === "application/json") return fitting(schema, making).map((value) => JSON.stringify(value));
  return fc.constantFrom("fuzzed", "warehouse", "no such").map((name) => warehouse.manifest(name));
}

function anyBody({ requestBody }: Operation, making: Making): Arbitrary<string | undefined> {
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return fc.oneof(notJson, hostileText, fc.constant(undefined));
  const value = anyOf(schema, making).map((made) => JSON.stringify(made));
  return fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: notJson });
}

const filledIn = (text: string) =>
  text.replaceAll(/~([a-z_]+)~(\d)~/g, (_, part: string, nth: string) => {
    const names = known[part] ?? [];
    return names[Number(nth) % names.length] ?? "none";
  });

async function made(method: string, { caller, path, headers, body }: Request): Promise<Answer> {
  sent += 1;
  const typed = body === undefined ? {} : { "content-type": "application/json" };
  return send({
    method: method.toUpperCase(),
    body: body === undefined ? undefined : filledIn(body),
    target: filledIn(path),
    headers: { ...typed, ...headers, ...identity[caller] },
  });
}

type Judge = ReturnType<typeof createJudge>;

/** Says what is wrong with an answer. */
function createJudge(described: Document) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(described, "openapi");
  const validators = new Map<string, ValidateFunction>();
  const validator = (...way: readonly string[]) => {
    const pointer = way.map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");
    const validate = validators.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
    validators.set(pointer, validate);
    return validate;
  };
  return (path: string, method: string, operation: Operation, caller: Caller, answer: Answer): string[] => {
    const { status } = answer;
    const type = String(answer.headers["content-type"] ?? "").replace(/;.*$/s, "");
    const roles = operation["x-roles"];
    const served = status < 400;
    if (roles !== undefined && !roles.includes(caller) && served) return [`${caller} was served, who may not be`];
    const seen = served ? foreign[caller].find((nth) => answer.text.includes(known.connections?.[nth] ?? "none")) : undefined;
    if (seen !== undefined) return [`${caller} was shown another owner's connection`];
    if (roles !== undefined && caller === "nobody" && ![400, 401].includes(status)) return ["nobody was not asked who they are"];
    // What a provider answers through the proxy is the provider's.
    if (operation.operationId.startsWith("proxy_") && type !== "application/problem+json") return [];
    const declared = operation.responses[status] ?? (served ? undefined : operation.responses.default);
    if (declared === undefined) return [`the status ${status} is not declared`];
    const key = operation.responses[status] === undefined ? "default" : String(status);
    const { content } = declared;
    if (answer.body.length === 0)
      return content === undefined || method === "head" || status === 304 ? [] : ["the body is missing"];
    if (content === undefined) return ["there is a body, and none is declared"];
    if ("*/*" in content) return [];
    if (!(type in content)) return [`the media type ${type} is not declared`];
    if (!served && !isProblem(answer)) return ["the problem is not one of the table"];
    if (content[type]?.schema === undefined || !/[/+]json$/.test(type)) return [];
    const validate = validator("paths", path, method, "responses", key, "content", type, "schema");
    return validate(answer.json) ? [] : [ajv.errorsText(validate.errors)];
  };
}

/** Whether a problem is one of the table's, and none that is our own fault. */
function isProblem({ status, json, headers }: Answer): boolean {
  // A provider may have refused or not be there; nothing else may end in a status of 500 and above.
  const excused = status < 500 || status === 501 || status === 502 || status === 504;
  return excused && json.status === status && /^[a-z_]+$/.test(json.code) && json.request_id === headers["x-request-id"];
}

const operations = () =>
  documents.flatMap(({ document, judge, making }) =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation, judge, making })),
    ),
  );

test("whatever anybody sends to any operation is answered as the document says, and only to who may have it", async () => {
  const complaints: string[] = [];
  const all = operations();
  const numRuns = Number(FUZZ_RUNS ?? Math.ceil(leastRequests / all.length));
  for (const [nth, { path, method, operation, judge, making }] of all.entries()) {
    // Who only reads takes nothing away.
    if (all[nth - 1]?.method !== "get") await stock();
    const outcome = await fc.check(
      fc.asyncProperty(requests(path, method, operation, making), async (request) => {
        const answer = await made(method, request);
        const wrong = judge(path, method, operation, request.caller, answer);
        if (wrong.length > 0)
          throw new Error(`${answer.target.slice(0, 300)} → ${answer.status}: ${wrong}\n${answer.text.slice(0, 500)}`);
      }),
      { seed: seed + nth, numRuns },
    );
    if (outcome.failed) complaints.push(`${operation.operationId}: ${fc.defaultReportMessage(outcome)} ${outcome.errorInstance}`);
  }
  expect(complaints).toEqual([]);
  expect(sent).toBeGreaterThanOrEqual(numRuns * all.length);
});

test("the process that answered is the one that was started, and it has noted no failure of its own", async () => {
  expect([product.running, product.pid]).toEqual([true, pid]);
  expect((await product.get("/healthz")).status).toBe(200);
  expect(
    product.output.split("\n").filter((line) => line.includes('"level":"error"') || line.includes("a request failed")),
  ).toEqual([]);
});
