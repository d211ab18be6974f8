import { createHmac } from "node:crypto";
import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { backTo, type OddProvider, type Routes, type Seen, startOddProvider } from "./provider/odd.ts";

// Providers that keep to no standard, each of them one or two keys of a manifest. They listen on loopback; nothing in between is replaced.

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;

/** Renamed parameters, JSON, an answer in an envelope, an error with HTTP 200, two exchanges, a choice, and a token that renews itself. */
const tenantsManifest = (url: string) => `manifest: 1
name: tenants
title: Tenants
base_url: "${url}/api/{{ connection.tenant }}"
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client: { id_param: app_id, secret_param: app_secret }
    scopes: { separator: ",", required: [{ name: read, reason: Read. }, { name: write, reason: Write. }] }
    authorization:
      url: ${url}/tenants/authorize?fixed=1
      params: { response_type: null }
      rename: { state: customField, scope: permissions }
      order: [app_id, redirect_uri]
      pkce: S256-hex
      fragment: app_redirect
    callback:
      code: auth_code
      capture: { zone: { param: Zone-Name, options: [eu, us] } }
    token:
      url: "${url}/tenants/token/{{ callback.zone }}"
      encoding: json
      rename: { code: auth_code }
      params: { redirect_uri: null, expiring: 1 }
      response: { access_token: data.token, expires_in: data.until, scope: data.granted, error: "code != 0 ? code", error_description: message }
      errors: { "4001": reauthorize, "4002": retry }
      capture: { member: { value: data.member_id, pattern: "^[0-9]+$" } }
      then:
        - on: [exchange]
          request: { url: ${url}/tenants/longer, query: { swap: "{{ token.access_token }}", secret: "{{ app.client_secret }}" } }
          valid: body.data.kind = 'long'
          response: { access_token: data.token, expires_in: { value: data.days * 1440, unit: m } }
    refresh:
      url: ${url}/tenants/renew
      method: GET
      subject: access_token
      params: { grant_type: renew, token: "{{ token.access_token }}" }
    after_connect:
      - request: { url: ${url}/tenants/list }
        choose: { name: tenant, title: Which tenant?, items: body.tenants, value: id, label: "{{ title }}", pattern: "^[a-z]+$" }
    test: { request: { path: /me } }
    label: "{{ me.name }} at {{ connection.tenant }} ({{ callback.zone }})"
    unique_id: connection.tenant & '/' & token.member
    whitelist: [${url}/api/, ${url}/tenants/list]
    revocation: { url: ${url}/tenants/revoke, method: DELETE, encoding: json, authentication: client_secret_basic, tokens: [access_token], params: { token: null, token_type_hint: null, access_token: "{{ token.access_token }}" } }
actions:
  list_items: { title: List, request: { path: /items }, output: body }
`;

