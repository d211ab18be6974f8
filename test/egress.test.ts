import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, connect, draft, keyedManifest, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { type Listener, startListener } from "./provider/listener.ts";

jest.setTimeout(60_000);

let provider: Provider;
let product: Product;
/** At an address that the deployment allows, but on nobody's whitelist. */
let stranger: Listener;
/** At a private address that the deployment does not allow. */
let inner: Listener;
let id: string;

/** A connector whose API is at another place than its sign-in. */
const at = (name: string, baseUrl: string) => keyedManifest(provider, name).replace(/base_url: .*/, `base_url: ${baseUrl}`);

beforeAll(async () => {
  provider = await startProvider();
  stranger = await startListener("127.0.0.1");
  inner = await startListener("127.0.0.2");
  await provider.apiKey("a-key-that-is-known");
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      "token-inside": oauthManifest(provider, { name: "token-inside" }).replace(
        /token: \{ url: .* \}/,
        `token: { url: https://${inner.authority}/token }`,
      ),
      "api-inside": oauthManifest(provider, { name: "api-inside" }).replace(
        /base_url: .*/,
        `base_url: https://${inner.authority}/api`,
      ),
      chosen: `${at("chosen", "https://{{ fields.host }}/api")}`.replace(
        "    type: api_key\n",
        `    type: api_key
    fields:
      - { name: api_key, label: Acme API key, required: true, secret: true, help: From the settings. }
      - { name: host, label: Your host, required: true, pattern: "[a-z0-9.-]+", help: Where you sign in. }
    whitelist: ["https://{{ fields.host }}"]
`,
      ),
    },
  });
  for (const name of ["acme", "token-inside", "api-inside"]) await saveApp(product, provider, name);
  ({ id } = await connect(product, "acme"));
});
afterAll(cleanup);

beforeEach(async () => {
  await provider.reset();
  stranger.reset();
  inner.reset();
});

const nobodyWasReached = () => {
  expect([stranger.connections(), stranger.bytes()]).toEqual([0, ""]);
  expect([inner.connections(), inner.bytes()]).toEqual([0, ""]);
};

/** A raw request through the connection; `path` is sent byte for byte. */
const raw = (path: string, method = "GET", body?: string, headers: Record<string, string> = {}) =>
  product.send(method, "/", body, { target: `/v1/connections/${id}/proxy${path}`, headers });

describe("a redirect", () => {
  for (const status of [301, 302, 303, 307, 308])
    test(`with ${status} to a place that is not on the whitelist is refused before any byte is sent there`, async () => {
      const to = `http://${stranger.authority}/steal`;
      const ofStep = await step(product, id, "redirect", { to, status });
      expect([ofStep.status, ofStep.json.code]).toEqual([403, "url_not_whitelisted"]);
      const ofProxy = await raw(`/redirect?status=${status}&to=${encodeURIComponent(to)}`);
      expect([ofProxy.status, ofProxy.json.code]).toEqual([403, "url_not_whitelisted"]);
      nobodyWasReached();
    });

  for (const to of [
    () => `http://${inner.authority}/`,
    () => `https://${inner.authority}/`,
    () => `//${stranger.authority}/`,
    () => `\\\\${stranger.authority}/`,
    () => `/\\${stranger.authority}/`,
    () => `http:${stranger.authority}/`,
    () => `http:///${stranger.authority}/`,
    () => `http://user@${stranger.authority}/`,
    () => `${provider.issuer}@${stranger.authority}/api/items`,
    () => `${provider.issuer.replace("127.0.0.1", "localhost")}/api/items`,
    () => `http://2130706433:${stranger.port}/`,
    () => `http://0x7f.1:${stranger.port}/`,
    () => `http://[::ffff:127.0.0.1]:${stranger.port}/`,
    () => "file:///etc/passwd",
    () => "ftp://127.0.0.1/",
    () => "javascript:alert(1)",
    () => "http://169.254.169.254/latest/meta-data/",
    () => "gopher://127.0.0.1:25/",
  ])
    test(`to ${to.toString().slice(6)} reaches nobody`, async () => {
      const answer = await step(product, id, "redirect", { to: to() });
      expect(["url_not_whitelisted", "url_invalid", "address_refused"]).toContain(answer.json.code);
      nobodyWasReached();
      expect((await provider.log()).map((seen) => seen.path)).toEqual(["/api/redirect"]);
    });

  test("out of the path that the whitelist names is refused, though the host is the same", async () => {
    for (const to of [
      "/token",
      "/api/../token",
      "/api/%2e%2e/token",
      "/apiary",
      "/api/%2e%2e%2ftoken",
      "/api/..%2ftoken",
      "/api/..;/token",
    ]) {
      const answer = await step(product, id, "redirect", { to });
      expect([to, answer.status]).toEqual([to, 403]);
    }
    for (const seen of await provider.log()) expect(seen.path).toBe("/api/redirect");
  });

  test("within the whitelist is followed, with the credential", async () => {
    const answer = await step(product, id, "redirect", { to: "/api/items?limit=1" });
    expect(answer.status).toBe(200);
    expect(answer.json.output).toEqual({ items: [{ id: "item-1", name: "Item 1" }] });
  });

  test("in a circle ends", async () => {
    const answer = await step(product, id, "redirect", { to: "/api/redirect?to=/api/redirect?to=x" });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const loop = "/api/redirect?to=%2Fapi%2Fredirect";
    await step(product, id, "redirect", { to: loop });
    expect((await provider.log()).length).toBeLessThan(60);
  });
});

