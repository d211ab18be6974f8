import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { awkward, begin, connect, draft, look, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { startListener } from "./provider/listener.ts";
import { backTo, type OddProvider, type Reply, type Seen, startOddProvider } from "./provider/odd.ts";

// The connector `http`: any REST API without a manifest. Whatever a manifest says elsewhere is typed here, so everything that the linter
// checks there is checked when it is typed, or when it is used.

jest.setTimeout(60_000);

let api: OddProvider;
let elsewhere: OddProvider;
let provider: Provider;
let product: Product;

const secrets = {
  token: "canary-bearer-token-0123456789",
  key: "canary-api-key-0123456789",
  password: "canary:pässword /+%&",
} as const;

/** Tells what arrived; whoever comes without a credential is turned away. */
const echo = ({ method, target, query, headers, body }: Seen): Reply => {
  const known = headers.authorization ?? headers["x-acme-key"] ?? query.get("acme_key");
  if (known === undefined || known === null) return { status: 401, body: { error: "who are you?" } };
  return {
    body: { method, target, type: headers["content-type"] ?? null, extra: headers["x-extra"] ?? null, body: body.toString() },
  };
};

const redirectTo = ({ query }: Seen): Reply => ({ status: 302, headers: { location: query.get("to") ?? "" } });

beforeAll(async () => {
  const routes = { "/v1/": echo, "/v1/me": echo, "/v1/items/a%2Fb": echo, "/v1/items/é": echo, "/v1/redirect": redirectTo };
  api = await startOddProvider({
    ...routes,
    "/v1/items/42": echo,
    "/v1/items/%C3%A9": echo,
    "/public/": () => ({ body: { open: true } }),
    "/secret": echo,
    "/broken/": () => ({ status: 503, body: { error: "closed for today" } }),
    "/oauth/authorize": ({ query }) => backTo(query.get("redirect_uri"), { code: "code-1", state: query.get("state") }),
    "/oauth/token": ({ form }) => ({
      body: { access_token: `token-of-${form.get("client_id")}`, token_type: "Bearer", expires_in: 3600, scope: "items.read" },
    }),
    "/oauth/revoke": () => ({ body: {} }),
  });
  elsewhere = await startOddProvider({ "/files/": echo, "/files/1": echo, "/files/2": echo, "/private": echo });
  provider = await startProvider();
  product = await startProduct();
});

afterAll(cleanup);

const base = () => `${api.url}/v1`;

/** A connection, with an owner of its own. */
const make = (auth: string, fields: Readonly<Record<string, unknown>>, owner: string) =>
  draft(product, "http", { auth, owner, fields: { base_url: base(), ...fields } });

/** What is answered to somebody who gives such fields. */
const refusal = async (auth: string, fields: Readonly<Record<string, unknown>>) => {
  const answer = await product.post("/v1/connections", { connector: "http", auth, fields });
  return [answer.status, answer.json.code, answer.json.field];
};

const bearer = (more: Readonly<Record<string, unknown>>, owner: string) =>
  make("bearer", { token: secrets.token, ...more }, owner);

describe("every way to sign in", () => {
  test("no sign-in: the request goes out as it is", async () => {
    const connection = await make("none", { base_url: `${api.url}/public` }, "none");
    expect(connection).toMatchObject({ status: "connected", label: new URL(api.url).host, unique_id: `${api.url}/public` });
    expect((await step(product, connection.id, "request")).json.output).toEqual({ open: true });
    expect(api.at("/public/").at(-1)?.headers.authorization).toBeUndefined();
  });

  test("an access token", async () => {
    const connection = await bearer({ account: "reports" }, "bearer");
    expect(connection).toMatchObject({
      status: "connected",
      label: `reports at ${new URL(api.url).host}`,
      unique_id: `${base()} reports`,
    });
    expect(api.at("/v1/").at(-1)?.headers.authorization).toBe(`Bearer ${secrets.token}`);
  });

  test("user name and password, whatever letters they have", async () => {
    const connection = await make("basic", { username: "jané", password: secrets.password }, "basic");
    expect(connection).toMatchObject({ status: "connected", unique_id: `${base()} jané` });
    const sent = Buffer.from(`jané:${secrets.password}`).toString("base64");
    expect(api.at("/v1/").at(-1)?.headers.authorization).toBe(`Basic ${sent}`);
  });

  test("a key in a header whose name is typed, with a word before it", async () => {
    const connection = await make("api_key", { key_name: "X-Acme-Key", word: "Token", api_key: secrets.key }, "header");
    expect(connection.status).toBe("connected");
    const seen = api.at("/v1/").at(-1);
    expect([seen?.headers["x-acme-key"], seen?.target]).toEqual([`Token ${secrets.key}`, "/v1/"]);
  });

  test("a key in the query, by the name that is typed", async () => {
    const connection = await make("api_key", { place: "query", key_name: "acme_key", api_key: secrets.key }, "query");
    expect(connection.status).toBe("connected");
    const seen = api.at("/v1/").at(-1);
    expect([seen?.target, seen?.headers["x-api-key"]]).toEqual([`/v1/?acme_key=${secrets.key}`, undefined]);
  });

  test("a header that steers the connection cannot hold the key", async () => {
    const connection = await make("api_key", { key_name: "Transfer-Encoding", api_key: secrets.key }, "reserved");
    expect(connection).toMatchObject({ status: "error", error: { code: "header_refused" } });
  });

  test("a provider that refuses is shown with its own words, and nothing is connected", async () => {
    const connection = await make("api_key", { key_name: "X-Other-Key", api_key: secrets.key, test_path: "/me" }, "refused");
    expect(connection).toMatchObject({
      status: "error",
      error: { code: "credentials_invalid", provider: { status: 401, error: "who are you?" } },
    });
  });

  test("a provider that is closed counts as unreachable, not as a refusal", async () => {
    const connection = await bearer({ base_url: `${api.url}/broken` }, "closed");
    expect(connection).toMatchObject({ status: "error", error: { code: "test_unreachable" } });
  });
});

describe("OAuth 2.0 with the user's own client", () => {
  const machine = { client_id: "machine:/+% &=?", client_secret: awkward.secret } as const;
  const person = { client_id: `${awkward.id}-http`, client_secret: awkward.secret } as const;

  beforeAll(async () => {
    const secret = { client_secret: awkward.secret, token_endpoint_auth_method: "client_secret_basic" } as const;
    await provider.client({
      ...secret,
      client_id: machine.client_id,
      redirect_uris: [],
      grant_types: ["client_credentials"],
      response_types: [],
    });
    await provider.client({
      ...secret,
      client_id: person.client_id,
      redirect_uris: [`${product.url}/oauth/callback/http`],
    });
  });

  const endpoints = () => ({
    base_url: `${provider.issuer}/api`,
    token_url: `${provider.issuer}/token`,
    revocation_url: `${provider.issuer}/token/revocation`,
    test_path: "/me",
    client_authentication: "client_secret_basic",
  });

  test("client credentials connect with one request and no browser, and are revoked in the end", async () => {
    await provider.forget();
    const connection = await make("client_credentials", { ...endpoints(), ...machine, scopes: "read" }, "machine");
    expect(connection).toMatchObject({
      status: "connected",
      scopes: ["read"],
      missing_scopes: [],
      label: `${machine.client_id} at ${new URL(provider.issuer).host}`,
      unique_id: `${provider.issuer}/api ${machine.client_id}`,
    });
    const requests = await provider.tokenRequests();
    expect(requests.map((request) => Object.fromEntries(request))).toEqual([{ grant_type: "client_credentials", scope: "read" }]);
    expect((await product.send("DELETE", `/v1/connections/${connection.id}`)).status).toBe(204);
    expect((await provider.log("/token/revocation")).map(({ status }) => status)).toEqual([200]);
  });

  test("the client is sent in the one way that was chosen", async () => {
    const typed = {
      base_url: base(),
      token_url: `${api.url}/oauth/token?tenant=7`,
      client_id: "posted",
      client_secret: "posted-secret-0123456789",
      audience: "https://api.acme.example/",
    };
    await make("client_credentials", typed, "posted");
    const seen = api.at("/oauth/token").at(-1);
    expect(seen?.target).toBe("/oauth/token?tenant=7");
    expect(seen?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(seen?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: typed.client_id,
      client_secret: typed.client_secret,
      audience: typed.audience,
    });
    await make("client_credentials", { ...typed, client_authentication: "client_secret_basic_raw" }, "raw");
    const basic = Buffer.from(`${typed.client_id}:${typed.client_secret}`).toString("base64");
    expect(api.at("/oauth/token").at(-1)?.headers.authorization).toBe(`Basic ${basic}`);
    expect(api.at("/oauth/token").at(-1)?.form.has("client_secret")).toBe(false);
  });

  test("without a revocation URL nobody is told, and nothing goes wrong", async () => {
    const typed = { token_url: `${api.url}/oauth/token`, client_id: "quiet", client_secret: "quiet-secret-0123456789" };
    const connection = await make("client_credentials", typed, "quiet");
    const before = api.seen.length;
    expect((await product.send("DELETE", `/v1/connections/${connection.id}`)).status).toBe(204);
    expect(api.seen.length).toBe(before);
  });

  test("authorization code: the person signs in, the scopes are asked for, the token is refreshed", async () => {
    const fields = {
      ...endpoints(),
      ...person,
      authorization_url: `${provider.issuer}/auth?prompt=consent&state=forged&client_id=forged`,
      scopes: "read  write",
      account: "ada",
    };
    const { visit, connection, id } = await connect(product, "http", { as: "ada", auth: "authorization_code", fields });
    expect(visit.answer?.status).toBe(200);
    expect(connection).toMatchObject({
      status: "connected",
      label: `ada at ${new URL(provider.issuer).host}`,
      unique_id: `${provider.issuer}/api ada`,
      scopes: ["read", "write"],
      renewable: true,
    });
    const [asked] = await provider.log("/auth");
    expect(asked?.query).toMatchObject({ prompt: "consent", scope: "read write", client_id: person.client_id });
    expect(asked?.query.state).not.toBe("forged");
    expect(asked?.target.match(/[?&]state=/g)).toHaveLength(1);
    expect((await step(product, id, "request", { path: "/items", query: { limit: 2 } })).json.output.items).toHaveLength(2);
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect(await provider.tokenRequests("refresh_token")).toHaveLength(1);
  });

  test("scopes that were asked for and not granted are shown as missing", async () => {
    const fields = {
      authorization_url: `${api.url}/oauth/authorize`,
      token_url: `${api.url}/oauth/token`,
      client_id: "public-client",
      client_authentication: "none",
      scopes: "items.read items.write",
    };
    const { id } = await make("authorization_code", fields, "partial");
    await new Browser().open(await begin(product, id));
    expect(await look(product, id)).toMatchObject({
      status: "connected",
      scopes: ["items.read"],
      missing_scopes: ["items.write"],
    });
    expect(api.at("/oauth/authorize").at(-1)?.query.get("scope")).toBe("items.read items.write");
    expect(api.at("/oauth/token").at(-1)?.form.has("client_secret")).toBe(false);
  });

  test("an admin's secret cannot be had: there is no app to save for it", async () => {
    const answer = await product.put("/v1/connectors/http/apps/authorization_code/production", {
      client_id: "admin",
      client_secret: "canary-admin-secret-0123",
    });
    expect(answer.json.code).toBe("app_not_used");
  });
});

describe("a request", () => {
  let id: string;

  beforeAll(async () => {
    ({ id } = await bearer({ whitelist: [`${elsewhere.url}/files`] }, "requests"));
  });

  test("has the method, path, query, headers and body that it is given", async () => {
    const answer = await step(product, id, "request", {
      method: "PATCH",
      path: "/items/42",
      query: { tag: ["a", "b & c"], limit: 2, none: null },
      headers: { "X-Extra": "yes" },
      body: { name: "Größe", list: [1, { two: true }] },
    });
    expect(answer.json.output).toEqual({
      method: "PATCH",
      target: "/v1/items/42?tag=a&tag=b%20%26%20c&limit=2",
      type: "application/json",
      extra: "yes",
      body: '{"name":"Größe","list":[1,{"two":true}]}',
    });
  });

  test("is a GET of the base URL where nothing is given", async () => {
    expect((await step(product, id, "request")).json.output).toMatchObject({ method: "GET", target: "/v1/", body: "" });
  });

  test("sends a form or a text where the encoding says so", async () => {
    const form = await step(product, id, "request", {
      method: "POST",
      path: "/me",
      encoding: "form",
      body: { a: "1 2", b: "é" },
    });
    expect(form.json.output).toMatchObject({ type: "application/x-www-form-urlencoded", body: "a=1+2&b=%C3%A9" });
    const text = await step(product, id, "request", { method: "PUT", path: "/me", encoding: "text", text: "<plain>" });
    expect(text.json.output).toMatchObject({ type: "text/plain; charset=utf-8", body: "<plain>" });
  });

  test("keeps what its path has encoded and encodes the rest", async () => {
    expect((await step(product, id, "request", { path: "/items/a%2Fb" })).json.output.target).toBe("/v1/items/a%2Fb");
    expect((await step(product, id, "request", { path: "/items/é" })).json.output.target).toBe("/v1/items/%C3%A9");
  });

  test.each([
    ["a path above the base URL", { path: "/../secret" }, "input_invalid"],
    ["an encoded one", { path: "/%2e%2e/secret" }, "input_invalid"],
    ["one that is encoded twice", { path: "/a/..%252f..%252fsecret" }, "input_invalid"],
    ["one with a path parameter", { path: "/..;/secret" }, "input_invalid"],
    ["another host in the path", { path: "//evil.example/" }, "input_invalid"],
    ["a backslash", { path: "/\\evil.example/" }, "input_invalid"],
    ["a query in the path", { path: "/me?a=1" }, "input_invalid"],
    ["a path without a slash", { path: "@evil.example/" }, "input_invalid"],
    ["another method", { method: "TRACE" }, "input_invalid"],
    ["a text instead of a query", { query: "a=1" }, "input_invalid"],
    ["a header that steers the connection", { headers: { Host: "evil.example" } }, "header_refused"],
    ["a header of the platform's proxy", { headers: { "X-Forwarded-For": "10.0.0.1" } }, "header_refused"],
    ["a cookie", { headers: { cookie: "a=b" } }, "header_refused"],
    ["a header with a line end", { headers: { "X-Extra": "a\r\nHost: evil.example" } }, "header_refused"],
    ["a header with a bad name", { headers: { "X Extra": "a" } }, "header_refused"],
    ["an object within a query", { query: { a: { b: 1 } } }, "expression_error"],
  ])("with %s is refused before it is sent", async (_, input, code) => {
    const before = api.seen.length;
    const answer = await step(product, id, "request", input);
    expect([answer.json.code, api.seen.length - before]).toEqual([code, 0]);
  });

  test("cannot replace the credential, in whatever case the header is spelled", async () => {
    const answer = await step(product, id, "request", {
      path: "/me",
      headers: { AUTHORIZATION: "Bearer forged", authorization: "x" },
    });
    expect(answer.status).toBe(200);
    expect(api.at("/v1/me").at(-1)?.headers.authorization).toBe(`Bearer ${secrets.token}`);
  });

  test("cannot replace a key in a header or in the query", async () => {
    const header = await make("api_key", { key_name: "X-Acme-Key", api_key: secrets.key, account: "h" }, "no-override");
    await step(product, header.id, "request", { path: "/me", headers: { "x-acme-key": "forged" } });
    expect(api.at("/v1/me").at(-1)?.headers["x-acme-key"]).toBe(secrets.key);
    const query = await make(
      "api_key",
      { place: "query", key_name: "acme_key", api_key: secrets.key, account: "q" },
      "no-override",
    );
    await step(product, query.id, "request", { path: "/me", query: { acme_key: ["forged", "twice"], a: 1 } });
    expect(api.at("/v1/me").at(-1)?.target).toBe(`/v1/me?a=1&acme_key=${secrets.key}`);
  });

  test("to a further URL goes where the user allowed it, and nowhere else", async () => {
    const run = (url: string) => step(product, id, "request_url", { url });
    expect((await run(`${elsewhere.url}/files/1?part=2`)).json.output.target).toBe("/files/1?part=2");
    expect((await run(`${base()}/me`)).status).toBe(200);
    for (const url of [
      `${elsewhere.url}/private`,
      `${elsewhere.url}/files/../private`,
      `${api.url}/secret`,
      "https://evil.example/",
    ])
      expect((await run(url)).json.code).toBe("url_not_whitelisted");
    for (const url of [
      `${elsewhere.url}/files/..%2fprivate`,
      `http://user@${new URL(elsewhere.url).host}/files/1`,
      "file:///etc/passwd",
    ])
      expect((await run(url)).json.code).toBe("input_invalid");
    expect([...elsewhere.at("/private"), ...api.at("/secret")]).toEqual([]);
  });

  test("that is redirected to a metadata service or to another host ends there", async () => {
    const trap = await startListener();
    for (const to of [
      "http://169.254.169.254/latest/meta-data/",
      "http://metadata.google.internal/",
      `http://${trap.authority}/`,
    ]) {
      const answer = await step(product, id, "request", { path: "/redirect", query: { to } });
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
    expect(trap.connections()).toBe(0);
  });
});

describe("what is typed", () => {
  const token = { token: secrets.token };

  test.each([
    ["plain http to a public address", "http://93.184.216.34/v1"],
    ["a user name", "https://admin@api.acme.example/v1"],
    ["a user name and a password", "https://admin:secret@api.acme.example/v1"],
    ["a fragment", "https://api.acme.example/v1#x"],
    ["a query, to which no path can be joined", "https://api.acme.example/v1?tenant=7"],
    ["another scheme", "file:///etc/passwd"],
    ["a script", "javascript:alert(1)"],
    ["a wildcard", "https://*.acme.example/"],
    ["a path that climbs", "https://api.acme.example/v1/..%2fadmin"],
    ["a backslash", "https://api.acme.example\\@evil.example/"],
    ["a line end", "https://api.acme.example/\nx"],
    ["no host", "https:///v1"],
    ["no URL at all", "api.acme.example"],
  ])("as the base URL must be a URL that can be read in one way: %s", async (_, url) => {
    expect(await refusal("bearer", { ...token, base_url: url })).toEqual([422, "field_invalid", "base_url"]);
  });

  test("is written in its one form, so that the same API is the same account", async () => {
    const { host } = new URL(api.url);
    const first = await bearer({ account: "same" }, "canonical");
    const again = await bearer({ account: "same", base_url: ` http://${host}/./v1/ ` }, "canonical");
    expect([again.id, again.fields.base_url]).toEqual([first.id, base()]);
  });

  test("as a token URL or a further URL is checked in the same way", async () => {
    const client = { base_url: base(), client_id: "x", client_secret: "canary-client-0123456789" };
    const typed = { ...client, token_url: "http://93.184.216.34/token" };
    expect(await refusal("client_credentials", typed)).toEqual([422, "field_invalid", "token_url"]);
    expect(
      await refusal("bearer", { ...token, base_url: base(), whitelist: ["https://ok.example", "https://u@no.example"] }),
    ).toEqual([422, "field_invalid", "whitelist"]);
    expect(await refusal("bearer", { ...token, base_url: base(), test_path: "//evil.example" })).toEqual([
      422,
      "field_invalid",
      "test_path",
    ]);
  });

  test.each([
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://192.168.0.1/",
    "https://[fd00::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://2852039166/",
    "https://0x7f.1.1.1/",
    "https://metadata.google.internal/",
  ])("as the base URL leads to no private address (%s)", async (url) => {
    const connection = await bearer({ base_url: url }, "private");
    expect(connection).toMatchObject({ status: "error", error: { code: "address_refused" } });
  });

  test("as the token URL leads to no private address, so that no secret goes there", async () => {
    const typed = { token_url: "https://169.254.169.254/token", client_id: "x", client_secret: "canary-client-0123456789" };
    const connection = await make("client_credentials", typed, "private");
    expect(connection).toMatchObject({ status: "error", error: { code: "address_refused" } });
  });
});

describe("a stored secret", () => {
  const change = (id: string, fields: Readonly<Record<string, unknown>>) =>
    product.send("PATCH", `/v1/connections/${id}`, { fields });

  test("does not follow a changed base URL, whitelist or token URL unless it is given again", async () => {
    const { id } = await bearer({ account: "moving" }, "moving");
    const trap = await startListener();
    for (const fields of [{ base_url: `http://${trap.authority}` }, { whitelist: [`http://${trap.authority}`] }]) {
      const answer = await change(id, fields);
      expect([answer.status, answer.json.code, answer.json.field]).toEqual([422, "field_required", "token"]);
    }
    const typed = { token_url: `${api.url}/oauth/token`, client_id: "moved", client_secret: "moved-secret-0123456789" };
    const machine = await make("client_credentials", typed, "moving");
    const answer = await change(machine.id, { token_url: `http://${trap.authority}/token` });
    expect([answer.json.code, answer.json.field]).toEqual(["field_required", "client_secret"]);
    expect(trap.connections()).toBe(0);
  });

  test("is kept when everything that steers it is sent again as it was", async () => {
    const whitelist = [`${elsewhere.url}/files`];
    const { id, fields } = await bearer({ account: "form", whitelist }, "resent");
    const answer = await change(id, { ...fields, test_path: "/me" });
    expect(answer.json).toMatchObject({ status: "connected", fields: { whitelist, test_path: "/me" } });
  });

  test("is not sent to another base URL by a connection that has an account already", async () => {
    const { id } = await bearer({ account: "other-place" }, "moving");
    const answer = await change(id, { base_url: `${elsewhere.url}/files`, token: secrets.token });
    expect([answer.status, answer.json.code]).toEqual([409, "account_mismatch"]);
    expect(await look(product, id)).toMatchObject({ status: "connected", fields: { base_url: base() } });
  });

  test("is replaced while the connection stays the same one", async () => {
    const { id, unique_id } = await bearer({}, "rotated");
    const answer = await change(id, { token: "canary-rotated-token-0123456789" });
    expect(answer.json).toMatchObject({ id, unique_id, status: "connected" });
    await step(product, id, "request", { path: "/me" });
    expect(api.at("/v1/me").at(-1)?.headers.authorization).toBe("Bearer canary-rotated-token-0123456789");
  });

  test("of another account without a name makes another connection", async () => {
    const [one, two] = [await bearer({}, "unnamed"), await bearer({ token: "canary-second-token-0123456789" }, "unnamed")];
    expect(one.id).not.toBe(two.id);
  });
});

test("the form shows what is asked, with the redirect URL for those who sign in", async () => {
  const { json } = await product.get("/v1/connectors/http");
  expect(json.redirect_uri).toBe(`${product.url}/oauth/callback/http`);
  const ways = Object.fromEntries(json.auth.map((auth: { id: string }) => [auth.id, auth]));
  expect(Object.keys(ways)).toEqual(["client_credentials", "authorization_code", "bearer", "api_key", "basic", "none"]);
  expect(ways.authorization_code).toMatchObject({ user_step: true, client_source: "connection", takes_app: false });
  const fields = Object.fromEntries(ways.authorization_code.fields.map((field: { name: string }) => [field.name, field]));
  expect(fields.base_url).toMatchObject({ type: "url", required: true, list: false });
  expect(fields.whitelist).toMatchObject({ type: "url", list: true, required: false });
  expect(fields.test_path).toMatchObject({ type: "path", default: "/" });
});

test("no secret is told by any answer of the API", () => {
  for (const { text } of heard.filter(({ origin }) => origin === product.url))
    for (const secret of Object.values(secrets)) expect(text.includes(secret)).toBe(false);
});

test("every answer is what the OpenAPI document promises", async () => {
  const document = (await product.get("/openapi.json")).json;
  expect(
    checkAnswers(
      document,
      heard.filter(({ origin }) => origin === product.url),
    ),
  ).toEqual([]);
});
