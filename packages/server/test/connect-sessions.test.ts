import { routes } from "../src/api/routes.ts";
import { type Answer, Jar, keyManifest, type Product, type Sent, sandboxManifest, startProduct } from "./product.ts";

let product: Product;

beforeAll(async () => {
  product = await startProduct({
    connectors: { files: sandboxManifest("files"), other: sandboxManifest("other"), held: keyManifest("held") },
  });
});

/** Somebody's browser, which may have been given a link. */
class Guest {
  readonly jar = new Jar();
  /** The session that its page acts in. */
  session = "";

  async open(url: string, form?: Record<string, string>): Promise<Answer> {
    const path = url.startsWith("http") ? url.slice(product.url.length) : url;
    return this.jar.keep(
      await product.send(form === undefined ? "GET" : "POST", path, {
        key: null,
        ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
        headers: {
          accept: "text/html",
          cookie: this.jar.header,
          ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded", origin: product.url }),
        },
      }),
    );
  }

  /** Opens a link; the page that it leads to acts in that session. */
  async come(url: string): Promise<Answer> {
    const answer = await this.open(url);
    this.session = /^\/connect\/session\/([^/]+)$/.exec(answer.headers.get("location") ?? "")?.[1] ?? this.session;
    return answer;
  }

  /** What the page sends to the API. */
  async send(method: string, path: string, body?: unknown, headers: Sent["headers"] = {}): Promise<Answer> {
    return this.jar.keep(
      await product.send(method, path, {
        key: null,
        ...(body === undefined ? {} : { body }),
        headers: { cookie: this.jar.header, origin: product.url, "x-connect-session": this.session, ...headers },
      }),
    );
  }

  /** From our authorization URL through the provider's pages; gives the redirect URL that the provider sends the browser to. */
  async upToCallback(authorizationUrl: string, person = "person_ada"): Promise<string> {
    let page = await this.open((await this.open(authorizationUrl)).headers.get("location") ?? "");
    const press = async (form: string, fields: Record<string, string>): Promise<string | undefined> => {
      const ticket = /name="ticket" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
      const next = (await this.open(`/sandbox/${form}`, { ticket, ...fields })).headers.get("location") ?? "";
      if (next.includes("/oauth/callback/")) return next;
      page = await this.open(next);
      return undefined;
    };
    // The provider remembers who was signed in.
    if (page.text.includes("/sandbox/sign-out")) await press("sign-out", {});
    await press("sign-in", { person });
    const callback = await press("consent", { decision: "allow" });
    if (callback !== undefined) return callback;
    throw new Error("the provider did not send the browser back");
  }

  /** A draft, the sign-in at the provider, and back; gives the draft's id. */
  async connect(connector = "files", person?: string): Promise<string> {
    const made = await this.send("POST", "/v1/connections", { connector });
    expect([made.status, made.text]).toEqual([201, expect.stringContaining(connector)]);
    await this.open(await this.upToCallback(await this.authorize(made.json.id), person));
    return made.json.id;
  }

  async authorize(connection: string): Promise<string> {
    return (await this.send("POST", `/v1/connections/${connection}/authorize`)).json.authorization_url;
  }
}

let owners = 0;
const newOwner = () => {
  owners += 1;
  return `owner-${owners}`;
};
const ask = (body: object, key = product.key) => product.send("POST", "/v1/connect_sessions", { body, key });
const link = async (body: object = {}) => (await ask({ owner: newOwner(), ...body })).json;
/** Somebody who has opened a link. */
async function guest(body: object = {}) {
  const made = await link(body);
  const someone = new Guest();
  await someone.come(made.url);
  return { guest: someone, made };
}
const look = async (id: string) => (await product.send("GET", `/v1/connect_sessions/${id}`)).json;
const newKey = async (role: string) => (await product.send("POST", "/v1/api_keys", { body: { name: role, role } })).json;

