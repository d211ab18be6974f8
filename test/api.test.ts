import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { connect, draft, keyedManifest, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Answer, heard, send } from "./harness/http.ts";
import { checkAnswers, type Document } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";

jest.setTimeout(60_000);

const key = "the-users-own-key-0123456789";
const roles = ["admin", "author", "user", "workflow"] as const;
type Role = (typeof roles)[number];

let provider: Provider;
let product: Product;
const keys = {} as Record<Role, string>;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey(key);
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      keyed: keyedManifest(provider, "keyed"),
      once: keyedManifest(provider, "once").replace("unique_id: me.id", "unique_id: { value: me.id, on_conflict: reject }"),
      regional: keyedManifest(provider, "regional").replace(
        "    type: api_key\n",
        `    type: api_key
    fields:
      - { name: api_key, label: Acme API key, required: true, secret: true, help: From the settings. }
      - { name: region, label: Region, type: select, default: eu, options: [{ label: Europe, value: eu }, { label: America, value: us }] }
      - { name: tenant, label: Tenant, pattern: "[a-z]{3,10}" }
      - { name: seats, label: Seats, type: number }
    default_params: { headers: { X-Region: "{{ fields.region }}", X-Tenant: "{{ fields.tenant }}", X-Seats: "{{ fields.seats }}" } }
`,
      ),
    },
  });
  await saveApp(product, provider, "acme");
  keys.admin = product.adminKey;
  for (const role of ["author", "user", "workflow"] as const) {
    const answer = await product.post("/v1/api_keys", { name: `a ${role}`, role });
    expect(answer.status).toBe(201);
    keys[role] = answer.json.key;
  }
});
afterAll(cleanup);

beforeEach(() => provider.reset());

const as = (role: Role | null, method: string, path: string, body?: unknown) =>
  product.send(method, path, body, { key: role === null ? null : keys[role] });

const newKeyed = async (owner: string, values: Readonly<Record<string, unknown>> = {}) => {
  const answer = await product.post("/v1/connections", { connector: "keyed", owner, fields: { api_key: key }, ...values });
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([201, expect.any(String)]);
  return answer.json;
};

