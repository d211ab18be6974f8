import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { events, oauthManifest, saveApp } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { startWarehouse, type Warehouse } from "./provider/warehouse.ts";

/* Actions as a language model's tools, asked for by the protocol's own client. */

jest.setTimeout(120_000);

let provider: Provider;
let warehouse: Warehouse;
let product: Product;
/** Who waits at the warehouse is answered when these are called. */
const waiting: (() => void)[] = [];
const keys: Record<string, string> = {};
/** Connections to the warehouse, by their owner. */
const connections: Record<string, string> = {};

async function connection(owner: string, key = owner): Promise<string> {
  const answer = await product.post("/v1/connections", { connector: "warehouse", fields: { api_key: `key-${key}` }, owner });
  expect(answer.json).toMatchObject({ status: "connected" });
  return answer.json.id;
}

beforeAll(async () => {
  provider = await startProvider();
  warehouse = await startWarehouse(() => new Promise((resolve) => void waiting.push(resolve)));
  // So many actions that they do not fit in a page.
  const many = Array.from({ length: 130 }, (_, n) => `  act_${n}: { title: Act ${n}, request: { path: /boxes } }`).join("\n");
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      warehouse: warehouse.manifest("warehouse"),
      many: `${warehouse.manifest("many").split("actions:")[0]}actions:\n${many}\n`,
      "a-very-long-name-of-a-connector-that-nobody-would-ever-want-to": warehouse.manifest(
        "a-very-long-name-of-a-connector-that-nobody-would-ever-want-to",
      ),
    },
    env: { LOG_LEVEL: "info" },
  });
  await saveApp(product, provider, "acme");
  for (const role of ["author", "user", "workflow"])
    keys[role] = (await product.post("/v1/api_keys", { name: role, role, owner: role === "user" ? "ann" : role })).json.key;
  connections.ann = await connection("ann");
  connections.bob = await connection("bob");
});
afterAll(cleanup);

interface Asked {
  readonly query?: string;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client that has introduced itself. */
async function client({ query = "", key = keys.user, headers = {} }: Asked = {}): Promise<Client> {
  const made = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`/mcp${query}`, product.url), {
    requestInit: { headers: { authorization: `Bearer ${key}`, ...headers } },
  });
  await made.connect(transport);
  afterwards(() => made.close());
  return made;
}

const namesOf = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) => tools.map(({ name }) => name);

test("the actions of a connection are tools with titles, schemas and what they do to the world", async () => {
  const { tools } = await (await client({ query: `?connection=${connections.ann}` })).listTools();
  expect(namesOf({ tools })).toEqual(["burn_box", "fail", "get_box", "list_boxes", "store_box", "wait"]);
  const tool = (name: string) => tools.find((each) => each.name === name);
  expect(tool("list_boxes")).toMatchObject({
    title: "Warehouse: List boxes",
    description: "What stands on the shelves. Account: Storeman ann.",
    inputSchema: {
      type: "object",
      properties: {
        limit: { title: "How many", description: "At most 100.", type: "number", minimum: 1, maximum: 100, default: 20 },
        heavy: { type: "boolean" },
      },
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: true },
  });
  expect(tool("burn_box")?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true, idempotentHint: true });
  expect(tool("store_box")?.annotations).toEqual({ title: "Warehouse: Store a box", readOnlyHint: false, openWorldHint: true });
  expect(tool("store_box")?.inputSchema).toMatchObject({
    required: ["name", "size"],
    properties: {
      name: { type: "string", minLength: 2, maxLength: 40, pattern: "^(?:[A-Za-z ]+)$" },
      size: { enum: ["small", "large"], description: "small: Up to a kilo." },
      tags: { type: "array", items: { type: "string" } },
      label: { anyOf: [{ required: ["data"] }, { required: ["file"] }] },
    },
  });
});

test("a tool is called as a step, noted with the workflow's name, and gives what the step gives", async () => {
  const asked = await client({ query: `?connection=${connections.ann}`, headers: { "jackfield-workflow": "nightly" } });
  const result = await asked.callTool({ name: "list_boxes", arguments: { limit: 2 } });
  expect(result.isError).toBeUndefined();
  const boxes = [
    { id: "b1", weight: 3 },
    { id: "b2", weight: 5 },
  ];
  expect(result.structuredContent).toMatchObject({ output: boxes, step: { action: "list_boxes", connection: connections.ann } });
  expect(JSON.parse((result.content as { text: string }[])[0]?.text ?? "")).toEqual(boxes);
  expect(warehouse.at("/boxes").at(-1)?.query.get("limit")).toBe("2");
  const usage = await until("the use to be counted", async () => {
    const { items } = (await product.get(`/v1/connections/${connections.ann}/usage`)).json;
    return items.length > 0 ? items : undefined;
  });
  expect(usage).toMatchObject([{ workflow: "nightly" }]);
});