describe("a link", () => {
  test("is made by an admin for any owner, and is told once", async () => {
    const answer = await ask({
      owner: "ada@app.example",
      connectors: ["files", "other", "files"],
      name: "The App",
      return_origin: "https://app.example",
      return_path: "/settings?tab=connections",
    });
    expect(answer.status).toBe(201);
    const { url, ...session } = answer.json;
    expect(url).toMatch(new RegExp(`^${product.url}/connect/[A-Za-z0-9_-]{43}$`));
    expect(session).toMatchObject({
      id: expect.stringMatching(/^cs_/),
      state: "open",
      owner: "ada@app.example",
      connectors: ["files", "other"],
      connection: null,
      name: "The App",
      return_origin: "https://app.example",
      return_url: "https://app.example/settings?tab=connections",
      connections: [],
    });
    expect(Date.parse(session.expires_at) - Date.parse(session.created_at)).toBe(1_800_000);
    expect(answer.headers.get("location")).toBe(`/v1/connect_sessions/${session.id}`);
    expect(await look(session.id)).toEqual(session);
  });

  test("is made by a user's or an author's key for its own owner only, and by a workflow's not at all", async () => {
    for (const role of ["user", "author"]) {
      const { key, owner } = await newKey(role);
      const own = await ask({ owner }, key);
      expect(own.status).toBe(201);
      const foreign = await ask({ owner: "somebody else" }, key);
      expect([foreign.status, foreign.json.code]).toEqual([403, "admin_required"]);
      const { id } = await link();
      for (const method of ["GET", "DELETE"])
        expect((await product.send(method, `/v1/connect_sessions/${id}`, { key })).json.code).toBe("not_found");
      expect((await product.send("GET", `/v1/connect_sessions/${own.json.id}`, { key })).status).toBe(200);
    }
    const workflow = await newKey("workflow");
    expect((await ask({ owner: workflow.owner }, workflow.key)).json.code).toBe("forbidden");
  });

  const refusals: readonly (readonly [why: string, body: object, code: string])[] = [
    ["without an owner", { owner: undefined }, "request_invalid"],
    ["for a connector that is not there", { connectors: ["nowhere"] }, "connector_unknown"],
    ["for no connector", { connectors: [] }, "request_invalid"],
    ["with a way to connect that a connector lacks", { connectors: ["files", "held"], auth: "oauth" }, "auth_unknown"],
    ["with an environment that a connector lacks", { connectors: ["files"], environment: "moon" }, "environment_unknown"],
    ["with a way to connect of no connector", { auth: "oauth" }, "request_invalid"],
    ["for a connection that is not there", { connection: "con_nowhere" }, "connection_unknown"],
    ["for longer than a day", { expires_in: 86_401 }, "request_invalid"],
    ["for no time", { expires_in: 0 }, "request_invalid"],
    ["with a path and no origin", { return_path: "/here" }, "request_invalid"],
    ...[
      "*",
      "null",
      "app.example",
      "https://app.example/",
      "https://app.example/path",
      "https://App.example",
      "https://app.example:443",
      "https://user@app.example",
      "http://app.example",
      "http://localhost.app.example",
      "javascript:alert(1)",
      "data:text/html,x",
    ].map((return_origin) => [`back to ${return_origin}`, { return_origin }, "request_invalid"] as const),
    ...["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/", "path", "", "/\t/evil.example"].map(
      (return_path) =>
        [
          `back to the path ${JSON.stringify(return_path)}`,
          { return_origin: "https://app.example", return_path },
          "request_invalid",
        ] as const,
    ),
  ];
  test.each(refusals)("is not made %s", async (_why, body, code) => {
    const answer = await ask({ owner: "ada", ...body });
    expect([answer.status >= 400, answer.json.code]).toEqual([true, code]);
  });

  test("leads back to a page of this machine without https, for development", async () => {
    for (const return_origin of ["http://localhost:5173", "http://127.0.0.1:8080", "http://app.localhost", "http://[::1]:8080"])
      expect((await ask({ owner: "ada", return_origin })).json).toMatchObject({ return_origin, return_url: `${return_origin}/` });
  });

  test("is for the browser that opens it first, which may open it again; others are told so", async () => {
    const { url, id } = await link();
    const first = new Guest();
    const opened = await first.come(url);
    expect([opened.status, opened.headers.get("location")]).toEqual([303, `/connect/session/${id}`]);
    const cookie = first.jar.get(`jackfield_connect_${id}`);
    expect(cookie).toMatch(/^[A-Za-z0-9_-]{43}$/);
    for (const line of first.jar.lines) {
      for (const attribute of ["HttpOnly", "SameSite=Lax", "Path=/"]) expect(line).toContain(attribute);
      expect(url).not.toContain(/=([^;]+)/.exec(line)?.[1]);
    }
    const again = await first.come(url);
    expect([again.status, again.headers.get("location")]).toEqual([303, `/connect/session/${id}`]);
    expect(first.jar.get(`jackfield_connect_${id}`)).toBe(cookie);

    const second = new Guest();
    const refused = await second.come(url);
    expect([refused.status, second.jar.get(`jackfield_connect_${id}`)]).toEqual([400, undefined]);
    expect(refused.text).toContain("opened in another browser before");
    expect(refused.text).not.toContain("/connections");
    expect(refused.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    second.session = id;
    expect((await second.send("GET", `/v1/connect_sessions/${id}`)).status).toBe(401);
    expect((await first.send("GET", `/v1/connect_sessions/${id}`)).status).toBe(200);
  });

  test("that nobody made, and one that is altered, open nothing", async () => {
    const { url } = await link();
    for (const wrong of [`${url}x`, url.slice(0, -1), `${product.url}/connect/nothing`, `${product.url}/connect/session`]) {
      const someone = new Guest();
      const answer = await someone.come(wrong);
      expect([wrong, answer.status, someone.jar.header]).toEqual([wrong, 400, ""]);
      expect(answer.text).toContain("This link does not work");
    }
  });

  test("is opened by looking at it, not by asking for its head or sending something to it", async () => {
    const { url, id } = await link();
    for (const method of ["HEAD", "POST"])
      expect((await product.send(method, url.slice(product.url.length), { key: null })).status).toBe(405);
    const someone = new Guest();
    await someone.come(url);
    expect(someone.session).toBe(id);
  });

  test("is never logged", async () => {
    const { url } = await link();
    const token = url.split("/").at(-1);
    for (const path of [`/connect/${token}`, `/connect/${token}/`, `/connect/${token}/more`, `/CONNECT/${token}`])
      await product.send("GET", path, { key: null });
    expect(JSON.stringify(product.log).includes(token)).toBe(false);
  });

  test("behind https gives a cookie that belongs to exactly this host", async () => {
    const secure = await startProduct({ env: { PUBLIC_URL: "https://connect.example.com", SANDBOX: "off" } });
    const port = secure.log.find(({ message }) => message === "listening")?.fields.port;
    const send = async (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
    const made = await send("/v1/connect_sessions", {
      method: "POST",
      body: JSON.stringify({ owner: "ada" }),
      headers: { "content-type": "application/json", authorization: `Bearer ${secure.key}` },
    });
    const { url } = (await made.json()) as { url: string };
    expect(url).toMatch(/^https:\/\/connect\.example\.com\/connect\//);
    const lines = (await send(new URL(url).pathname)).headers.getSetCookie();
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^__Host-jackfield_(browser|connect_cs_[\w-]+)=.*; Path=\/; .*Secure/);
  });
});

describe("who has opened a link", () => {
  test("connects for its owner, and reaches what was made so and nothing else of the owner", async () => {
    const owner = newOwner();
    const before = (await product.send("POST", "/v1/connections", { body: { connector: "files", owner } })).json;
    const { guest: someone, made } = await guest({ owner, connectors: ["files"] });
    const id = await someone.connect();
    const own = await someone.send("GET", `/v1/connections/${id}`);
    expect([own.status, own.json]).toMatchObject([200, { owner, status: "connected", label: "Ada", connector: "files" }]);
    expect((await someone.send("PATCH", `/v1/connections/${id}`, { name: "Mine" })).json.label).toBe("Mine");
    expect((await someone.send("POST", `/v1/connections/${id}/test`)).json.ok).toBe(true);
    const log = (await someone.send("GET", `/v1/connections/${id}/events`)).json.items;
    expect(log.map(({ type }: { type: string }) => type)).toEqual(expect.arrayContaining(["created", "authorized", "renamed"]));
    expect(log.at(-1).actor).toBe(`connect/${made.id}`);

    const foreign = (await product.send("POST", "/v1/connections", { body: { connector: "files", owner: newOwner() } })).json;
    for (const closed of [before.id, foreign.id, "con_nowhere"])
      for (const [method, path, body] of [
        ["GET", ""],
        ["PATCH", "", { name: "Not mine" }],
        ["POST", "/authorize", {}],
        ["POST", "/test"],
        ["GET", "/events"],
      ] as const) {
        const answer = await someone.send(method, `/v1/connections/${closed}${path}`, body);
        expect([method, path, answer.status, answer.json.code]).toEqual([method, path, 404, "connection_unknown"]);
      }
    expect(await look(made.id)).toMatchObject({ state: "used", connections: [{ id, label: "Mine", status: "connected" }] });
  });

  test("is let in to no route that does not name connect sessions", async () => {
    const { guest: someone, made } = await guest({ connectors: ["files"] });
    const id = await someone.connect();
    const closed = routes.filter(({ roles }) => roles !== "public" && !roles.includes("connect_session"));
    expect(closed.map((each) => each.id)).toEqual(
      expect.arrayContaining([
        "runAction",
        "proxy",
        "listOptions",
        "listConnections",
        "deleteConnection",
        "createConnectSession",
      ]),
    );
    for (const route of closed)
      for (const method of typeof route.method === "string" ? [route.method] : route.method) {
        const path = route.path.replace("{id}", id).replaceAll(/\{[a-z_]+\}/g, "files");
        const answer = await someone.send(method, path);
        expect([method, path, answer.status]).toEqual([method, path, 403]);
      }
    expect((await product.send("GET", `/v1/connections/${id}`)).json.status).toBe("connected");
    expect((await look(made.id)).state).toBe("used");
  });

  test("sees the allowed connectors only, and of those what is allowed", async () => {
    const { guest: someone } = await guest({ connectors: ["files"], auth: "oauth", environment: "production" });
    const { items } = (await someone.send("GET", "/v1/connectors")).json;
    expect(items.map(({ name }: { name: string }) => name)).toEqual(["files"]);
    const detail = (await someone.send("GET", "/v1/connectors/files")).json;
    expect([detail.auth.map(({ id }: { id: string }) => id), detail.environments]).toEqual([["oauth"], ["production"]]);
    for (const accept of ["application/json", "text/event-stream"]) {
      const answer = await someone.send("GET", "/v1/connectors/other", undefined, { accept });
      expect([answer.status, answer.json.code]).toEqual([404, "connector_unknown"]);
    }
    const { guest: anyone } = await guest();
    const all = (await anyone.send("GET", "/v1/connectors")).json.items.map(({ name }: { name: string }) => name);
    expect(all).toEqual(expect.arrayContaining(["files", "other", "held"]));
  });

  test("makes connections of allowed connectors only, and for nobody else", async () => {
    const { guest: someone } = await guest({ connectors: ["files"] });
    const create = async (body: object) => {
      const { status, json } = await someone.send("POST", "/v1/connections", body);
      return [status, json.code];
    };
    expect(await create({ connector: "other" })).toEqual([404, "connector_unknown"]);
    expect(await create({ connector: "held", fields: { api_key: "k-0123456789" } })).toEqual([404, "connector_unknown"]);
    expect(await create({ connector: "files", owner: "admin" })).toEqual([403, "admin_required"]);
    const { guest: narrow } = await guest({ connectors: ["files"], auth: "oauth" });
    expect((await narrow.send("POST", "/v1/connections", { connector: "files", auth: "nope" })).json.code).toBe("auth_unknown");
    expect((await narrow.send("POST", "/v1/connections", { connector: "files" })).status).toBe(201);
  });

  test("makes a bounded number of connections", async () => {
    const { guest: someone } = await guest({ connectors: ["files"] });
    const statuses: string[] = [];
    for (let count = 0; count < 60 && statuses.at(-1) !== "connect_session_full"; count += 1) {
      const { status, json } = await someone.send("POST", "/v1/connections", { connector: "files" });
      statuses.push(status === 201 ? "made" : json.code);
    }
    expect(statuses).toEqual([...Array.from({ length: 50 }, () => "made"), "connect_session_full"]);
  });

  test("who connects an account that the owner has already, reaches that connection by both of its ids", async () => {
    const owner = newOwner();
    const { guest: first, made: firstMade } = await guest({ owner });
    const id = await first.connect();
    const { guest: second, made } = await guest({ owner });
    expect((await second.send("GET", `/v1/connections/${id}`)).status).toBe(404);
    const draft = await second.connect();
    for (const each of [draft, id]) expect((await second.send("GET", `/v1/connections/${each}`)).json.id).toBe(id);
    for (const session of [made.id, firstMade.id])
      expect(await look(session)).toMatchObject({ state: "used", connections: [{ id }] });
  });

  test("acts from our own pages only", async () => {
    const { guest: someone } = await guest();
    for (const headers of [{ origin: "https://app.example" }, { "sec-fetch-site": "cross-site" }]) {
      const answer = await someone.send("POST", "/v1/connections", { connector: "files" }, headers);
      expect([answer.status, answer.json.code]).toEqual([403, "origin_refused"]);
    }
  });

  test("with a second link in the same browser acts in the one that the page names, also where an admin is signed in", async () => {
    const someone = new Guest();
    someone.jar.keep(await product.send("POST", "/v1/session", { key: null, body: { api_key: product.key } }));
    const [one, two] = [await link({ connectors: ["files"] }), await link({ connectors: ["other"] })];
    await someone.come(one.url);
    await someone.come(two.url);
    const names = async (session: string) => {
      someone.session = session;
      return (await someone.send("GET", "/v1/connectors")).json.items.map(({ name }: { name: string }) => name);
    };
    expect([await names(one.id), await names(two.id)]).toEqual([["files"], ["other"]]);
    someone.session = one.id;
    const id = await someone.connect();
    expect((await product.send("GET", `/v1/connections/${id}`)).json).toMatchObject({ owner: one.owner, status: "connected" });
    someone.session = two.id;
    expect((await someone.send("GET", `/v1/connections/${id}`)).status).toBe(404);
    expect((await someone.send("GET", `/v1/connect_sessions/${one.id}`)).status).toBe(404);
    someone.session = "cs_nonsense";
    expect((await someone.send("GET", "/v1/session")).status).toBe(401);
    const signedIn = await product.send("GET", "/v1/session", { key: null, headers: { cookie: someone.jar.header } });
    expect(signedIn.json.role).toBe("admin");
  });

  test("is told who it is, and not with which key", async () => {
    const { guest: someone, made } = await guest();
    expect((await someone.send("GET", "/v1/session")).json).toEqual({
      id: made.id,
      role: "connect_session",
      owner: made.owner,
      workspace: "default",
    });
    const shown = (await someone.send("GET", `/v1/connect_sessions/${made.id}`)).json;
    expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(["key"]));
    expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(["url"]));
  });
});

