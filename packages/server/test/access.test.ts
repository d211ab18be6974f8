import { Jar, keyManifest, type Product, sandboxManifest, startProduct } from "./product.ts";

let product: Product;
const keys: Record<string, string> = {};
const ids: Record<string, string> = {};

beforeAll(async () => {
  product = await startProduct({ connectors: { held: keyManifest("held"), files: sandboxManifest("files") } });
  for (const role of ["author", "user", "workflow"]) {
    const { status, json } = await product.send("POST", "/v1/api_keys", { body: { name: `a ${role}`, role } });
    expect(status).toBe(201);
    keys[role] = json.key;
    ids[role] = json.id;
  }
});

const signIn = async (jar: Jar, key = product.key) =>
  jar.keep(await product.send("POST", "/v1/session", { key: null, body: { api_key: key } }));

describe("API keys", () => {
  test("are long, are shown once, and are stored as hashes only", async () => {
    expect(keys.user).toMatch(/^jf_[A-Za-z0-9_-]{43}$/);
    const { json } = await product.send("GET", "/v1/api_keys");
    const shown = json.items.find(({ id }: { id: string }) => id === ids.user);
    expect(shown).toMatchObject({ name: "a user", role: "user", workspace: "default", owner: ids.user, revoked_at: null });
    expect(JSON.stringify(json)).not.toContain(keys.user);
    expect(JSON.stringify(json)).not.toMatch(/hash/);
  });

  test("tell when they were last used", async () => {
    await product.send("GET", "/v1/session", { key: keys.user ?? "" });
    const { json } = await product.send("GET", "/v1/api_keys");
    const { last_used_at } = json.items.find(({ id }: { id: string }) => id === ids.user);
    expect(Math.abs(Date.now() - Date.parse(last_used_at))).toBeLessThan(60_000);
  });

  test("take an owner, and may have any of the roles but no other", async () => {
    const { json } = await product.send("POST", "/v1/api_keys", { body: { name: "Ada's", role: "user", owner: "ada" } });
    expect((await product.send("GET", "/v1/session", { key: json.key })).json).toEqual({
      id: json.id,
      role: "user",
      owner: "ada",
      workspace: "default",
    });
    expect((await product.send("POST", "/v1/api_keys", { body: { name: "x", role: "root" } })).json.detail).toMatch(
      /role must be one of admin/,
    );
  });

  test("once revoked open nothing, and sign out the browsers that used them", async () => {
    const { json } = await product.send("POST", "/v1/api_keys", { body: { name: "soon gone", role: "admin" } });
    const jar = new Jar();
    await signIn(jar, json.key);
    const bySession = () => product.send("GET", "/v1/session", { key: null, headers: { cookie: jar.header } });
    expect((await bySession()).status).toBe(200);
    expect((await product.send("DELETE", `/v1/api_keys/${json.id}`)).status).toBe(204);
    expect((await product.send("GET", "/v1/session", { key: json.key })).status).toBe(401);
    expect((await bySession()).status).toBe(401);
    expect((await product.send("DELETE", `/v1/api_keys/${json.id}`)).json.code).toBe("not_found");
  });

  test("come as Bearer and in no other way", async () => {
    for (const authorization of [
      `Basic ${product.key}`,
      product.key,
      `Bearer`,
      `Bearer ${product.key} x`,
      `Bearer ${product.key.toUpperCase()}`,
    ]) {
      const answer = await product.send("GET", "/v1/session", { key: null, headers: { authorization } });
      expect([authorization, answer.status]).toEqual([authorization, 401]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect((await product.send("GET", `/v1/session?api_key=${product.key}`, { key: null })).status).toBe(401);
  });
});

describe("roles", () => {
  test("an author may publish new connectors, but not replace one that came with the deployment", async () => {
    const publish = (name: string, key: string) =>
      product.send("PUT", `/v1/connectors/${name}`, { key, body: keyManifest(name) });
    expect((await publish("written", keys.author ?? "")).status).toBe(201);
    expect((await publish("written", keys.author ?? "")).status).toBe(200);
    const refused = await publish("held", keys.author ?? "");
    expect([refused.status, refused.json.code]).toEqual([403, "admin_required"]);
    expect((await publish("held", product.key)).status).toBe(200);
  });

  test("an author may not replace a connector that a connection trusts with its tokens", async () => {
    await product.send("PUT", "/v1/connectors/trusted", { key: keys.author ?? "", body: keyManifest("trusted") });
    const made = await product.send("POST", "/v1/connections", {
      body: { connector: "trusted", fields: { api_key: "k-0123456789" } },
    });
    expect(made.status).toBe(201);
    const refused = await product.send("PUT", "/v1/connectors/trusted", { key: keys.author ?? "", body: keyManifest("trusted") });
    expect(refused.json.code).toBe("admin_required");
  });

  test("an author may not replace a connector that one extends which is trusted", async () => {
    const base = keyManifest("base");
    const publish = async (name: string, body: string, key = keys.author ?? "") => {
      const { status, json } = await product.send("PUT", `/v1/connectors/${name}`, { key, body });
      return [status, json.code];
    };
    expect(await publish("base", base)).toEqual([201, undefined]);
    expect(await publish("heir", "manifest: 1\nname: heir\ntitle: Heir\nextends: base\n", product.key)).toEqual([201, undefined]);
    expect(await publish("base", base)).toEqual([200, undefined]);
    await product.send("POST", "/v1/connections", { body: { connector: "heir", fields: { api_key: "k-0123456789" } } });
    expect(await publish("base", base)).toEqual([403, "admin_required"]);
    expect(await publish("base", base, product.key)).toEqual([200, undefined]);
  });

  test("what only an admin may do is told apart from what a role may not do", async () => {
    expect((await product.send("GET", "/v1/api_keys", { key: keys.user ?? "" })).json.code).toBe("admin_required");
    expect(
      (await product.send("POST", "/v1/connections", { key: keys.workflow ?? "", body: { connector: "held" } })).json.code,
    ).toBe("forbidden");
  });

  test("the role is judged before the request is read", async () => {
    const answer = await product.send("POST", "/v1/connections", { key: keys.workflow ?? "", body: "{" });
    expect(answer.status).toBe(403);
  });
});

describe("a signed-in browser", () => {
  let jar: Jar;
  beforeEach(async () => {
    jar = new Jar();
    await signIn(jar);
  });
  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
    product.send(method, path, {
      key: null,
      headers: { cookie: jar.header, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  test("has cookies that no script can read and no other site can send along", () => {
    expect(jar.lines).toHaveLength(2);
    for (const line of jar.lines) {
      expect(line).toMatch(/^jackfield(_browser)?=[A-Za-z0-9_-]{43}; /);
      for (const attribute of ["HttpOnly", "SameSite=Lax", "Path=/"]) expect(line).toContain(attribute);
    }
  });

  test("with a wrong key does not come to be", async () => {
    const nobody = new Jar();
    const answer = await signIn(nobody, "jf_nonsense");
    expect([answer.status, answer.json.code, nobody.header]).toEqual([401, "unauthenticated", ""]);
  });

  test("may read without telling where the request comes from, and change things only from our own pages", async () => {
    expect((await send("GET", "/v1/connections")).status).toBe(200);
    const body = { name: "x", role: "user" };
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `${product.url}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "cross-site", origin: product.url },
    ] as Record<string, string>[]) {
      const answer = await send("POST", "/v1/api_keys", headers, body);
      expect([headers, answer.status, answer.json.code]).toEqual([headers, 403, "origin_refused"]);
    }
    expect((await send("POST", "/v1/api_keys", { origin: product.url }, body)).status).toBe(201);
    expect((await send("POST", "/v1/api_keys", { "sec-fetch-site": "same-origin" }, body)).status).toBe(201);
  });

  test("sends nothing to a provider on another site's behalf, not even by GET", async () => {
    expect((await send("GET", "/v1/connections/con_x/proxy/files")).json.code).toBe("origin_refused");
    expect((await send("GET", "/v1/connections/con_x/proxy/files", { "sec-fetch-site": "same-origin" })).json.code).toBe(
      "connection_unknown",
    );
  });

  test("whose request brings a key is judged by that key alone", async () => {
    const answer = await send("GET", "/v1/session", { authorization: `Bearer ${keys.user}` });
    expect(answer.json).toMatchObject({ id: ids.user, role: "user" });
    expect((await send("GET", "/v1/session", { authorization: "Bearer wrong" })).status).toBe(401);
  });

  test("cannot be signed in as somebody else by another site", async () => {
    const answer = await product.send("POST", "/v1/session", {
      key: null,
      body: { api_key: keys.user },
      headers: { origin: "https://evil.example" },
    });
    expect([answer.status, answer.json.code, answer.headers.getSetCookie()]).toEqual([403, "origin_refused", []]);
  });

  test("is signed out on the server too", async () => {
    const before = jar.header;
    jar.keep(await send("DELETE", "/v1/session", { origin: product.url }));
    expect(jar.get("jackfield")).toBeUndefined();
    expect((await product.send("GET", "/v1/session", { key: null, headers: { cookie: before } })).status).toBe(401);
  });

  test("with a cookie that is none is nobody", async () => {
    for (const cookie of [
      "jackfield=x",
      "jackfield=",
      "jackfield",
      `jackfield=${"a".repeat(5000)}`,
      "jackfield=%00",
      "other=1; =; ;",
    ]) {
      expect((await product.send("GET", "/v1/session", { key: null, headers: { cookie } })).status).toBe(401);
    }
  });
});

describe("a live stream", () => {
  /** Opens a stream, and reads it until it ends. */
  async function listen(headers: Record<string, string>) {
    const { json } = await product.send("POST", "/v1/connections", { body: { connector: "files" } });
    const stream = await fetch(`${product.url}/v1/connections/${json.id}/events`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: AbortSignal.timeout(20_000),
    });
    expect(stream.status).toBe(200);
    let over = false;
    const text = stream.text().then((read) => {
      over = true;
      return read;
    });
    // A stream that wrongly stays open is cut by the signal, and then the test below says what it waited for.
    text.catch(() => {});
    return { id: String(json.id), text, isOver: () => over };
  }

  const newKey = async () => (await product.send("POST", "/v1/api_keys", { body: { name: "reader", role: "admin" } })).json;

  test("ends with the key that opened it, and with the key behind the browser that did; others go on", async () => {
    const { id, key } = await newKey();
    const jar = new Jar();
    await signIn(jar, key);
    const byKey = await listen({ authorization: `Bearer ${key}` });
    const byBrowser = await listen({ cookie: jar.header });
    const other = await listen({ authorization: `Bearer ${product.key}` });
    expect((await product.send("DELETE", `/v1/api_keys/${id}`)).status).toBe(204);
    await product.send("PATCH", `/v1/connections/${byKey.id}`, { body: { name: "Not for them" } });
    for (const stream of [byKey, byBrowser]) {
      expect(await stream.text).toContain("event: connection");
      expect(await stream.text).not.toContain("Not for them");
    }
    expect(other.isOver()).toBe(false);
    await product.send("DELETE", `/v1/connections/${other.id}`);
    expect(await other.text).toContain('"type":"revoked"');
  });

  test("ends with the session that opened it; the key's other session goes on", async () => {
    const { key } = await newKey();
    const [leaving, staying] = [new Jar(), new Jar()];
    await signIn(leaving, key);
    await signIn(staying, key);
    const left = await listen({ cookie: leaving.header });
    const stayed = await listen({ cookie: staying.header });
    const out = await product.send("DELETE", "/v1/session", {
      key: null,
      headers: { cookie: leaving.header, origin: product.url },
    });
    expect(out.status).toBe(204);
    expect(await left.text).toContain("event: connection");
    expect(stayed.isOver()).toBe(false);
    await product.send("DELETE", `/v1/connections/${stayed.id}`);
    expect(await stayed.text).toContain('"type":"revoked"');
  });
});

describe("names, descriptions and owners", () => {
  const place = { connection: "/v1/connections", key: "/v1/api_keys" };
  const whole = { connection: { connector: "files" }, key: { name: "a key", role: "user" } };
  const send = (what: "connection" | "key", values: Record<string, unknown>) =>
    product.send("POST", place[what], { body: { ...whole[what], ...values } });

  test.each([
    ["connection", "name"],
    ["connection", "description"],
    ["connection", "owner"],
    ["key", "name"],
    ["key", "owner"],
  ] as const)("of a %s: %s has no control characters", async (what, field) => {
    for (const control of ["\u0000", "\t", "\r", "\u001b", "\u007f", "\u0085", "\u009f"]) {
      const { status, json } = await send(what, { [field]: `a${control}b` });
      expect([control, status, json.code, json.field]).toEqual([control, 400, "request_invalid", field]);
      expect(json.detail).toContain("control characters");
    }
    const lines = await send(what, { [field]: "two\nlines" });
    expect(lines.status).toBe(field === "description" ? 201 : 400);
    expect((await send(what, { [field]: "Ünï 😀 \u00a0" })).status).toBe(201);
  });

  test("are checked as well when they are changed, and can be taken away", async () => {
    const { id } = (await send("connection", { name: "first", description: "" })).json;
    const change = (body: unknown) => product.send("PATCH", `${place.connection}/${id}`, { body });
    for (const body of [{ name: "a\u0000" }, { name: "a\nb" }, { description: "\u0000" }])
      expect((await change(body)).json.code).toBe("request_invalid");
    expect((await change({ name: null, description: null })).json).toMatchObject({ name: null, description: null });
  });

  test("have room for 120 and 500 characters, whatever they take in memory", async () => {
    for (const [field, most] of [
      ["name", 120],
      ["description", 500],
    ] as const) {
      expect((await send("connection", { [field]: "😀".repeat(most) })).status).toBe(201);
      const { status, json } = await send("connection", { [field]: "x".repeat(most + 1) });
      expect([status, json.field]).toEqual([400, field]);
    }
  });

  test("have no half of a surrogate pair", async () => {
    const { status, json } = await product.send("POST", "/v1/connections", {
      body: '{"connector":"files","owner":"\\ud800"}',
    });
    expect([status, json.code, json.field]).toEqual([400, "request_invalid", "owner"]);
  });
});

test("an address that cannot be read is the request's fault, to people with a page and to programs with a problem", async () => {
  for (const path of [
    "/oauth/callback/%E0%A4%A",
    "/oauth/authorize/%E0%A4%A",
    "/oauth/done/%E0%A4%A",
    "/v1/connections/%E0%A4%A",
  ]) {
    const problem = await product.send("GET", path);
    expect([path, problem.status, problem.json.code]).toEqual([path, 400, "request_invalid"]);
    if (path.startsWith("/v1")) continue;
    const page = await product.send("GET", path, { key: null, headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"]);
    expect(page.headers.get("cache-control")).toBe("no-store");
  }
  expect(product.log.filter(({ level }) => level === "error")).toEqual([]);
});

describe("a sign-in link", () => {
  const open = (path: string, headers: Record<string, string> = {}) => product.send("GET", path, { key: null, headers });

  test("signs a browser in, once, and leads to a clean address", async () => {
    const jar = new Jar();
    const link = `/sign-in?token=${product.server.welcome.signInToken}`;
    const head = await product.send("HEAD", link, { key: null });
    expect(head.status).toBe(405);
    const answer = jar.keep(await open(link));
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await open("/v1/session", { cookie: jar.header })).json.role).toBe("admin");
    expect((await open(link)).json.code).toBe("sign_in_link_invalid");
    // Who is in already is only let in.
    expect((await open(link, { cookie: jar.header })).status).toBe(303);
    expect(JSON.stringify(product.log)).not.toContain(product.server.welcome.signInToken);
  });

  test("that is unknown is refused, to people with a page", async () => {
    for (const path of ["/sign-in", "/sign-in?token=", "/sign-in?token=x&token=y"]) {
      const answer = await open(path, { accept: "text/html" });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"]);
    }
  });
});

test("behind https the cookies belong to exactly this host, and the browser is told to stay with https", async () => {
  const secure = await startProduct({ env: { PUBLIC_URL: "https://connect.example.com", SANDBOX: "off" } });
  const port = secure.log.find(({ message }) => message === "listening")?.fields.port;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/session`, {
    method: "POST",
    body: JSON.stringify({ api_key: secure.key }),
    headers: { "content-type": "application/json" },
  });
  for (const line of answer.headers.getSetCookie()) expect(line).toMatch(/^__Host-jackfield(_browser)?=.*; Path=\/; .*Secure/);
  expect(answer.headers.getSetCookie()).toHaveLength(2);
  expect(answer.headers.get("strict-transport-security")).toMatch(/max-age=\d+/);
  // The redirect URL to register is that of the deployment, wherever the process listens and whatever host is asked for.
  const connector = await fetch(`http://127.0.0.1:${port}/v1/connectors/http`, {
    headers: { authorization: `Bearer ${secure.key}` },
  });
  expect(await connector.json()).toMatchObject({ redirect_uri: "https://connect.example.com/oauth/callback/http" });
});