test("what goes wrong is a result with the code, the provider's words and what to do, and without a secret", async () => {
  const asked = await client({ query: `?connection=${connections.ann}` });
  const failed = await asked.callTool({ name: "fail" });
  expect(failed).toMatchObject({
    isError: true,
    structuredContent: { code: "provider_refused", provider: { status: 400 }, hint: expect.any(String) },
  });
  expect(JSON.stringify(failed)).toContain("the shelf is full");
  expect(JSON.stringify(failed)).not.toContain("key-ann");
  const before = warehouse.seen.length;
  const invalid = await asked.callTool({ name: "store_box", arguments: { name: "A box", size: "huge" } });
  expect(invalid).toMatchObject({ isError: true, structuredContent: { code: "input_invalid", input: "size" } });
  expect(warehouse.seen).toHaveLength(before);
  await expect(asked.callTool({ name: "no_such" })).rejects.toThrow('There is no tool "no_such"');
});

test("without a connection named, tools have the connector's name before them, and ask which account where there are several", async () => {
  const asked = await client({ key: keys.workflow });
  const { tools } = await asked.listTools();
  const tool = tools.find(({ name }) => name === "warehouse__get_box");
  expect(tool?.inputSchema).toMatchObject({
    required: ["_connection", "id"],
    properties: { _connection: { type: "string", enum: expect.arrayContaining([connections.ann, connections.bob]) } },
  });
  const unclear = await asked.callTool({ name: "warehouse__get_box", arguments: { id: "b1" } });
  expect(unclear).toMatchObject({ isError: true, structuredContent: { code: "input_invalid", input: "_connection" } });
  const clear = await asked.callTool({ name: "warehouse__get_box", arguments: { id: "b1", _connection: connections.bob } });
  expect(clear.structuredContent).toMatchObject({ output: { id: "b1" }, step: { connection: connections.bob } });
});

test("who sees their own connections only has tools for these, whatever they ask for", async () => {
  const { tools } = await (await client()).listTools();
  expect(JSON.stringify(tools)).not.toContain(connections.bob);
  const asked = await client();
  const foreign = await asked.callTool({ name: "warehouse__get_box", arguments: { id: "b1", _connection: connections.bob } });
  expect(foreign).toMatchObject({ isError: true, structuredContent: { code: "connection_unknown" } });
  const other = await client({ query: `?connection=${connections.bob}` });
  await expect(other.listTools()).rejects.toThrow("There is no such connection");
  await expect(other.callTool({ name: "get_box", arguments: { id: "b1" } })).rejects.toThrow("There is no such connection");
  const owned = await client({ query: "?owner=bob" });
  expect(JSON.stringify(await owned.listTools())).not.toContain(connections.bob);
});

test("an owner's tools are those of the owner's connections", async () => {
  const asked = await client({ query: "?owner=bob", key: product.adminKey });
  const result = await asked.callTool({ name: "warehouse__get_box", arguments: { id: "b1" } });
  expect(result.structuredContent).toMatchObject({ step: { connection: connections.bob } });
  const foreign = await asked.callTool({ name: "warehouse__get_box", arguments: { id: "b1", _connection: connections.ann } });
  expect(foreign).toMatchObject({ isError: true, structuredContent: { code: "connection_unknown" } });
});

test("a long list comes in pages, each tool once and with a name that every client takes", async () => {
  const long = "a-very-long-name-of-a-connector-that-nobody-would-ever-want-to";
  for (const connector of ["many", long])
    await product.post("/v1/connections", { connector, fields: { api_key: "key-carl" }, owner: "carl" });
  const asked = await client({ query: "?owner=carl", key: product.adminKey });
  const first = await asked.listTools();
  expect(first.tools).toHaveLength(100);
  const second = await asked.listTools({ cursor: first.nextCursor });
  expect(second.nextCursor).toBeUndefined();
  const names = [...namesOf(first), ...namesOf(second)];
  expect(new Set(names).size).toBe(130 + 6);
  for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  const shortened = names.find((name) => name.startsWith("a-very-long")) ?? "";
  expect((await asked.callTool({ name: shortened, arguments: { id: "b1" } })).structuredContent).toBeDefined();
  await expect(asked.listTools({ cursor: "!!!" })).rejects.toThrow("cursor");
});

test("a tool whose account is not signed in offers a link, with which a person signs in, and then it works", async () => {
  const { id } = (await product.post("/v1/connections", { connector: "acme", owner: "ann" })).json;
  const asked = await client({ query: `?connection=${id}` });
  const refused = await asked.callTool({ name: "list_items" });
  expect(refused).toMatchObject({ isError: true, structuredContent: { code: "not_connected" } });
  const link = (refused.structuredContent as { connect_url: string }).connect_url;
  expect(JSON.stringify(refused.content)).toContain(link);
  const browser = new Browser();
  const { headers } = await browser.send(link);
  const session = headers.location?.split("/").at(-1) ?? "";
  const begun = await browser.send(`${product.url}/v1/connections/${id}/authorize`, {
    method: "POST",
    headers: { origin: product.url, "x-connect-session": session },
  });
  await browser.signIn(begun.json.authorization_url);
  expect((await asked.callTool({ name: "list_items" })).structuredContent).toMatchObject({ step: { connection: id } });
});