describe("a link for one connection", () => {
  test("reconnects it as the same account, and makes no other", async () => {
    const owner = newOwner();
    const id = await (await guest({ owner })).guest.connect();
    const { guest: someone, made } = await guest({ owner, connection: id });
    expect(made).toMatchObject({ connection: id, connectors: ["files"], auth: "oauth", environment: "production" });
    expect((await look(made.id)).state).toBe("open");
    expect((await someone.send("POST", "/v1/connections", { connector: "files" })).json.code).toBe("forbidden");
    await someone.open(await someone.upToCallback(await someone.authorize(id), "person_grace"));
    expect((await someone.send("GET", `/v1/connections/${id}`)).json).toMatchObject({
      label: "Ada",
      error: { code: "account_mismatch" },
    });
    expect((await look(made.id)).state).toBe("open");
    await someone.open(await someone.upToCallback(await someone.authorize(id), "person_ada"));
    expect(await look(made.id)).toMatchObject({ state: "used", connections: [{ id, label: "Ada", error: null }] });
  });

  test("is not made for a connection of another owner, or together with other limits", async () => {
    const { json } = await product.send("POST", "/v1/connections", { body: { connector: "files", owner: newOwner() } });
    expect((await ask({ owner: "ada", connection: json.id })).json.code).toBe("connection_unknown");
    expect((await ask({ owner: json.owner, connection: json.id, connectors: ["files"] })).json.code).toBe("request_invalid");
    const { key, owner } = await newKey("user");
    expect((await ask({ owner, connection: json.id }, key)).json.code).toBe("connection_unknown");
  });
});

