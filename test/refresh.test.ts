import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, connect, events, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { pause, until } from "./harness/wait.ts";

jest.setTimeout(90_000);

let provider: Provider;
let product: Product;

beforeAll(async () => {
  provider = await startProvider();
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      // Its jobs are due only at the very end, so that a step meets the expired token first.
      late: oauthManifest(provider, { name: "late", auth: "    refresh: { leeway: 0s, rotation: always }\n" }),
      once: oauthManifest(provider, { name: "once", auth: "    refresh: { strategy: none }\n" }),
    },
  });
  for (const name of ["acme", "late", "once"]) await saveApp(product, provider, name);
});
afterAll(cleanup);

beforeEach(() => provider.reset());
afterEach(async () => {
  for (const { id } of (await product.get("/v1/connections?limit=100")).json.items)
    await product.send("DELETE", `/v1/connections/${id}`);
});

const refreshes = () => provider.tokenRequests("refresh_token");
const typesOf = async (id: string) => (await events(product, id)).map((event) => event.type);

test("an expired token is refreshed exactly once for 50 parallel steps", async () => {
  await provider.set({ access_token_ttl: 10 });
  const { id, connection } = await connect(product, "late");
  await provider.set({ token_delay_ms: 500, access_token_ttl: 3600 });
  expect(await refreshes()).toHaveLength(0);
  // A token is no longer sent in the last tenth of its life.
  await pause(Date.parse(connection.expires_at) - Date.now() - 700);
  const answers = await Promise.all(Array.from({ length: 50 }, () => step(product, id, "list_items")));
  expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
  expect(await refreshes()).toHaveLength(1);
  const used = new Set((await provider.log("/api/items")).map((seen) => seen.headers.authorization));
  expect(used).toEqual(new Set([`Bearer ${(await provider.issued()).access_tokens.at(-1)}`]));
});

test("50 parallel steps whose token the API no longer takes make exactly one refresh, too", async () => {
  const { id } = await connect(product, "acme");
  await provider.invalidate();
  await provider.set({ token_delay_ms: 500 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => step(product, id, "list_items")));
  expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
  expect(await refreshes()).toHaveLength(1);
});

test("a valid token is used again and again without any token request", async () => {
  const { id } = await connect(product, "acme");
  await provider.forget();
  for (let turn = 0; turn < 5; turn += 1) expect((await step(product, id, "list_items")).status).toBe(200);
  expect(await provider.tokenRequests()).toHaveLength(0);
});

test("a token is refreshed before it expires, though nobody runs a step", async () => {
  await provider.set({ access_token_ttl: 6 });
  const { id, connection } = await connect(product, "acme");
  await provider.set({ access_token_ttl: 3600 });
  const [seen] = await until("a refresh", async () => {
    const all = (await provider.log("/token")).filter((request) => request.body.includes("grant_type=refresh_token"));
    return all.length > 0 ? all : undefined;
  });
  expect(seen?.at).toBeLessThan(Date.parse(connection.expires_at));
  await until("the new expiry to be stored", async () => (await look(product, id)).expires_at !== connection.expires_at);
  expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
  const refreshed = (await events(product, id)).find((event) => event.type === "refreshed");
  expect(refreshed).toMatchObject({ actor: "system" });
  await pause(1000);
  expect(await refreshes()).toHaveLength(1);
});

test("the jobs of the queue are rebuilt from the store after kill -9", async () => {
  await provider.set({ access_token_ttl: 8 });
  const { id } = await connect(product, "acme");
  await product.end("SIGKILL");
  expect(await refreshes()).toHaveLength(0);
  await provider.set({ access_token_ttl: 3600 });
  await product.start();
  await until("a refresh", async () => (await refreshes()).length > 0);
  await until("its event", async () => (await typesOf(id)).includes("refreshed"));
  expect(await refreshes()).toHaveLength(1);
});

test("a connection whose token expired while the process was down works at once after the start", async () => {
  await provider.set({ access_token_ttl: 2 });
  const { id } = await connect(product, "late");
  await product.end("SIGKILL");
  await pause(2500);
  await provider.set({ access_token_ttl: 3600 });
  await product.start();
  expect((await step(product, id, "list_items")).status).toBe(200);
  expect((await refreshes()).length).toBeLessThanOrEqual(2);
  expect((await look(product, id)).status).toBe("connected");
});

test("a rotated refresh token survives kill -9 in the moment after the answer", async () => {
  const { id } = await connect(product, "acme");
  for (let turn = 0; turn < 3; turn += 1) {
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    await product.end("SIGKILL");
    await product.start();
  }
  expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
  expect((await step(product, id, "list_items")).status).toBe(200);
  const { refresh_tokens: issued } = await provider.issued();
  expect((await refreshes()).map((body) => body.get("refresh_token"))).toEqual(issued.slice(-5, -1));
});

test("kill -9 while the token request is under way loses nothing that the provider had not changed", async () => {
  const { id } = await connect(product, "acme");
  await provider.set({ token_fail: { status: 503, body: "", times: 1 }, token_delay_ms: 1000 });
  const cut = product.post(`/v1/connections/${id}/refresh`).catch(() => undefined);
  await until("the token request", async () => (await provider.log("/token")).length > 1);
  await product.end("SIGKILL");
  await cut;
  await pause(1200);
  await provider.set({ token_delay_ms: 0 });
  await product.start();
  // The lease of the process that is gone must not stand in the way for longer than a token request may take.
  await until("the refresh", async () => (await product.post(`/v1/connections/${id}/refresh`)).status === 200, {
    timeout: 80_000,
  });
  expect((await look(product, id)).status).toBe("connected");
});

