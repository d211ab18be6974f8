import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from "jose";
import { atCallback, Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { awkward, begin, connect, draft, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, type Seen, startProvider } from "./harness/provider.ts";

// What a manifest that names an issuer gets from a real authorization server's metadata: pushed requests, bound tokens, id tokens, `iss`.

jest.setTimeout(90_000);

let provider: Provider;
let product: Product;

const withOpenId = (manifest: string) =>
  manifest.replace("required: [", "required: [{ name: openid, reason: Tell one account from another. }, ");
const withPar = (manifest: string, par: string) =>
  manifest.replace(`{ url: ${provider.issuer}/auth }`, `{ url: "${provider.issuer}/auth?theme=dark", par: ${par} }`);

const machineManifest = () => `manifest: 1
name: machine
title: Machine
base_url: ${provider.issuer}/api
auth:
  machine:
    type: oauth2
    grant: client_credentials
    issuer: ${provider.issuer}
    client: { authentication: client_secret_basic }
    token: { url: ${provider.issuer}/token }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  list_items: { title: List items, request: { path: /items }, output: body.items }
`;

beforeAll(async () => {
  provider = await startProvider();
  const manifest = (name: string, auth = "") => oauthManifest(provider, { name, auth });
  product = await startProduct({
    connectors: {
      acme: withPar(manifest("acme", "    dpop: off\n"), "if_offered"),
      posted: oauthManifest(provider, { name: "posted", authentication: "client_secret_post", auth: "    dpop: off\n" }),
      plain: withPar(manifest("plain", "    dpop: off\n"), "off"),
      pushing: withPar(manifest("pushing", "    dpop: off\n"), "required"),
      bound: manifest("bound"),
      binding: manifest("binding", "    dpop: required\n"),
      applied: manifest("applied", '    apply: { value: "Bearer {{ token.access_token }}" }\n'),
      identified: withOpenId(manifest("identified"))
        .replace('label: "{{ me.name }}\'s Acme"', 'label: "{{ token.claims.sub }} of {{ token.claims.iss }}"')
        .replace("unique_id: me.id", "unique_id: token.claims.iss & '/' & token.claims.sub"),
      machine: machineManifest(),
    },
  });
  for (const name of ["acme", "plain", "pushing", "bound", "binding", "applied", "identified"])
    await saveApp(product, provider, name);
  await saveApp(product, provider, "posted", { authentication: "client_secret_post" });
  await provider.client({
    client_id: "machine",
    client_secret: awkward.secret,
    token_endpoint_auth_method: "client_secret_basic",
    redirect_uris: [],
    grant_types: ["client_credentials"],
    response_types: [],
  });
  await product.put("/v1/connectors/machine/apps/machine/production", { client_id: "machine", client_secret: awkward.secret });
});
afterAll(cleanup);

beforeEach(async () => {
  await provider.reset();
  // The product keeps the metadata that it has read, so that what is offered is the same in all tests.
  await provider.set({ par: "offered", dpop: true });
});
afterEach(async () => {
  for (const { id } of (await product.get("/v1/connections?limit=100")).json.items)
    await product.send("DELETE", `/v1/connections/${id}`);
});

const atProvider = (browser: Browser) =>
  browser.trail.filter((url) => url.origin === provider.issuer && url.pathname === "/auth");
const keyOf = async (seen: Seen | undefined) =>
  calculateJwkThumbprint(decodeProtectedHeader(seen?.headers.dpop ?? "").jwk as JWK);

describe("A provider that takes pushed requests", () => {
  test.each(["acme", "posted"])("gets the parameters of %s from us, and from the browser only the reference", async (name) => {
    const { browser, connection } = await connect(product, name);
    expect(connection.status).toBe("connected");
    const [url] = atProvider(browser);
    const own = name === "acme" ? ["theme"] : [];
    expect([...(url?.searchParams.keys() ?? [])]).toEqual([...own, "client_id", "request_uri"]);
    const [push, ...more] = await provider.log("/request");
    expect(more).toEqual([]);
    const sent = new URLSearchParams(push?.body);
    expect(push?.status).toBe(201);
    expect(sent.get("redirect_uri")).toBe(`${product.url}/oauth/callback/${name}`);
    expect(sent.get("code_challenge_method")).toBe("S256");
    expect(sent.get("state")).toMatch(/^[\w-]{43}$/);
    expect(sent.getAll("client_id")).toHaveLength(1);
    // Exactly one proof of the client.
    expect(push?.headers.authorization !== undefined).toBe(name === "acme");
    expect(sent.has("client_secret")).toBe(name === "posted");
    expect(browser.trail.some((opened) => opened.href.includes("code_challenge"))).toBe(false);
  });

  test("gets the request when the browser is there, as a reference lives for a minute only, and each time anew", async () => {
    const { id } = await draft(product, "acme");
    const url = await begin(product, id);
    expect(await provider.log("/request")).toEqual([]);
    const browser = new Browser();
    await browser.open(url, { stop: (next) => next.origin === provider.issuer });
    await browser.signIn(url);
    expect((await look(product, id)).status).toBe("connected");
    const references = (await provider.log("/request")).map(({ status }) => status);
    expect(references).toEqual([201, 201]);
  });

  test("and refuses this one is asked as one that does not, unless the manifest or the provider requires it", async () => {
    await provider.set({ par_fail: { status: 400, body: '{"error":"invalid_request"}', times: 1 } });
    const first = await connect(product, "acme");
    expect(first.connection.status).toBe("connected");
    expect(atProvider(first.browser)[0]?.searchParams.get("code_challenge_method")).toBe("S256");

    const failure = { status: 401, body: '{"error":"invalid_client","error_description":"no such app"}', times: 1 };
    await provider.set({ par_fail: failure });
    const { browser, connection, visit } = await connect(product, "pushing");
    expect(atProvider(browser)).toEqual([]);
    expect(visit.answer?.status).toBe(502);
    expect(connection).toMatchObject({
      status: "error",
      error: { code: "client_refused", provider: { error: "invalid_client" } },
    });
    // Nothing is left of it once the provider takes the request.
    expect((await connect(product, "pushing")).connection.status).toBe("connected");
  });

  test("gets nothing pushed where the manifest switches it off", async () => {
    const { browser, connection } = await connect(product, "plain");
    expect(connection.status).toBe("connected");
    expect(atProvider(browser)[0]?.searchParams.has("state")).toBe(true);
    expect(await provider.log("/request")).toEqual([]);
  });
});

describe("A provider that binds tokens to keys", () => {
  test("gets a proof with the code, and its API one with every call, each made for that call alone", async () => {
    const { id, connection } = await connect(product, "bound");
    expect(connection.status).toBe("connected");
    await step(product, id, "get_item", { id: "a/b" });
    await step(product, id, "create_item", { name: "x" });
    const [token] = await provider.log("/token");
    const calls = (await provider.log()).filter(({ path }) => path.startsWith("/api/"));
    expect(calls.map(({ status }) => status)).toEqual([200, 200, 201]);
    const keys = new Set(await Promise.all([token, ...calls].map(keyOf)));
    expect(keys.size).toBe(1);
    expect(decodeJwt(token?.headers.dpop ?? "")).toMatchObject({ htm: "POST", htu: `${provider.issuer}/token` });
    expect(decodeJwt(token?.headers.dpop ?? "").ath).toBeUndefined();
    const proofs = calls.map(({ headers }) => decodeJwt(headers.dpop ?? ""));
    expect(proofs.map(({ htm }) => htm)).toEqual(["GET", "GET", "POST"]);
    expect(proofs[1]?.htu).toBe(`${provider.issuer}/api/items/a%2Fb`);
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3);
    for (const { headers } of calls) expect(headers.authorization).toMatch(/^DPoP /);
  });

  test("gets another key for another connection", async () => {
    await connect(product, "bound", { as: "ada" });
    await connect(product, "bound", { as: "alan" });
    expect(new Set(await Promise.all((await provider.log("/token")).map(keyOf))).size).toBe(2);
  });

  test("refreshes with the key of the sign-in, also after a 401 of the API", async () => {
    const { id } = await connect(product, "bound");
    await provider.invalidate();
    expect((await step(product, id, "list_items")).status).toBe(200);
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect((await step(product, id, "list_items")).status).toBe(200);
    const requests = await provider.log("/token");
    expect(requests).toHaveLength(3);
    expect(new Set(await Promise.all(requests.map(keyOf))).size).toBe(1);
  });

  test("and wants a nonce gets it at the token endpoint and at the API, and is not asked twice for the same", async () => {
    const restart = async () => {
      await product.end("SIGTERM");
      await product.start();
    };
    await provider.set({ dpop_nonce: true });
    await restart();
    const { id, connection } = await connect(product, "bound");
    expect(connection.status).toBe("connected");
    const { json } = await step(product, id, "list_items");
    expect(json.step.attempts).toBe(1);
    await product.post(`/v1/connections/${id}/refresh`);
    expect((await step(product, id, "list_items")).status).toBe(200);
    expect((await provider.log("/token")).map(({ status }) => status)).toEqual([400, 200, 200]);
    const api = (await provider.log()).filter(({ path }) => path.startsWith("/api/"));
    expect(api.map(({ status }) => status)).toEqual([401, 200, 200, 200]);
    // A call that was refused for want of a nonce was not carried out: it is made again whatever it does.
    await restart();
    expect((await step(product, id, "create_item", { name: "once" })).status).toBe(200);
    const created = (await provider.log("/api/items")).filter(({ method }) => method === "POST");
    expect(created.map(({ status }) => status)).toEqual([401, 201]);
  });

  test("gets a proof for the target of a redirect, too", async () => {
    const { id } = await connect(product, "bound");
    const { status, json } = await step(product, id, "redirect", { to: `${provider.issuer}/api/items?limit=2` });
    expect([status, json.output?.items?.length]).toEqual([200, 2]);
  });

  test("may stand before an API that knows only plain tokens: they are sent as such, and stay so when they are refreshed", async () => {
    await provider.set({ dpop_unaware: true });
    const { id, connection } = await connect(product, "bound");
    expect(connection.status).toBe("connected");
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    const { json: machine } = await product.post("/v1/connections", { connector: "machine" });
    expect((await product.post(`/v1/connections/${machine.id}/refresh`)).status).toBe(200);
    await provider.forget();
    for (const connection of [id, machine.id]) expect((await step(product, connection, "list_items")).status).toBe(200);
    expect(await provider.log("/api/items")).toHaveLength(2);
  });

  test("but answers with a plain token is taken at its word, unless the manifest requires a bound one", async () => {
    // The metadata was read when it could still do it.
    await connect(product, "bound");
    await provider.set({ dpop: false });
    const { id, connection } = await connect(product, "bound", { as: "alan" });
    expect(connection.status).toBe("connected");
    await step(product, id, "list_items");
    const [call] = await provider.log("/api/items");
    expect(call?.headers.authorization).toMatch(/^Bearer /);
    expect(call?.headers.dpop).toBeUndefined();
    expect((await connect(product, "binding")).connection.error.code).toBe("token_type_unsupported");
  });

  test("binds what the manifest requires it to, and nothing that the manifest sends in its own way", async () => {
    expect((await connect(product, "binding")).connection.status).toBe("connected");
    await provider.forget();
    expect((await connect(product, "applied")).connection.status).toBe("connected");
    expect((await provider.log()).filter(({ headers }) => headers.dpop !== undefined)).toEqual([]);
  });

  test("binds the token of a client that asks in its own name", async () => {
    const { json } = await product.post("/v1/connections", { connector: "machine" });
    expect(json.status).toBe("connected");
    expect((await step(product, json.id, "list_items")).status).toBe(200);
    expect((await provider.log("/api/items"))[0]?.headers.authorization).toMatch(/^DPoP /);
  });
});