test("a connector to which nothing is connected offers a link for a first connection", async () => {
  const asked = await client({ query: "?connector=many" });
  expect((await asked.listTools()).tools).toHaveLength(100);
  const refused = await asked.callTool({ name: "many__act_1" });
  expect(refused).toMatchObject({
    isError: true,
    structuredContent: { code: "not_connected", connect_url: expect.stringContaining(`${product.url}/connect/`) },
  });
  await expect((await client({ query: "?connector=nowhere" })).listTools()).rejects.toThrow('There is no connector "nowhere"');
  // A workflow's key makes no links.
  const workflow = await client({ query: "?connector=many&owner=nobody", key: keys.workflow });
  const none = await workflow.callTool({ name: "many__act_1" });
  expect(none).toMatchObject({ isError: true, structuredContent: { code: "not_connected" } });
  expect(none.structuredContent).not.toHaveProperty("connect_url");
});

test("a call that is cancelled is cut off at the provider", async () => {
  const asked = await client({ query: `?connection=${connections.bob}`, key: product.adminKey });
  const controller = new AbortController();
  const before = warehouse.at("/wait").length;
  const call = asked.callTool({ name: "wait" }, undefined, { signal: controller.signal });
  const ended = expect(call).rejects.toThrow();
  await until("the provider to be asked", () => warehouse.at("/wait").length > before);
  controller.abort("enough");
  await ended;
  const failed = await until("the step's end", async () =>
    (await events(product, connections.bob ?? "")).find((event) => event.type === "failed"),
  );
  expect(failed).toMatchObject({ action: "wait" });
  for (const release of waiting) release();
  expect(namesOf(await asked.listTools())).toContain("wait");
});

test("a call is cancelled by the client that made it, and by no other with the same key", async () => {
  const say = (session: string, message: object) =>
    product.send(
      "POST",
      `/mcp?connection=${connections.bob}`,
      { jsonrpc: "2.0", ...message },
      { headers: { "mcp-session-id": session } },
    );
  const before = waiting.length;
  const call = say("one", { id: 7, method: "tools/call", params: { name: "wait" } });
  await until("the provider to be asked", () => waiting.length > before);
  const other = await say("two", { method: "notifications/cancelled", params: { requestId: 7 } });
  expect(other.status).toBe(202);
  for (const release of waiting) release();
  expect((await call).json.result).toMatchObject({ structuredContent: { output: { waited: true } } });
  const again = say("one", { id: 8, method: "tools/call", params: { name: "wait" } });
  await until("the provider to be asked again", () => waiting.length > before + 1);
  await say("one", { method: "notifications/cancelled", params: { requestId: 8 } });
  expect([(await again).status, (await again).text]).toEqual([202, ""]);
});

test("roles that may not run steps, people without a key, other sites, other methods and other versions are refused", async () => {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const ask = (key: string | null | undefined, headers: Record<string, string> = {}) =>
    product.send("POST", "/mcp", message, { key: key ?? null, headers });
  const codes = async (answer: ReturnType<typeof ask>) => [(await answer).status, (await answer).json.code];
  expect(await codes(ask(keys.author))).toEqual([403, "forbidden"]);
  expect(await codes(ask(null))).toEqual([401, "unauthenticated"]);
  expect(await codes(ask(keys.user, { origin: "https://evil.example" }))).toEqual([403, "origin_refused"]);
  expect(await codes(ask(keys.user, { "mcp-protocol-version": "1999-01-01" }))).toEqual([400, "request_invalid"]);
  expect(await codes(product.send("POST", "/mcp", [message], { key: keys.user ?? null }))).toEqual([400, "request_invalid"]);
  const large = { ...message, params: { text: "x".repeat(16_000_000) } };
  // The line may be cut while the rest is still being sent.
  const outcome = await codes(product.send("POST", "/mcp", large, { key: keys.user ?? null })).catch(({ code }) => code);
  expect([["EPIPE"], ["ECONNRESET"], [413, "body_too_large"]]).toContainEqual([outcome].flat());
  for (const method of ["GET", "DELETE"]) {
    const answer = await product.send(method, "/mcp", undefined, { headers: { accept: "text/event-stream" } });
    expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
  }
  const told = await product.send("POST", "/mcp", { jsonrpc: "2.0", method: "notifications/initialized" });
  expect([told.status, told.text]).toEqual([202, ""]);
});