test("a step that meets a 401 forces one refresh and is tried once more", async () => {
  const { id } = await connect(product, "acme");
  await provider.forget();
  await provider.set({ api_unauthorized: 1 });
  const answer = await step(product, id, "list_items");
  expect(answer.status).toBe(200);
  expect(answer.json.step.attempts).toBe(2);
  expect(await refreshes()).toHaveLength(1);
  const [first, second] = (await provider.log("/api/items")).map((seen) => seen.headers.authorization);
  expect(second).not.toBe(first);
});

test("a step that meets nothing but 401 ends after one refresh and two tries, with the provider's status", async () => {
  const { id } = await connect(product, "acme");
  await provider.forget();
  await provider.set({ api_unauthorized: 50 });
  const answer = await step(product, id, "list_items");
  expect(answer.status).toBe(502);
  expect(answer.json).toMatchObject({ code: "provider_unauthorized", provider: { status: 401 } });
  expect(await refreshes()).toHaveLength(1);
  expect(await provider.log("/api/items")).toHaveLength(2);
});

test("a 403 forces no refresh", async () => {
  const { id } = await connect(product, "acme");
  const answer = await step(product, id, "status", { code: 403 });
  expect(answer.json).toMatchObject({
    code: "provider_permission",
    detail: "The provider's own words.",
    provider: { status: 403 },
  });
  expect(await refreshes()).toHaveLength(0);
});

describe("invalid_grant", () => {
  test("makes a connection `needs_reauth`, with exactly one event and no further token request", async () => {
    const { id } = await connect(product, "acme");
    await provider.revoke();
    const answers = await Promise.all(Array.from({ length: 20 }, () => step(product, id, "list_items")));
    for (const answer of answers) {
      expect(answer.status).toBe(409);
      expect(answer.json.code).toBe("needs_reauth");
    }
    expect(await refreshes()).toHaveLength(1);
    expect(await look(product, id)).toMatchObject({
      status: "needs_reauth",
      label: "Ada Lovelace's Acme",
      error: { provider: { error: "invalid_grant" } },
    });
    for (let turn = 0; turn < 3; turn += 1) {
      expect((await step(product, id, "list_items")).json.code).toBe("needs_reauth");
      expect((await product.post(`/v1/connections/${id}/refresh`)).json.code).toBe("needs_reauth");
    }
    await product.end("SIGKILL");
    await product.start();
    await pause(1000);
    expect(await refreshes()).toHaveLength(1);
    expect((await typesOf(id)).filter((type) => type === "needs_reauth")).toHaveLength(1);
  });

  test("is met by the background refresh just the same", async () => {
    await provider.set({ access_token_ttl: 3 });
    const { id } = await connect(product, "acme");
    await provider.set({ refuse_refresh: true });
    await until("the new status", async () => (await look(product, id)).status === "needs_reauth");
    await pause(4000);
    expect(await refreshes()).toHaveLength(1);
    expect((await typesOf(id)).filter((type) => type === "needs_reauth")).toHaveLength(1);
    expect((await look(product, id)).error).toMatchObject({
      provider: { error: "invalid_grant", error_description: "The refresh token was revoked" },
    });
  });

  test("is healed by signing in again: same id, same name", async () => {
    const { id } = await connect(product, "acme");
    await product.send("PATCH", `/v1/connections/${id}`, { name: "Mine" });
    await provider.revoke();
    await product.post(`/v1/connections/${id}/refresh`);
    await new Browser().signIn(await begin(product, id));
    expect(await look(product, id)).toMatchObject({ id, status: "connected", name: "Mine", error: null });
    expect((await step(product, id, "list_items")).status).toBe(200);
  });
});

describe("a refresh that fails for other reasons changes nothing", () => {
  for (const [what, failure] of [
    ["503", { status: 503, body: "busy", type: "text/html" }],
    ["429", { status: 429, body: "{}", headers: { "retry-after": "1" } }],
    ["an unreadable answer", { status: 200, body: "<html>Welcome</html>", type: "text/html" }],
    ["an empty 400", { status: 400, body: "" }],
  ] as const)
    test(`such as ${what}`, async () => {
      const { id } = await connect(product, "acme");
      await provider.set({ token_fail: { ...failure, times: 1 } });
      const refused = await product.post(`/v1/connections/${id}/refresh`);
      expect(refused.status).toBeGreaterThanOrEqual(429);
      expect((await look(product, id)).status).toBe("connected");
      expect((await step(product, id, "list_items")).status).toBe(200);
      expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
      expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
    });

  test("a background refresh that fails is tried again, and the still valid token goes on being used", async () => {
    await provider.set({ access_token_ttl: 60 });
    const { id } = await connect(product, "acme");
    await provider.set({ access_token_ttl: 3600, token_fail: { status: 503, body: "", times: 1 } });
    await product.post(`/v1/connections/${id}/refresh`);
    expect((await step(product, id, "list_items")).status).toBe(200);
    await until("the second try", async () => (await refreshes()).length >= 2, { timeout: 60_000 });
    await until("its success", async () => (await look(product, id)).error === null);
  });
});

test("a connection that cannot be refreshed says so", async () => {
  const { id, connection } = await connect(product, "once");
  expect(connection.renewable).toBe(false);
  const answer = await product.post(`/v1/connections/${id}/refresh`);
  expect(answer.status).toBe(409);
  expect(answer.json.code).toBe("not_renewable");
  expect(await refreshes()).toHaveLength(0);
});

test("every answer that was given here fits the OpenAPI document", async () => {
  const document = (await product.get("/openapi.json")).json;
  expect(
    checkAnswers(
      document,
      heard.filter((answer) => answer.origin === product.url),
    ),
  ).toEqual([]);
});