describe("the end of a link", () => {
  const ends: readonly (readonly [how: string, state: string, end: (made: { id: string; key: string }) => Promise<unknown>])[] = [
    ["when it is ended", "ended", ({ id }) => product.send("DELETE", `/v1/connect_sessions/${id}`)],
    ["with the key that made it", "ended", ({ key }) => product.send("DELETE", `/v1/api_keys/${key}`)],
  ];
  test.each(ends)("comes %s: for its browser, for a sign-in under way and for its open streams", async (_how, state, end) => {
    const key = await newKey("admin");
    const made = (await ask({ owner: newOwner() }, key.key)).json;
    const someone = new Guest();
    await someone.come(made.url);
    const id = await someone.connect();
    const draft = (await someone.send("POST", "/v1/connections", { connector: "other" })).json.id;
    const callback = await someone.upToCallback(await someone.authorize(draft));
    const stream = await fetch(`${product.url}/v1/connections/${id}/events`, {
      headers: { accept: "text/event-stream", cookie: someone.jar.header, "x-connect-session": made.id },
    });
    expect(stream.status).toBe(200);

    await end({ id: made.id, key: key.id });
    // It ends, or this would wait for ever.
    expect(await stream.text()).toContain("event: connection");
    const answer = await someone.send("GET", `/v1/connections/${id}`);
    expect([answer.status, answer.json.code]).toEqual([401, "unauthenticated"]);
    expect((await someone.come(made.url)).status).toBe(400);
    const refused = await someone.open(callback);
    expect(refused.text).toContain("The link that this sign-in was started with has ended.");
    expect((await product.send("GET", `/v1/connections/${draft}`)).json.status).toBe("draft");
    expect((await product.send("GET", `/v1/connections/${id}`)).json.status).toBe("connected");
    expect(await look(made.id)).toMatchObject({ state, connections: [{ id }] });
  });

  test("comes when its time is over", async () => {
    const { guest: someone, made } = await guest({ expires_in: 1 });
    while ((await someone.send("GET", "/v1/session")).status === 200) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await someone.send("GET", "/v1/session")).status).toBe(401);
    expect((await someone.come(made.url)).status).toBe(400);
    expect((await look(made.id)).state).toBe("expired");
    const late = await link({ expires_in: 1 });
    while ((await look(late.id)).state === "open") await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await new Guest().come(late.url)).status).toBe(400);
  });
});