/** A session by XML, which comes in a cookie and is renewed by signing in again. */
const sessionManifest = (url: string) =>
  `manifest: 1
name: session
title: Session
base_url: ${url}/session
auth:
  login:
    type: custom
    fields:
      - { name: user, label: User name, required: true }
      - { name: password, label: User password, secret: true, required: true, help: That of the service user. }
    token:
      request:
        method: POST
        url: ${url}/session/login
        encoding: xml
        body: { login: { "@version": "3", user: "{{ fields.user }}", password: "{{ fields.password }}" } }
      response: { from: cookies, access_token: SID, error: "" }
    refresh: { default_lifetime: 1h, when: "response.status = 403 and body.code = 'ended'" }
    default_params: { query: { lang: en } }
    apply:
      - { name: Cookie, value: "SID={{ token.access_token }}" }
      - { name: X-Signature, value: "{{ $hmac(request.method & ' ' & request.path & ' ' & request.id, fields.password) }}" }
      - { name: X-Request-Id, value: "{{ request.id }}" }
    test: { request: { path: /whoami } }
    label: "{{ me.profile.name }}"
    unique_id: me.profile.@id
options:
  folders:
    request: { path: /folders, query: { after: "{{ page.cursor }}", kind: "{{ input.kind }}" } }
    items: "body.folders.{ 'label': title, 'value': id }"
    next: body.more
actions:
  fragile:
    title: Change something that may fail
    input: { folder: { label: Folder, options: folders }, kind: { label: Kind } }
    request: { method: POST, path: /fragile, body: { folder: "{{ input.folder }}", kind: "{{ input.kind }}" } }
    retry: { attempts: 3, statuses: [500], unsafe: true, idempotency_header: Idempotency-Key }
  expiring: { title: Find out that the session has ended, request: { path: /expiring } }
  upload:
    title: Upload
    input: { file: { type: file, required: true }, note: { type: string } }
    request: { method: POST, path: /upload, encoding: multipart, body: { note: "{{ input.note }}", attachment: { file: "{{ input.file }}" } } }
  raw:
    title: Send bytes
    input: { file: { type: file, required: true } }
    request: { method: PUT, path: /raw, encoding: binary, body: "{{ input.file }}" }
  all_pages:
    title: List everything
    input: { limit: { type: number, default: 100 } }
    request: { path: /pages }
    paginate: { type: link, items: body.items, limit: input.limit }
    output: "{ 'n': n }"
  many:
    title: List very much
    input: { limit: { type: number } }
    request: { path: /many }
    paginate: { type: link, items: body.items, limit: input.limit }
  posts:
    title: List posts
    request: { method: POST, path: /posts, body: { size: 2 } }
    paginate: { items: body.posts, next: body.more, send: { body: { after: "{{ page.cursor }}" } } }
`
    .replace('error: ""', "error: Failure")
    .replace("me.profile.@id", "me.profile.`@id`");

/** OAuth 1.0a, and a signed callback. */
const signedManifest = (url: string) => `manifest: 1
name: signed
title: Signed
base_url: ${url}/signed
auth:
  oauth:
    type: oauth1
    request_token: { url: ${url}/signed/request }
    authorization: { url: ${url}/signed/authorize, params: { expiration: never } }
    token: { url: ${url}/signed/access }
    test: { request: { path: /me, query: { "a b": "c&d" } } }
    label: "{{ me.name }}"
    unique_id: me.id
  shop:
    type: oauth2
    grant: authorization_code
    authorization: { url: ${url}/signed/shop }
    callback: { verify: {} }
    token: { url: ${url}/signed/shop-token }
    apply: { in: path, value: "bot{{ token.access_token }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;

const client = { client_id: "the-client", client_secret: "canary-client-secret" };
let renewals = 0;
const lifetime = 3600;

const tenants: Routes = {
  "/tenants/authorize": ({ query }) =>
    backTo(query.get("redirect_uri"), { auth_code: "code-1", customField: query.get("customField"), "Zone-Name": "eu" }),
  "/tenants/token/eu": () => ({
    body: {
      code: 0,
      data: { token: "canary-short", until: Math.floor(Date.now() / 1000) + 60, granted: "read,write", member_id: 77 },
    },
  }),
  "/tenants/longer": () => ({ body: { data: { token: "canary-long", days: 60, kind: "long" } } }),
  "/tenants/renew": () => ({ body: { code: 0, data: { token: `canary-renewed-${++renewals}`, until: lifetime } } }),
  "/tenants/list": () => ({
    body: {
      tenants: [
        { id: "alpha", title: "Alpha Ltd" },
        { id: "beta", title: "Beta Inc" },
      ],
    },
  }),
  "/tenants/revoke": () => ({ status: 204 }),
  "/api/beta/me": () => ({ body: { name: "Ada" } }),
  "/api/beta/items": ({ headers }) => ({ body: { authorization: headers.authorization } }),
};

const session: Routes = {
  "/session/login": ({ body }) =>
    body.toString("utf8").includes("<password>right &amp; proper</password>")
      ? { headers: { "set-cookie": ["LANG=en; Path=/", "SID=canary-session; Path=/; HttpOnly"] }, body: "<ok/>" }
      : { status: 401, body: "<no/>" },
  "/session/whoami": (seen) =>
    seen.headers.cookie === "SID=canary-session" && seen.headers["x-signature"] === signatureOf(seen)
      ? { headers: { "content-type": "application/xml" }, body: '<profile id="u7"><name>Grace</name></profile>' }
      : { status: 401 },
  "/session/folders": ({ query }) => ({
    body:
      query.get("after") === null
        ? { folders: [{ id: 1, title: "One" }], more: "c2" }
        : { folders: [{ id: 2, title: query.get("kind") }] },
  }),
  "/session/fragile": () => (odd.at("/session/fragile").length < 3 ? { status: 500 } : { body: { done: true } }),
  "/session/expiring": () =>
    odd.at("/session/login").length < 2 ? { status: 403, body: { code: "ended" } } : { body: { done: true } },
  "/session/upload": () => ({ body: { stored: true } }),
  "/session/raw": () => ({ body: { stored: true } }),
  "/session/pages": ({ query, headers }) => {
    const page = Number(query.get("page") ?? 1);
    const next = page < 3 ? { link: `<http://${headers.host}/session/pages?page=${page + 1}>; rel="next"` } : {};
    return { headers: next, body: { items: [{ n: page * 2 - 1 }, { n: page * 2 }] } };
  },
  "/session/many": () => ({ body: { items: new Array(200_000).fill(1) } }),
  "/session/posts": ({ json }) => ({
    body: json.after === undefined ? { posts: ["a", "b"], more: "c1" } : { posts: [json.after] },
  }),
};

