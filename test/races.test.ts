import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, connect, draft, keyedManifest, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { pause, until } from "./harness/wait.ts";

/* What happens to a connection while something else is happening to it. */

let provider: Provider;
let product: Product;

const key = "the-first-key-0123456789";
const optional = `    refresh: { leeway: 0s }
`;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey(key);
  const acme = oauthManifest(provider, { name: "acme", auth: optional })
    .replace("reason: Change your items. }]", "reason: Change your items. }], optional: [{ name: extra, reason: More. }]")
    .replace("  get_item:\n", "  get_item:\n    scopes: [extra]\n");
  const port = new URL(provider.issuer).port;
  const hosted = keyedManifest(provider, "hosted")
    .replace(`base_url: ${provider.issuer}/keyed`, `base_url: "http://{{ fields.host }}:${port}/keyed"`)
    .replace(
      "    apply:",
      '    fields:\n      - { name: host, required: true, pattern: "^[0-9a-z.]{1,40}$" }\n      - { name: api_key, label: API key, secret: true, required: true, help: Settings. }\n    apply:',
    );
  const staged =
    `${keyedManifest(provider, "staged").replace("auth:\n", "environments: { production: {}, test: {} }\nauth:\n")}`.replace(
      "    apply:",
      "    fields:\n      - { name: stage, type: environment }\n      - { name: api_key, label: API key, secret: true, required: true, help: Settings. }\n    apply:",
    );
  product = await startProduct({ connectors: { acme, hosted, staged, keyed: keyedManifest(provider, "keyed") } });
  await saveApp(product, provider, "acme");
});
afterAll(cleanup);
beforeEach(() => provider.reset());

let owners = 0;
/** Each test has connections of its own. */
const owner = () => {
  owners += 1;
  return `owner-${owners}`;
};
const keyed = (values: Readonly<Record<string, unknown>> = {}) =>
  draft(product, "keyed", { owner: owner(), fields: { api_key: key }, ...values });

test("a connection that is disconnected during its sign-in stays disconnected", async () => {
  const { id } = await draft(product, "acme", { owner: owner() });
  const url = await begin(product, id);
  await provider.set({ api_delay_ms: 1_000 });
  const signIn = new Browser().signIn(url);
  await until("the test call is under way", async () => (await provider.log("/api/me")).length > 0);
  expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  await signIn;
  expect((await product.get(`/v1/connections/${id}`)).json.code).toBe("connection_revoked");
  expect((await step(product, id, "list_items")).status).toBe(410);
});

test("of two sign-ins of one draft with two accounts, the later one is refused", async () => {
  const { id } = await draft(product, "acme", { owner: owner() });
  const [first, second] = [await begin(product, id), await begin(product, id)];
  await provider.set({ api_delay_ms: 1_500 });
  const slow = new Browser().signIn(first, { as: "alan" });
  await until("the slow test call is under way", async () => (await provider.log("/api/me")).length > 0);
  await provider.set({ api_delay_ms: 0 });
  await new Browser().signIn(second, { as: "ada" });
  await slow;
  expect(await look(product, id)).toMatchObject({ status: "connected", unique_id: "acct-1815" });
});

test("a test of the old key that ends late says nothing about the new key", async () => {
  const { id } = await keyed();
  await provider.apiKey("the-next-key-0123456789");
  await provider.set({ api_delay_ms: 1_000, api_unauthorized: 0 });
  const bad = product.send("PATCH", `/v1/connections/${id}`, { fields: { api_key: "a-dead-key-0123456789" } });
  await pause(300);
  await provider.set({ api_delay_ms: 0 });
  const good = await product.send("PATCH", `/v1/connections/${id}`, { fields: { api_key: "the-next-key-0123456789" } });
  expect(good.json.status).toBe("connected");
  expect((await bad).json.code).toBe("credentials_invalid");
  expect((await look(product, id)).status).toBe("connected");
  expect((await step(product, id, "list_items")).status).toBe(200);
});