describe("a raw request", () => {
  test("goes to the API with the connection's credential, and with what the caller gave", async () => {
    const answer = await raw("/echo?a=1&a=2&b=%2F", "POST", '{"x":1}', { "x-trace": "t-1", "accept-language": "da" });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ method: "POST", path: "/api/echo", query: "?a=1&a=2&b=%2F", body: '{"x":1}' });
    expect(answer.json.headers).toMatchObject({ "content-type": "application/json", "x-trace": "t-1", "accept-language": "da" });
    const [seen] = await provider.log("/api/echo");
    expect(seen?.headers.authorization).toBe(`Bearer ${(await provider.issued()).access_tokens[0]}`);
  });

  test("never carries the caller's own key, cookies or address to the provider", async () => {
    await raw("/echo", "GET", undefined, {
      cookie: "jackfield=x",
      "x-forwarded-for": "1.2.3.4",
      "proxy-authorization": "Basic eA==",
    });
    const [seen] = await provider.log("/api/echo");
    const text = JSON.stringify(seen);
    expect(text).not.toContain(product.adminKey);
    expect(text).not.toContain("jackfield=x");
    expect(text).not.toContain("1.2.3.4");
    expect(text).not.toContain("eA==");
  });

  test("gives the provider's status, type and body as they are, and none of its cookies", async () => {
    await provider.set({
      api_fail: {
        status: 418,
        type: "text/plain",
        body: "short and stout",
        times: 1,
        headers: { "set-cookie": "a=b", "x-own": "yes" },
      },
    });
    const answer = await raw("/items");
    expect([answer.status, answer.text]).toEqual([418, "short and stout"]);
    expect(answer.headers).toMatchObject({ "x-own": "yes" });
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("withholds headers with which a provider could steer a proxy or a browser, or show what the credential proved", async () => {
    const steering = {
      "x-accel-redirect": "/internal",
      "x-sendfile": "/etc/passwd",
      "authentication-info": "nextnonce=1",
      "clear-site-data": "*",
      refresh: "0;url=https://elsewhere.example",
    };
    await provider.set({ api_fail: { status: 200, body: "{}", times: 1, headers: { ...steering, "x-own": "yes" } } });
    const { headers } = await raw("/items");
    expect(headers["x-own"]).toBe("yes");
    for (const name of Object.keys(steering)) expect([name, headers[name]]).toEqual([name, undefined]);
  });

  test("hands back bytes as bytes", async () => {
    const answer = await raw("/big?bytes=500000");
    expect(answer.body.length).toBe(500000);
  });

  for (const path of [
    "/../token",
    "/..%2ftoken",
    "/%2e%2e/token",
    "/%2e%2e%2ftoken",
    "/.%2e/token",
    "/..%5ctoken",
    "/..\\token",
    "/\\..\\token",
    "/items/../../token",
    "/items/..;/..;/token",
    "/%252e%252e/token",
    "/..%00/token",
    "/%00",
    "/../../../../etc/passwd",
  ])
    test(`of ${path} never leaves the API`, async () => {
      const answer = await raw(path);
      for (const seen of await provider.log()) {
        expect(seen.target).toMatch(/^\/api\//);
        expect(decodeURIComponent(seen.target.replaceAll("%00", ""))).not.toMatch(/\.\.[/\\;]/);
      }
      expect([400, 403, 404, 422, 502]).toContain(answer.status);
      nobodyWasReached();
    });

  test("with a whole URL, a second host or a user name in its path reaches nobody else", async () => {
    const host = stranger.authority;
    for (const path of [
      `//${host}/`,
      `/\\${host}/`,
      `/http://${host}/`,
      `@${host}/`,
      `/@${host}/`,
      `:80@${host}/`,
      `.${host}/`,
      `/%5c${host}`,
      `?@${host}/`,
      `#@${host}/`,
    ]) {
      const answer = await raw(path);
      expect([path, answer.status >= 200 && answer.status < 500]).toEqual([path, true]);
    }
    nobodyWasReached();
    for (const seen of await provider.log()) expect(seen.target).toMatch(/^\/api(\/|\?|$)/);
  });

  test("may not bring its own credential or steer the connection", async () => {
    for (const [name, value] of [
      ["host", "evil.example"],
      ["transfer-encoding", "identity"],
      ["te", "trailers"],
    ] as const) {
      const answer = await raw("/echo", "GET", undefined, { [name]: value });
      if (answer.status === 200) expect(answer.json.headers.host).toBe(new URL(provider.issuer).host);
      else expect(answer.status).toBeLessThan(500);
    }
  });
});

describe("a private address", () => {
  test("behind the API is refused before any byte is sent", async () => {
    const { connection } = await connect(product, "api-inside");
    expect(connection.status).not.toBe("connected");
    expect(connection.error.code).toBe("address_refused");
    nobodyWasReached();
  });

  test("behind the token endpoint is refused before any byte is sent", async () => {
    const { id: mine } = await draft(product, "token-inside");
    await new Browser().signIn(await begin(product, mine));
    expect((await look(product, mine)).error.code).toBe("address_refused");
    nobodyWasReached();
  });

  for (const host of [
    "127.0.0.2",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "2130706434",
    "0x7f000002",
    "127.2",
    "017700000002",
  ])
    test(`that the user gives as ${host} is refused`, async () => {
      const answer = await product.post("/v1/connections", {
        connector: "chosen",
        fields: { api_key: "a-key-that-is-known", host },
      });
      const code = answer.json.code ?? answer.json.error?.code;
      expect(["address_refused", "url_invalid", "field_invalid"]).toContain(code);
      expect(answer.json.status).not.toBe("connected");
      nobodyWasReached();
    });

  for (const host of ["evil.example/x", "a@b", "a b", "a\\b", "%2e", "a?b", "a#b", "a:99999", "[::1]", "..", "-a", "a..b", ""])
    test(`or another part of a URL that the user gives as "${host}" in a host is refused`, async () => {
      const answer = await product.post("/v1/connections", {
        connector: "chosen",
        fields: { api_key: "a-key-that-is-known", host },
      });
      expect(answer.status).toBe(422);
      expect(["field_invalid", "field_required", "url_invalid"]).toContain(answer.json.code);
    });
});

describe("an input that becomes part of a path", () => {
  for (const value of [
    "a/b",
    "a?b=c",
    "a#b",
    "a%2fb",
    "ä ö",
    "a;b",
    "a&b",
    "@evil.example",
    "//evil.example",
    "{{ token.access_token }}",
  ])
    test(`stays one segment: ${value}`, async () => {
      const answer = await step(product, id, "get_item", { id: value });
      expect(answer.status).toBe(200);
      expect((await provider.log()).map((seen) => seen.target)).toEqual([`/api/items/${encodeURIComponent(value)}`]);
    });

  for (const value of [".", "..", "%2e%2e", "../../token", "..%2f..%2ftoken", "\u0000", "..\\token", "..;/token"])
    test(`cannot climb: ${JSON.stringify(value)}`, async () => {
      const answer = await step(product, id, "get_item", { id: value });
      expect([403, 422]).toContain(answer.status);
      expect(["url_invalid", "url_not_whitelisted", "input_invalid"]).toContain(answer.json.code);
      expect(await provider.log()).toEqual([]);
    });

  test("is encoded where it stands in a body", async () => {
    const name = '"},"admin":true,"x":{"';
    const answer = await step(product, id, "create_item", { name });
    expect(answer.json.output).toEqual({ id: "item-new", name });
  });
});

test("every answer that was given here fits the OpenAPI document", async () => {
  const document = (await product.get("/openapi.json")).json;
  const own = heard.filter((answer) => answer.origin === product.url && !answer.target.includes("/proxy"));
  expect(checkAnswers(document, own)).toEqual([]);
});