const signatureOf = ({ method, target, headers }: Seen) =>
  createHmac("sha256", "right & proper").update(`${method} ${target} ${headers["x-request-id"]}`).digest("hex");

/** The signature that RFC 5849 asks for, from what arrived. */
function expectedSignature({ method, path, query, headers }: Seen, url: string, tokenSecret: string): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const protocol = [...(headers.authorization ?? "").matchAll(/(oauth_\w+)="([^"]*)"/g)]
    .filter(([, name]) => name !== "oauth_signature")
    .map(([, name = "", value = ""]) => [name, decodeURIComponent(value)] as const);
  const pairs = [...query, ...protocol].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const base = [method, url + path, pairs.join("&")].map(encode).join("&");
  return createHmac("sha1", `${client.client_secret}&${tokenSecret}`).update(base).digest("base64");
}

const isSigned = (seen: Seen, tokenSecret: string) =>
  decodeURIComponent(/oauth_signature="([^"]*)"/.exec(seen.headers.authorization ?? "")?.[1] ?? "") ===
  expectedSignature(seen, odd.url, tokenSecret);

const signed: Routes = {
  "/signed/request": (seen) =>
    isSigned(seen, "")
      ? { body: "oauth_token=temp-1&oauth_token_secret=temp-secret&oauth_callback_confirmed=true" }
      : { status: 401 },
  "/signed/authorize": ({ query }) =>
    backTo(
      callbackOf(),
      denies ? { denied: query.get("oauth_token") } : { oauth_token: query.get("oauth_token"), oauth_verifier: "verifier-1" },
    ),
  "/signed/access": (seen) =>
    isSigned(seen, "temp-secret") && /oauth_verifier="verifier-1"/.test(seen.headers.authorization ?? "")
      ? { body: "oauth_token=canary-token&oauth_token_secret=canary-token-secret" }
      : { status: 401 },
  "/signed/me": (seen) => (isSigned(seen, "canary-token-secret") ? { body: { id: 5, name: "Linus" } } : { status: 401 }),
  "/signed/shop": ({ query }) => {
    const parameters = { code: "c-1", shop: "a.example", state: query.get("state") ?? "" };
    const message = Object.entries(parameters)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join("&");
    const key = query.get("state") === "" ? "" : shopKey;
    return backTo(query.get("redirect_uri"), { ...parameters, hmac: createHmac("sha256", key).update(message).digest("hex") });
  },
  "/signed/shop-token": () => ({ body: { access_token: "canary:shop" } }),
  "/signed/botcanary:shop/me": () => ({ body: { id: 9, name: "Shop" } }),
};