describe("a sign-in that a connect session started", () => {
  test("is finished in its own browser only, whoever is signed in elsewhere", async () => {
    const { guest: someone } = await guest();
    const { guest: other } = await guest();
    const begin = async () => {
      const { id } = (await someone.send("POST", "/v1/connections", { connector: "files" })).json;
      return { id, url: await someone.authorize(id) };
    };
    const first = await begin();
    for (const thief of [new Guest(), other]) {
      expect((await thief.open(first.url)).status).toBe(400);
      const second = await begin();
      const callback = await someone.upToCallback(second.url);
      expect((await thief.open(callback)).status).toBe(400);
      expect((await product.send("GET", `/v1/connections/${second.id}`)).json.status).toBe("draft");
    }
    await someone.open(await someone.upToCallback(first.url));
    expect((await product.send("GET", `/v1/connections/${first.id}`)).json.status).toBe("connected");
  });

  test("ends on a page that leads back to the session's own, without a secret in its address", async () => {
    const { guest: someone, made } = await guest();
    const { id } = (await someone.send("POST", "/v1/connections", { connector: "files" })).json;
    const done = await someone.open(await someone.upToCallback(await someone.authorize(id)));
    const page = await someone.open(done.headers.get("location") ?? "");
    expect(page.text).toContain(`<a href="/connect/session/${made.id}">Continue</a>`);
    expect(page.text).not.toContain('href="/connections"');
  });
});

test("the session's page may be opened by another site's page, which then can be told; it may not be framed", async () => {
  const page = await product.send("GET", "/connect/session/cs_1", { key: null, headers: { accept: "text/html" } });
  expect(page.status).toBe(200);
  expect(page.headers.get("cross-origin-opener-policy")).toBeNull();
  expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(page.headers.get("x-frame-options")).toBe("DENY");
  expect(page.headers.get("access-control-allow-origin")).toBeNull();
  const other = await product.send("GET", "/connections", { key: null, headers: { accept: "text/html" } });
  expect(other.headers.get("cross-origin-opener-policy")).toBe("same-origin-allow-popups");
});