function expectProblem(answer: Answer, status: number, code: string) {
  expect({ status: answer.status, code: answer.json.code, type: answer.headers["content-type"] }).toEqual({
    status,
    code,
    type: "application/problem+json",
  });
  const { title, detail, hint, request_id } = answer.json;
  for (const text of [title, detail, hint]) expect(text).toMatch(/\S.*[.!`]$/s);
  expect(request_id).toBe(answer.headers["x-request-id"]);
  expect(answer.json.status).toBe(status);
}

describe("bad input is answered with what is wrong, where, and what to do", () => {
  test("JSON that is malformed", async () => {
    const answer = await product.post("/v1/connections", '{\n  "connector": keyed\n}');
    expectProblem(answer, 400, "request_invalid");
    expect(answer.json).toMatchObject({ line: 2, column: 16 });
  });

  test("a value of the wrong type, a key that is unknown, a key that is missing", async () => {
    for (const [body, field] of [
      [{ connector: 5 }, "connector"],
      [{ connector: "keyed", feilds: {} }, "feilds"],
      [{}, "connector"],
      [{ connector: "keyed", name: "" }, "name"],
    ] as const) {
      const answer = await product.post("/v1/connections", body);
      expectProblem(answer, 400, "request_invalid");
      expect(answer.json.field).toBe(field);
      expect(answer.json.detail).toContain(field);
    }
  });

  test("an unknown address", async () => {
    for (const path of ["/v1", "/v1/nothing", "/v1/connections/a/b", "/v1/connectors/acme/apps"])
      expectProblem(await product.get(path), 404, "not_found");
  });

  test("a method that a route does not take, with those that it takes", async () => {
    for (const [method, path, allow] of [
      ["DELETE", "/v1/connections", "GET"],
      ["POST", "/v1/connectors", "GET"],
      ["PUT", "/healthz", "GET"],
    ] as const) {
      const answer = await product.send(method, path);
      expectProblem(answer, 405, "method_not_allowed");
      expect(answer.headers.allow).toContain(allow);
    }
  });

  test("things that are unknown", async () => {
    expectProblem(await product.get("/v1/connections/con_nothing"), 404, "connection_unknown");
    expectProblem(await product.get("/v1/connectors/nothing"), 404, "connector_unknown");
    expectProblem(await product.post("/v1/connections", { connector: "nothing" }), 404, "connector_unknown");
    expectProblem(await product.post("/v1/connections", { connector: "keyed", auth: "nothing" }), 422, "auth_unknown");
    expectProblem(
      await product.post("/v1/connections", { connector: "keyed", environment: "moon", fields: { api_key: key } }),
      422,
      "environment_unknown",
    );
    expectProblem(await product.get("/v1/connectors/acme/apps/nothing/production"), 422, "auth_unknown");
    expectProblem(await product.get("/v1/connectors/keyed/apps/key/production"), 422, "app_not_used");
    const { id } = await newKeyed("unknown-things");
    expectProblem(await step(product, id, "nothing"), 404, "action_unknown");
  });

  test("fields of a form: missing, of the wrong kind, not matching, not to choose from, unknown", async () => {
    for (const [fields, code, field] of [
      [{}, "field_required", "api_key"],
      [{ api_key: "" }, "field_required", "api_key"],
      [{ api_key: key, region: "moon" }, "field_invalid", "region"],
      [{ api_key: key, tenant: "UPPER" }, "field_invalid", "tenant"],
      [{ api_key: key, tenant: "abcx'" }, "field_invalid", "tenant"],
      [{ api_key: key, seats: "many" }, "field_invalid", "seats"],
      [{ api_key: key, other: "x" }, "field_invalid", "other"],
      [{ api_key: ` ${key}` }, "whitespace_in_credential", "api_key"],
      [{ api_key: `${key}\n` }, "whitespace_in_credential", "api_key"],
    ] as const) {
      const answer = await product.post("/v1/connections", { connector: "regional", fields });
      expectProblem(answer, 422, code);
      expect(answer.json.field).toBe(field);
      expect(answer.text).not.toContain(key);
    }
  });

  test("an optional field that is empty leaves its parameter out, and a default is filled in", async () => {
    const { id } = (await product.post("/v1/connections", { connector: "regional", fields: { api_key: key, tenant: "" } })).json;
    const { json } = await step(product, id, "echo");
    expect(json.output.headers["x-region"]).toBe("eu");
    expect(json.output.headers).not.toHaveProperty("x-tenant");
    expect(json.output.headers).not.toHaveProperty("x-seats");
  });

  test("inputs of an action, before any request is made", async () => {
    const { id } = await connect(product, "acme");
    await provider.forget();
    for (const [action, input, field] of [
      ["list_items", { limit: 0 }, "limit"],
      ["list_items", { limit: 101 }, "limit"],
      ["list_items", { limit: "ten" }, "limit"],
      ["list_items", { limit: null, other: 1 }, "other"],
      ["get_item", {}, "id"],
      ["get_item", { id: "" }, "id"],
      ["get_item", { id: ["a"] }, "id"],
    ] as const) {
      const answer = await step(product, id, action, input);
      expectProblem(answer, 422, "input_invalid");
      expect(answer.json.input).toBe(field);
    }
    expect(await provider.log()).toEqual([]);
  });

  test("an app's credentials with white space around them", async () => {
    const values = { client_id: "x", client_secret: "pasted-with-a-line-end\n" };
    const answer = await product.put("/v1/connectors/acme/apps/oauth/production", values);
    expectProblem(answer, 422, "whitespace_in_credential");
    expect(answer.text).not.toContain("pasted-with");
  });

  test("a request's own id comes back, if it is harmless", async () => {
    const given = await product.send("GET", "/v1/nothing", undefined, { headers: { "x-request-id": "mine-1" } });
    expect(given.json.request_id).toBe("mine-1");
    const strange = await product.send("GET", "/v1/nothing", undefined, { headers: { "x-request-id": "<script>" } });
    expect(strange.json.request_id).not.toContain("<");
    expectProblem(strange, 404, "not_found");
  });
});

describe("who may do what", () => {
  test("without a key, with a wrong one or a revoked one, nothing is told", async () => {
    const made = (await product.post("/v1/api_keys", { name: "soon gone", role: "admin" })).json;
    expect((await product.send("GET", "/v1/connections", undefined, { key: made.key })).status).toBe(200);
    expect((await product.send("DELETE", `/v1/api_keys/${made.id}`)).status).toBe(204);
    for (const wrong of [null, "nonsense", made.key, `${product.adminKey}x`, product.adminKey.slice(0, -1)])
      for (const path of ["/v1/connections", "/v1/connectors", "/v1/connections/con_x", "/v1/api_keys"]) {
        const answer = await product.send("GET", path, undefined, { key: wrong });
        expectProblem(answer, 401, "unauthenticated");
        expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
      }
    const basic = await send(`${product.url}/v1/connections`, { headers: { authorization: "Basic eDp5" } });
    expectProblem(basic, 401, "unauthenticated");
  });

  const everybody = roles;
  const table: readonly (readonly [method: string, path: string, allowed: readonly Role[], code?: string])[] = [
    ["GET", "/v1/connectors", everybody],
    ["GET", "/v1/connectors/acme", everybody],
    ["POST", "/v1/connectors/validate", ["admin", "author"]],
    ["PUT", "/v1/connectors/other", ["admin", "author"]],
    ["GET", "/v1/connectors/acme/apps/oauth/production", ["admin"], "admin_required"],
    ["PUT", "/v1/connectors/acme/apps/oauth/production", ["admin"], "admin_required"],
    ["DELETE", "/v1/connectors/keyed/apps/key/production", ["admin"], "admin_required"],
    ["GET", "/v1/connectors/acme/apps/oauth/production/events", ["admin"], "admin_required"],
    ["POST", "/v1/connections", ["admin", "user"]],
    ["GET", "/v1/connections", everybody],
    ["GET", "/v1/connections/con_x", everybody],
    ["PATCH", "/v1/connections/con_x", ["admin", "user"]],
    ["DELETE", "/v1/connections/con_x", ["admin", "user"]],
    ["POST", "/v1/connections/con_x/authorize", ["admin", "user"]],
    ["POST", "/v1/connections/con_x/test", ["admin", "user"]],
    ["POST", "/v1/connections/con_x/refresh", ["admin", "user"]],
    ["GET", "/v1/connections/con_x/events", everybody],
    ["POST", "/v1/connections/con_x/actions/a", ["admin", "user", "workflow"]],
    ["GET", "/v1/connections/con_x/proxy/a", ["admin", "user", "workflow"]],
    ["POST", "/v1/connect_sessions", ["admin", "author", "user"]],
    ["GET", "/v1/connect_sessions/cs_x", ["admin", "author", "user"]],
    ["DELETE", "/v1/connect_sessions/cs_x", ["admin", "author", "user"]],
    ["GET", "/v1/api_keys", ["admin"], "admin_required"],
    ["POST", "/v1/api_keys", ["admin"], "admin_required"],
  ];
  for (const [method, path, allowed, code = "forbidden"] of table)
    test(`${method} ${path} is for ${allowed.join(", ")}`, async () => {
      for (const role of roles) {
        const answer = await as(role, method, path);
        if (allowed.includes(role)) expect([role, [401, 403].includes(answer.status)]).toEqual([role, false]);
        else {
          expect([role, answer.status]).toEqual([role, 403]);
          expectProblem(answer, 403, code);
        }
      }
      expectProblem(await as(null, method, path), 401, "unauthenticated");
    });

  test("what needs no key tells nothing that is not public", async () => {
    for (const path of ["/healthz", "/readyz", "/v1/platform", "/openapi.json"])
      expect([path, (await as(null, "GET", path)).status]).toEqual([path, 200]);
    expect((await as(null, "GET", "/v1/platform")).json).toMatchObject({
      url: product.url,
      redirect_uri_template: `${product.url}/oauth/callback/{connector}`,
    });
  });

  test("a user sees and reaches only their own connections; an admin and a workflow all of the workspace", async () => {
    const foreign = await newKeyed("somebody-else");
    const own = (await as("user", "POST", "/v1/connections", { connector: "keyed", fields: { api_key: key } })).json;
    const listed = async (role: Role) =>
      (await as(role, "GET", "/v1/connections?limit=200")).json.items.map(({ id }: { id: string }) => id);
    expect(await listed("user")).toEqual([own.id]);
    for (const role of ["admin", "workflow"] as const)
      expect(await listed(role)).toEqual(expect.arrayContaining([own.id, foreign.id]));
    expect(await as("user", "GET", `/v1/connections?owner=somebody-else`).then(({ json }) => json.items)).toHaveLength(1);
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/test"],
      ["POST", "/refresh"],
      ["GET", "/events"],
      ["POST", "/actions/list_items"],
      ["GET", "/proxy/items"],
    ] as const) {
      const answer = await as("user", method, `/v1/connections/${foreign.id}${path}`);
      expectProblem(answer, 404, "connection_unknown");
    }
    expect((await as("user", "POST", `/v1/connections/${own.id}/actions/list_items`)).status).toBe(200);
    expect((await as("workflow", "POST", `/v1/connections/${foreign.id}/actions/list_items`)).status).toBe(200);
  });

  test("only an admin makes a connection for somebody else", async () => {
    const body = { connector: "keyed", owner: "somebody-else", fields: { api_key: key } };
    expectProblem(await as("user", "POST", "/v1/connections", body), 403, "admin_required");
  });

  test("the same account of two owners is two connections", async () => {
    const [one, two] = [await newKeyed("owner-one"), await newKeyed("owner-two")];
    expect(one.id).not.toBe(two.id);
    expect((await newKeyed("owner-one")).id).toBe(one.id);
    expect((await newKeyed("owner-one")).reused).toBe(true);
  });
});

describe("lists", () => {
  test("come page by page, each connection once, also while new ones are made", async () => {
    const made: string[] = [];
    for (let number = 0; number < 23; number += 1) made.push((await newKeyed(`page-${number}`, { name: `Paged ${number}` })).id);
    const seen: string[] = [];
    let next: string | null = null;
    do {
      const cursor: string = next === null ? "" : `&cursor=${encodeURIComponent(next)}`;
      const { json } = await product.get(`/v1/connections?search=Paged&limit=5${cursor}`);
      expect(json.items.length).toBeLessThanOrEqual(5);
      seen.push(...json.items.map(({ id }: { id: string }) => id));
      next = json.next;
      await newKeyed(`page-late-${seen.length}`, { name: `Paged late ${seen.length}` });
    } while (next !== null);
    // The newest first.
    expect(seen).toEqual(made.reverse());
  });

  test("refuse a cursor or a limit that is none", async () => {
    for (const query of ["cursor=nonsense", "limit=0", "limit=201", "limit=x", "limit=1&limit=2", "status=bad", "other=1"])
      expectProblem(await product.get(`/v1/connections?${query}`), 400, "request_invalid");
  });

  test("are searched in name, label, description and unique id, whatever the case, and literally", async () => {
    const one = await newKeyed("search-1", { name: "Ærlige Bücher 100%_sicher", description: "of the Copenhagen office" });
    const found = async (search: string) =>
      (await product.get(`/v1/connections?limit=200&search=${encodeURIComponent(search)}`)).json.items.map(
        ({ id }: { id: string }) => id,
      );
    for (const words of ["ærlige", "BÜCHER", "100%_", "copenhagen", "acct-1815"]) expect(await found(words)).toContain(one.id);
    for (const words of ["1000_s", "%%%", "bücher sicher", "' OR 1=1 --"]) expect(await found(words)).not.toContain(one.id);
  });

  test("are filtered by connector, environment, status and owner", async () => {
    const waiting = await draft(product, "acme");
    const one = await newKeyed("filter-1");
    const found = async (query: string) =>
      (await product.get(`/v1/connections?limit=200&${query}`)).json.items.map(({ id }: { id: string }) => id);
    expect(await found("connector=acme&status=draft")).toEqual([waiting.id]);
    expect(await found("owner=filter-1")).toEqual([one.id]);
    expect(await found("owner=filter-1&status=draft")).toEqual([]);
    expect(await found("owner=filter-1&environment=production")).toEqual([one.id]);
    expect(await found("owner=filter-1&connector=acme")).toEqual([]);
  });

  test("hold neither drafts that became aliases nor connections that were disconnected", async () => {
    const one = await newKeyed("gone");
    expect((await product.send("DELETE", `/v1/connections/${one.id}`)).status).toBe(204);
    const { items } = (await product.get("/v1/connections?limit=200")).json;
    expect(items.map(({ id }: { id: string }) => id)).not.toContain(one.id);
    expectProblem(await product.send("DELETE", `/v1/connections/${one.id}`), 410, "connection_revoked");
  });
});

describe("a connection", () => {
  test("keeps the name that its user gave it, and gets its own back when that is taken away", async () => {
    const { id, label } = await newKeyed("naming");
    expect(label).toBe("Ada Lovelace's key");
    const renamed = await product.send("PATCH", `/v1/connections/${id}`, { name: "Mine", description: "For reports" });
    expect(renamed.json).toMatchObject({ name: "Mine", label: "Mine", description: "For reports" });
    await product.post(`/v1/connections/${id}/test`);
    expect(await look(product, id)).toMatchObject({ label: "Mine" });
    expect((await product.send("PATCH", `/v1/connections/${id}`, { name: null })).json.label).toBe("Ada Lovelace's key");
  });

  test("may have the name of another", async () => {
    const [one, two] = [await newKeyed("named", { name: "Reports" }), await newKeyed("named-too", { name: "Reports" })];
    expect([one.name, two.name]).toEqual(["Reports", "Reports"]);
    expect(one.id).not.toBe(two.id);
  });

  test("stays with the way it was made and its environment", async () => {
    const { id } = await newKeyed("staying");
    for (const change of [{ auth: "key" }, { environment: "production" }, { connector: "regional" }]) {
      const answer = await product.send("PATCH", `/v1/connections/${id}`, { name: "Changed", ...change });
      expectProblem(answer, 400, "request_invalid");
      expect(answer.json.field).toBe(Object.keys(change)[0]);
    }
    expect(await look(product, id)).toMatchObject({ auth: "key", name: null });
  });

  test("is refused, with the one that there is, where the manifest rejects a second of the same account", async () => {
    const values = { connector: "once", owner: "once", fields: { api_key: key } };
    const first = (await product.post("/v1/connections", values)).json;
    const second = await product.post("/v1/connections", values);
    expectProblem(second, 409, "duplicate_connection");
    expect(second.json.connection).toBe(first.id);
    const { items } = (await product.get("/v1/connections?connector=once")).json;
    expect(items.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([[first.id, "connected"]]);
    expect((await product.post("/v1/connections", { ...values, owner: "somebody-else" })).status).toBe(201);
  });

  test("with an API key connects at once, or ends in `error` with the provider's words and without the key", async () => {
    const good = await newKeyed("at-once");
    expect(good).toMatchObject({ status: "connected", unique_id: "acct-1815", renewable: false, expires_at: null });
    const wrong = "not-the-key-0123456789";
    const answer = await product.post("/v1/connections", { connector: "keyed", owner: "wrong-key", fields: { api_key: wrong } });
    expect(answer.json).toMatchObject({ status: "error", error: { code: "credentials_invalid", provider: { status: 401 } } });
    expect(answer.text).toContain("[redacted]");
    expect(answer.text).not.toContain(wrong);
  });

  test("takes a new key, and keeps the old one when the new one fails its test", async () => {
    const { id } = await newKeyed("new-key");
    const refused = await product.send("PATCH", `/v1/connections/${id}`, { fields: { api_key: "not-known-0123456789" } });
    expectProblem(refused, 422, "credentials_invalid");
    expect((await step(product, id, "list_items")).status).toBe(200);
    await provider.apiKey("the-second-key-0123456789");
    const taken = await product.send("PATCH", `/v1/connections/${id}`, { fields: { api_key: "the-second-key-0123456789" } });
    expect(taken.json.status).toBe("connected");
    await step(product, id, "list_items");
    expect((await provider.log("/keyed/items")).at(-1)?.headers["x-api-key"]).toBe("the-second-key-0123456789");
  });

  test("is tested on demand; a provider that cannot be reached changes nothing about it", async () => {
    const { id } = await newKeyed("testing");
    expect((await product.post(`/v1/connections/${id}/test`)).json).toMatchObject({ ok: true, outcome: "passed", status: 200 });
    await provider.set({ api_fail: { status: 503, body: "", times: 5 } });
    // The keyed part of the API has no switch; an unknown key has.
    const { connection } = await connect(product, "acme");
    expect(connection.status).not.toBe("connected");
    expect(connection.error.code).toBe("test_unreachable");
  });

  test("that was connected stays `connected` when its test cannot reach the provider", async () => {
    const { id } = await connect(product, "acme");
    await provider.set({ api_fail: { status: 503, body: "", times: 20 } });
    const { json } = await product.post(`/v1/connections/${id}/test`);
    expect(json).toMatchObject({ ok: false, outcome: "unreachable", connection: { status: "connected" } });
    await provider.set({ api_fail: null });
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  /** The live log of a connection: gives what has come so far as soon as it holds a text. */
  async function listen(id: string) {
    const stream = await fetch(`${product.url}/v1/connections/${id}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${product.adminKey}` },
      signal: AbortSignal.timeout(20_000),
    });
    expect(stream.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    afterwards(() => reader?.cancel().catch(() => undefined));
    let text = "";
    return async (what: string) => {
      while (!text.includes(what)) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error(`the stream ended without ${what}: ${text}`);
        text += value;
      }
      return text;
    };
  }

  test("tells what happens to it, live", async () => {
    const { id } = await draft(product, "acme", { owner: "watched" });
    const heardUntil = await listen(id);
    await heardUntil("event: connection");
    const begun = await product.post(`/v1/connections/${id}/authorize`);
    await heardUntil('"type":"authorization_started"');
    await new Browser().signIn(begun.json.authorization_url);
    expect(await heardUntil('"type":"authorized"')).toContain("Ada Lovelace's Acme");
  });

  test("that turns out to be an account already connected tells so, live, with the connection that it became", async () => {
    const first = await draft(product, "acme", { owner: "watched-twice" });
    await new Browser().signIn((await product.post(`/v1/connections/${first.id}/authorize`)).json.authorization_url);
    const second = await draft(product, "acme", { owner: "watched-twice" });
    const heardUntil = await listen(second.id);
    await heardUntil("event: connection");
    await new Browser().signIn((await product.post(`/v1/connections/${second.id}/authorize`)).json.authorization_url);
    const text = await heardUntil('"type":"merged"');
    expect(text.slice(text.indexOf('"type":"merged"'))).toContain(`"id":"${first.id}"`);
  });

  test("runs an action and tells how it went, and the provider's failures word for word", async () => {
    const { id } = (await connect(product, "acme")).connection;
    const good = await step(product, id, "list_items", { limit: 2 });
    expect(good.json).toMatchObject({
      output: [{ id: "item-1" }, { id: "item-2" }],
      step: { connection: id, action: "list_items", attempts: 1, status: 200 },
    });
    for (const [code, status, name] of [
      [400, 502, "provider_refused"],
      [403, 502, "provider_permission"],
      [404, 502, "provider_not_found"],
      [429, 429, "provider_rate_limited"],
      [500, 502, "provider_unavailable"],
    ] as const) {
      const answer = await step(product, id, "status", { code });
      expectProblem(answer, status, name);
      expect(answer.json).toMatchObject({ detail: "The provider's own words.", provider: { status: code } });
    }
  });
});

describe("connectors", () => {
  test("are listed with what the catalogue shows, and told in full with forms and actions", async () => {
    const { items, next } = (await product.get("/v1/connectors")).json;
    expect(next).toBeNull();
    const acme = items.find(({ name }: { name: string }) => name === "acme");
    expect(acme).toMatchObject({ name: "acme", title: "Acme", configured: true });
    const { json } = await product.get("/v1/connectors/acme");
    expect(json).toMatchObject({
      name: "acme",
      redirect_uri: `${product.url}/oauth/callback/acme`,
      environments: ["production"],
    });
    expect(json.auth[0]).toMatchObject({ id: "oauth", type: "oauth2", grant: "authorization_code", recommended: true });
    // The client is the admin's; nobody who connects is asked for it, or told of it.
    expect(json.auth[0].fields).toEqual([]);
    expect((await as("user", "GET", "/v1/connectors/acme")).json.auth[0].fields).toEqual([]);
    expect(json.auth[0].scopes.required).toEqual([
      { name: "read", reason: "Read your items." },
      { name: "write", reason: "Change your items." },
    ]);
    const list = json.actions.find(({ id }: { id: string }) => id === "list_items");
    expect(list.input[0]).toMatchObject({ name: "limit", type: "number", default: 3, min: 1, max: 100, label: "How many" });
    const picture = await product.get(acme.icon_url);
    expect(picture.headers["content-type"]).toMatch(/^image\/svg\+xml/);
    expect(picture.headers["content-security-policy"]).toBeDefined();
  });

  test("are published at run time and used at once, also after a restart", async () => {
    const text = keyedManifest(provider, "published");
    const put = (body: string) =>
      product.send("PUT", "/v1/connectors/published", body, { headers: { "content-type": "application/yaml" } });
    expect((await put(text)).status).toBe(201);
    expect((await put(text.replace("title: Keyed", "title: Keyed anew"))).status).toBe(200);
    const made = await product.post("/v1/connections", { connector: "published", fields: { api_key: key } });
    expect(made.json.status).toBe("connected");
    await product.end("SIGTERM");
    await product.start();
    expect((await product.get("/v1/connectors/published")).json.title).toBe("Keyed anew");
    expect((await step(product, made.json.id, "list_items")).status).toBe(200);
  });

  test("with problems are refused with all of them, each with its place and its cure, and the old one goes on", async () => {
    const text = keyedManifest(provider, "published")
      .replace("    label:", "    lable:")
      .replace("request: { path: /me }", "requst: { path: /me }");
    const put = await product.send("PUT", "/v1/connectors/published", text, { headers: { "content-type": "application/yaml" } });
    expectProblem(put, 422, "manifest_invalid");
    const checked = await product.send("POST", "/v1/connectors/validate", text, {
      headers: { "content-type": "application/yaml" },
    });
    expect(checked.json.valid).toBe(false);
    for (const problems of [put.json.problems, checked.json.problems]) {
      const lines = text.split("\n");
      const lable = problems.find(({ path }: { path: string }) => path.endsWith("lable"));
      expect(lable).toMatchObject({
        code: "unknown_key",
        severity: "error",
        line: lines.findIndex((line) => line.includes("lable:")) + 1,
        column: 5,
      });
      expect(`${lable.message} ${lable.hint}`).toContain("`label`");
      const requst = problems.find(({ path }: { path: string }) => path.endsWith("requst"));
      expect(`${requst.message} ${requst.hint}`).toContain("`request`");
    }
    expect((await product.get("/v1/connectors/published")).status).toBe(200);
  });

  test("are refused under another name than their own", async () => {
    const answer = await product.send("PUT", "/v1/connectors/elsewhere", keyedManifest(provider, "published"), {
      headers: { "content-type": "application/yaml" },
    });
    expectProblem(answer, 422, "manifest_invalid");
    expect(answer.json.problems[0]).toMatchObject({ code: "name_not_folder", line: 2 });
  });

  test("of another author never get the secret that an admin saved for somebody else's endpoints", async () => {
    const before = await provider.tokenRequests();
    const evil = oauthManifest(provider, { name: "acme" }).replace(`${provider.issuer}/token`, `${provider.issuer}/api/steal`);
    const put = await product.send("PUT", "/v1/connectors/acme", evil, {
      key: keys.author,
      headers: { "content-type": "application/yaml" },
    });
    if (put.status < 300) {
      const { connection } = await connect(product, "acme");
      expect(connection.status).not.toBe("connected");
      for (const seen of await provider.log("/api/steal")) {
        expect(seen.headers.authorization).toBeUndefined();
        expect(seen.body).not.toContain("secret");
      }
    } else expect(put.status).toBe(403);
    expect(await provider.tokenRequests()).toEqual(before);
  });
});

describe("an app", () => {
  const path = "/v1/connectors/acme/apps/oauth/production";
  test("is saved without anything being sent to the provider, told without its secret, and erased", async () => {
    const before = (await product.get(path)).json;
    expect(before).toMatchObject({ secret_set: true, redirect_uri: `${product.url}/oauth/callback/acme` });
    expect(await provider.log()).toEqual([]);
    expect((await product.send("DELETE", `${path}?force=true`)).status).toBe(204);
    expectProblem(await product.get(path), 404, "not_found");
    expect((await product.get("/v1/connectors/acme")).json.configured).toBe(false);
    await saveApp(product, provider, "acme");
    expect((await product.get("/v1/connectors/acme")).json.configured).toBe(true);
  });
});

describe("a browser that is signed in", () => {
  let browser: Browser;
  const post = (path: string, headers: Record<string, string>, body = '{"connector":"acme"}') =>
    browser.send(`${product.url}${path}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });

  beforeAll(async () => {
    browser = new Browser();
    const answer = await browser.send(`${product.url}/v1/session`, {
      method: "POST",
      body: JSON.stringify({ api_key: keys.user }),
      headers: { "content-type": "application/json", origin: product.url },
    });
    expect(answer.status).toBe(200);
    for (const cookie of answer.headers["set-cookie"] ?? [])
      expect(cookie).toMatch(/HttpOnly.*SameSite=Lax|SameSite=Lax.*HttpOnly/i);
  });

  test("may read, and change things from our own pages", async () => {
    expect((await browser.send(`${product.url}/v1/session`)).json).toMatchObject({ role: "user" });
    expect((await browser.send(`${product.url}/v1/connections`)).status).toBe(200);
    expect((await post("/v1/connections", { origin: product.url })).status).toBe(201);
    expect((await post("/v1/connections", { "sec-fetch-site": "same-origin" })).status).toBe(201);
  });

  test("changes nothing at the bidding of another site", async () => {
    const before = (await browser.send(`${product.url}/v1/connections`)).json.items.length;
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `${product.url}.evil.example` },
      { origin: product.url.replace("http:", "https:") },
      { origin: product.url, "sec-fetch-site": "cross-site" },
      { origin: product.url, "sec-fetch-site": "same-site" },
      { "content-type": "text/plain", origin: "https://evil.example" },
    ] as Record<string, string>[]) {
      expectProblem(await post("/v1/connections", headers), 403, "origin_refused");
    }
    expect((await browser.send(`${product.url}/v1/connections`)).json.items.length).toBe(before);
  });

  test("sends no raw request at the bidding of another site, not even one that only reads", async () => {
    const answer = await browser.send(`${product.url}/v1/connections/con_x/proxy/items`, {
      headers: { "sec-fetch-site": "cross-site" },
    });
    expectProblem(answer, 403, "origin_refused");
  });

  test("is not signed in as somebody else by another site", async () => {
    const answer = await new Browser().send(`${product.url}/v1/session`, {
      method: "POST",
      body: JSON.stringify({ api_key: keys.user }),
      headers: { "content-type": "application/json", origin: "https://evil.example" },
    });
    expectProblem(answer, 403, "origin_refused");
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("gives other sites no leave to read", async () => {
    const answer = await browser.send(`${product.url}/v1/connections`, { headers: { origin: "https://evil.example" } });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    const preflight = await send(`${product.url}/v1/connections`, {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect(preflight.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("finishes only sign-ins that its own person started", async () => {
    const begun = (await post("/v1/connections", { origin: product.url })).json;
    const url = (await post(`/v1/connections/${begun.id}/authorize`, { origin: product.url }, "{}")).json.authorization_url;
    const other = new Browser();
    expectProblem(await other.send(url), 400, "state_invalid");
    await browser.signIn(url);
    expect(await look(product, begun.id)).toMatchObject({ status: "connected" });
  });

  test("is signed out for good", async () => {
    const kept = [...browser.cookies(product.url)].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await browser.send(`${product.url}/v1/session`, { method: "DELETE", headers: { origin: product.url } });
    expect(answer.status).toBe(204);
    expectProblem(await send(`${product.url}/v1/connections`, { headers: { cookie: kept } }), 401, "unauthenticated");
  });

  test("comes in by the one-time link once, and nobody else does after it", async () => {
    const first = new Browser();
    const visit = await first.open(product.signInLink, { stop: (url) => url.pathname === "/" });
    expect(visit.url.search).toBe("");
    expect((await first.send(`${product.url}/v1/session`)).json).toMatchObject({ role: "admin" });
    const second = await new Browser().send(product.signInLink);
    expectProblem(second, 400, "sign_in_link_invalid");
    expect(second.headers["set-cookie"]).toBeUndefined();
  });
});

describe("the OpenAPI document", () => {
  test("is of version 3.1, names every operation once, and documents problems everywhere", async () => {
    const document: Document = (await product.get("/openapi.json")).json;
    expect(document.openapi).toMatch(/^3\.1\./);
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path)) as unknown as {
      operationId: string;
      responses: Record<string, { content?: Record<string, unknown> }>;
    }[];
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const operation of operations) expect(operation.responses.default?.content).toHaveProperty(["application/problem+json"]);
    for (const path of [
      "/v1/connections",
      "/v1/connections/{id}/actions/{action}",
      "/v1/connectors/{name}/apps/{auth}/{environment}",
    ])
      expect(Object.keys(document.paths)).toContain(path);
  });

  test("fits every answer that was given here", async () => {
    const document = (await product.get("/openapi.json")).json;
    const own = heard.filter((answer) => answer.origin === product.url && !answer.target.includes("/proxy"));
    expect(own.length).toBeGreaterThan(200);
    expect(checkAnswers(document, own)).toEqual([]);
  });
});