let shopKey: string = client.client_secret;
let denies = false;

/** Where the provider was told to send the browser. */
function callbackOf(): string {
  const [last] = odd.at("/signed/request").slice(-1);
  return decodeURIComponent(/oauth_callback="([^"]*)"/.exec(last?.headers.authorization ?? "")?.[1] ?? "");
}

beforeAll(async () => {
  odd = await startOddProvider({ ...tenants, ...session, ...signed });
  product = await startProduct({
    connectors: { tenants: tenantsManifest(odd.url), session: sessionManifest(odd.url), signed: signedManifest(odd.url) },
  });
  for (const [connector, auth] of [
    ["tenants", "oauth"],
    ["signed", "oauth"],
    ["signed", "shop"],
  ]) {
    const saved = await product.put(`/v1/connectors/${connector}/apps/${auth}/production`, client);
    expect([saved.status, saved.text]).toEqual([200, expect.anything()]);
  }
});

afterAll(cleanup);

beforeEach(() => {
  odd.seen.length = 0;
  shopKey = client.client_secret;
  denies = false;
});

/** Signs in and gives the connection as it is then. */
async function signIn(connector: string, auth: string, fields: Readonly<Record<string, unknown>> = {}) {
  const { id } = await draft(product, connector, { auth, fields });
  await new Browser().open(await begin(product, id));
  return look(product, id);
}