test.each([403, 404, 400, 408])("a test that is answered with %d does not end a connection that works", async (status) => {
  const { id } = await connect(product, "acme");
  await provider.set({ api_fail: { status, body: '{"error":"not_today"}', times: 1 } });
  const { json } = await product.post(`/v1/connections/${id}/test`);
  expect(json.ok).toBe(false);
  expect((await look(product, id)).status).toBe("connected");
  expect((await step(product, id, "list_items")).status).toBe(200);
});

test("a connection that was given up works again when its stored credential passes the test", async () => {
  const { id } = await connect(product, "acme");
  await provider.set({ refuse_refresh: true });
  await product.post(`/v1/connections/${id}/refresh`);
  expect((await look(product, id)).status).toBe("needs_reauth");
  expect((await product.post(`/v1/connections/${id}/test`)).json).toMatchObject({
    ok: true,
    connection: { status: "connected" },
  });
  expect((await step(product, id, "list_items")).status).toBe(200);
});

test("a refresh whose answer names no scopes grants none that were not granted before", async () => {
  const { id, connection } = await connect(product, "acme");
  expect((await step(product, id, "get_item", { id: "x" })).json.code).toBe("scope_missing");
  const body =
    '{"access_token":"any-token-0123456789","token_type":"Bearer","expires_in":3600,"refresh_token":"next-0123456789"}';
  await provider.set({ token_fail: { status: 200, body, times: 1 } });
  await product.post(`/v1/connections/${id}/refresh`);
  expect(await look(product, id)).toMatchObject({ scopes: connection.scopes, missing_scopes: ["extra"] });
  expect((await step(product, id, "get_item", { id: "x" })).json.code).toBe("scope_missing");
});

test("steps wait as long as the token endpoint asks, and do not ask it again and again", async () => {
  // Too short to be refreshed in the background, so that the steps meet the expired token.
  await provider.set({ access_token_ttl: 1 });
  const { id } = await connect(product, "acme");
  await pause(1_200);
  await provider.forget();
  await provider.set({ token_fail: { status: 429, body: "{}", times: 50, headers: { "retry-after": "3600" } } });
  for (let times = 0; times < 6; times += 1) expect((await step(product, id, "list_items")).status).toBe(429);
  expect(await provider.tokenRequests("refresh_token")).toHaveLength(1);
});

test("a stored key does not follow a changed host unless it is given again", async () => {
  const { id } = await draft(product, "hosted", { owner: owner(), fields: { host: "127.0.0.1", api_key: key } });
  await provider.forget();
  const moved = await product.send("PATCH", `/v1/connections/${id}`, { fields: { host: "localhost" } });
  expect(moved.json).toMatchObject({ status: 422, code: "field_required", field: "api_key" });
  expect(await provider.log()).toEqual([]);
  const again = await product.send("PATCH", `/v1/connections/${id}`, { fields: { host: "localhost", api_key: key } });
  expect(again.json.status).toBe("connected");
});

test("an environment field takes the names of environments only, and never another than the connection's", async () => {
  const make = (values: Readonly<Record<string, unknown>>) =>
    product.post("/v1/connections", { connector: "staged", owner: owner(), ...values });
  const unknown = await make({ fields: { stage: "127.0.0.1", api_key: key } });
  expect(unknown.json).toMatchObject({ status: 422, code: "environment_unknown" });
  const other = await make({ environment: "production", fields: { stage: "test", api_key: key } });
  expect(other.json).toMatchObject({ status: 422, code: "field_invalid", field: "stage" });
  const good = await make({ fields: { stage: "test", api_key: key } });
  expect(good.json).toMatchObject({ environment: "test", fields: { stage: "test" }, status: "connected" });
  const changed = await product.send("PATCH", `/v1/connections/${good.json.id}`, {
    fields: { stage: "production", api_key: key },
  });
  expect(changed.json).toMatchObject({ status: 422, code: "field_invalid" });
});