describe("A provider that says who somebody is", () => {
  test("gets a nonce, and its id token names and identifies the connection", async () => {
    const first = await connect(product, "identified");
    expect(first.connection).toMatchObject({
      status: "connected",
      label: `ada of ${provider.issuer}`,
      unique_id: `${provider.issuer}/ada`,
    });
    expect(new URLSearchParams((await provider.log("/request"))[0]?.body).get("nonce")).toMatch(/^[\w-]{22}$/);
    // The claims stay when the token is refreshed, and when the label is worked out anew.
    expect((await product.post(`/v1/connections/${first.id}/refresh`)).status).toBe(200);
    expect((await product.post(`/v1/connections/${first.id}/test`)).json.connection.label).toBe(`ada of ${provider.issuer}`);
    // The same account again is the same connection.
    const again = await connect(product, "identified");
    expect(again.connection.id).toBe(first.id);
  });
});

test("A provider that promises to tell `iss` is not believed without it, before any token request", async () => {
  const { id } = await draft(product, "acme");
  const browser = new Browser();
  const { url } = await browser.signIn(await begin(product, id), { stop: atCallback });
  expect(url.searchParams.get("iss")).toBe(provider.issuer);
  url.searchParams.delete("iss");
  await browser.open(url);
  expect(await provider.tokenRequests()).toEqual([]);
  expect((await look(product, id)).error.code).toBe("issuer_mismatch");
});