describe("a provider with names, encodings and exchanges of its own", () => {
  test("the authorization URL has its names, its order and its fragment", async () => {
    const { id } = await draft(product, "tenants", { fields: { tenant: "beta" } });
    const { url } = await new Browser().open(await begin(product, id), { stop: ({ origin }) => origin === odd.url });
    expect([...url.searchParams.keys()]).toEqual([
      "fixed",
      "app_id",
      "redirect_uri",
      "permissions",
      "customField",
      "code_challenge",
      "code_challenge_method",
    ]);
    expect(url.searchParams.get("permissions")).toBe("read,write");
    expect(url.searchParams.get("code_challenge")).toMatch(/^[0-9a-f]{64}$/);
    expect(url.hash).toBe("#app_redirect");
  });

  test("two exchanges, a capture and a choice end in a connection that says where it belongs", async () => {
    const connection = await signIn("tenants", "oauth", { tenant: "beta" });
    expect(connection).toMatchObject({
      status: "connected",
      label: "Ada at beta (eu)",
      unique_id: "beta/77",
      scopes: ["read", "write"],
      renewable: true,
    });
    const [token] = odd.at("/tenants/token/eu");
    expect(token?.json).toEqual({
      grant_type: "authorization_code",
      auth_code: "code-1",
      code_verifier: expect.any(String),
      app_id: client.client_id,
      app_secret: client.client_secret,
      expiring: 1,
    });
    expect(odd.at("/tenants/longer")[0]?.query.get("swap")).toBe("canary-short");
    expect(odd.at("/api/beta/me")[0]?.headers.authorization).toBe("Bearer canary-long");
    const days = (Date.parse(connection.expires_at) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(59.9);
    expect(days).toBeLessThan(60.1);
  });

  test("the access token itself is exchanged for a new one, and what was captured stays known", async () => {
    const { id } = await signIn("tenants", "oauth", { tenant: "beta" });
    const refreshed = await product.post(`/v1/connections/${id}/refresh`);
    expect(refreshed.status).toBe(200);
    const [request] = odd.at("/tenants/renew");
    expect(request?.method).toBe("GET");
    expect(Object.fromEntries(request?.query ?? [])).toMatchObject({ grant_type: "renew", token: "canary-long" });
    expect(odd.at("/tenants/longer")).toHaveLength(1);
    const { output } = (await step(product, id, "list_items")).json;
    expect(output.authorization).not.toContain("canary");
    expect(odd.at("/api/beta/items")[0]?.headers.authorization).toBe(`Bearer canary-renewed-${renewals}`);
  });

  test("without a choice the person is told what there is to choose, and nothing is connected", async () => {
    const connection = await signIn("tenants", "oauth");
    expect(connection.status).toBe("error");
    expect(connection.error).toMatchObject({ code: "choice_needed" });
    expect(connection.error.message).toContain("Alpha Ltd (alpha), Beta Inc (beta)");
    const again = await product.post(`/v1/connections/${connection.id}/authorize`, { fields: { tenant: "beta" } });
    await new Browser().open(again.json.authorization_url);
    expect(await look(product, connection.id)).toMatchObject({ status: "connected", label: "Ada at beta (eu)" });
  });

  test("a choice that the account does not have is not taken", async () => {
    expect((await signIn("tenants", "oauth", { tenant: "gamma" })).error).toMatchObject({ code: "choice_needed" });
  });

  test("a callback that names another zone than the manifest's gets no token request", async () => {
    const { id } = await draft(product, "tenants", { fields: { tenant: "beta" } });
    const rewrite = (url: URL) => {
      if (url.searchParams.has("Zone-Name")) url.searchParams.set("Zone-Name", "evil");
      return url;
    };
    await new Browser().open(await begin(product, id), { rewrite });
    expect(await look(product, id)).toMatchObject({ status: "error", error: { code: "capture_refused" } });
    expect(odd.seen.filter(({ path }) => path.startsWith("/tenants/token"))).toEqual([]);
  });

  test("it is revoked as it asks to be", async () => {
    const { id } = await signIn("tenants", "oauth", { tenant: "beta" });
    expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
    const [revoked] = odd.at("/tenants/revoke");
    expect(revoked?.method).toBe("DELETE");
    expect(revoked?.json).toEqual({ access_token: "canary-long" });
    expect(revoked?.headers.authorization).toBe(`Basic ${Buffer.from("the-client:canary-client-secret").toString("base64")}`);
  });
});

describe("a session that is asked for in XML and comes in a cookie", () => {
  const fields = { user: "grace", password: "right & proper" };

  test("connects at once, with every request signed", async () => {
    expect(await draft(product, "session", { fields })).toMatchObject({ status: "connected", label: "Grace", unique_id: "u7" });
    expect(odd.at("/session/login")[0]?.body.toString()).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><login version="3"><user>grace</user><password>right &amp; proper</password></login>',
    );
  });

  test("a wrong password is refused, and is in nobody's words", async () => {
    const refused = await draft(product, "session", { fields: { ...fields, password: "canary-wrong" } });
    expect(refused).toMatchObject({ status: "error" });
    expect(JSON.stringify(refused)).not.toContain("canary-wrong");
  });

  test("is renewed by signing in again", async () => {
    const { id } = await draft(product, "session", { fields });
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect(odd.at("/session/login")).toHaveLength(2);
  });

  test("sends files as parts and as bytes", async () => {
    const { id } = await draft(product, "session", { fields });
    const file = { name: 'a "b".txt', type: "text/plain", data: Buffer.from("h\u00e9llo\r\n\0").toString("base64") };
    expect((await step(product, id, "upload", { file, note: "n\u00f6te" })).json.output).toEqual({ stored: true });
    const [upload] = odd.at("/session/upload");
    const form = await new Response(new Uint8Array(upload?.body ?? []), {
      headers: { "content-type": upload?.headers["content-type"] ?? "" },
    }).formData();
    expect(form.get("note")).toBe("n\u00f6te");
    const attachment = form.get("attachment") as File;
    expect([attachment.name, attachment.type, await attachment.text()]).toEqual(['a "b".txt', "text/plain", "h\u00e9llo\r\n\0"]);
    await step(product, id, "raw", { file });
    const [raw] = odd.at("/session/raw");
    expect([raw?.headers["content-type"], raw?.body.toString()]).toEqual(["text/plain", "h\u00e9llo\r\n\0"]);
  });

  test("a drop-down asks for its choices, page by page", async () => {
    const { id } = await draft(product, "session", { fields });
    const ask = async (body: object) => (await product.post(`/v1/connections/${id}/options/folders`, body)).json;
    expect(await ask({})).toEqual({ options: [{ label: "One", value: 1 }], next: "c2" });
    // What goes with every request goes with this one and with the test, and not with the one for a token.
    const languages = (path: string) => odd.at(path).map(({ query }) => query.getAll("lang").join());
    expect([languages("/session/folders"), languages("/session/whoami"), languages("/session/login")]).toEqual([
      ["en"],
      ["en"],
      [""],
    ]);
    expect(await ask({ cursor: "c2", input: { kind: "Two" } })).toEqual({ options: [{ label: "Two", value: 2 }], next: null });
    expect(await product.post(`/v1/connections/${id}/options/nothing`)).toMatchObject({
      status: 404,
      json: { code: "options_unknown" },
    });
    const { actions } = (await product.get("/v1/connectors/session")).json;
    const [fragile] = actions.filter((action: { id: string }) => action.id === "fragile");
    expect(fragile.input[0]).toMatchObject({ name: "folder", options: null, options_from: "folders" });
  });

  test("a request that the provider would recognise is tried again, with the same key", async () => {
    const { id } = await draft(product, "session", { fields });
    const answer = (await step(product, id, "fragile", { folder: "1" })).json;
    expect(answer).toMatchObject({ output: { done: true }, step: { attempts: 3 } });
    const keys = odd.at("/session/fragile").map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("an answer that means that the session has ended renews it", async () => {
    const { id } = await draft(product, "session", { fields });
    expect((await step(product, id, "expiring")).json.output).toEqual({ done: true });
    expect(odd.at("/session/login")).toHaveLength(2);
  });

  test("lists are read to their end, page by page, or as far as they are wanted", async () => {
    const { id } = await draft(product, "session", { fields });
    expect((await step(product, id, "all_pages")).json.output).toEqual([1, 2, 3, 4, 5, 6].map((n) => ({ n })));
    expect(odd.at("/session/pages")).toHaveLength(3);
    expect((await step(product, id, "all_pages", { limit: 3 })).json.output).toEqual([1, 2, 3].map((n) => ({ n })));
    expect(odd.at("/session/pages")).toHaveLength(5);
    expect((await step(product, id, "posts")).json.output).toEqual(["a", "b", "c1"]);
  });
});

test("a page of a great many items is cut, and less than none is none", async () => {
  const { id } = await draft(product, "session", { fields: { user: "grace", password: "right & proper" } });
  expect((await step(product, id, "many")).json.output).toHaveLength(100_000);
  expect((await step(product, id, "many", { limit: 2 })).json.output).toEqual([1, 1]);
  expect((await step(product, id, "many", { limit: -1 })).json.output).toEqual([]);
});

describe("a provider that signs, or wants everything signed", () => {
  test("OAuth 1.0a ends in a connection whose every request is signed", async () => {
    expect(await signIn("signed", "oauth")).toMatchObject({ status: "connected", label: "Linus", unique_id: "5" });
    expect(odd.at("/signed/authorize")[0]?.query.get("expiration")).toBe("never");
    expect(odd.at("/signed/me")[0]?.headers.authorization).toMatch(/^OAuth oauth_consumer_key="the-client"/);
  });

  test("a person who says no to OAuth 1.0a leaves a draft, and nothing is asked for", async () => {
    denies = true;
    expect(await signIn("signed", "oauth")).toMatchObject({ status: "draft", error: { code: "access_denied" } });
    expect(odd.at("/signed/access")).toEqual([]);
  });

  test("a signed callback is taken, and the token stands in the path", async () => {
    expect(await signIn("signed", "shop")).toMatchObject({ status: "connected", label: "Shop" });
  });

  test("a callback whose signature is wrong gets no token request", async () => {
    shopKey = "another key";
    expect(await signIn("signed", "shop")).toMatchObject({ status: "error", error: { code: "signature_invalid" } });
    expect(odd.at("/signed/shop-token")).toEqual([]);
  });
});
