import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Conflict,
  type ErrorCode,
  Forbidden,
  InvalidRequest,
  Jackfield,
  JackfieldError,
  Misconfigured,
  NeedsReauth,
  NotFound,
  ProviderFailed,
  RateLimited,
  ServerFailed,
  TimedOut,
  Unauthenticated,
  Unreachable,
} from "@jackfield/client";
import { errorTable } from "@jackfield/engine";
import { errorOf } from "../packages/client/src/errors.ts";
import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { until } from "./harness/wait.ts";
import { type OddProvider, startOddProvider } from "./provider/odd.ts";

/*
 * The client against the real server: every method, every kind of error, and a network that loses answers.
 */

jest.setTimeout(120_000);

const goodKey = "canary-shop-key-0123456789";

let shop: OddProvider;
let product: Product;
let jackfield: Jackfield;
/** What the shop answers to the next requests, before it goes on as usual. */
const instead: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }[] = [];

const manifest = (url: string) => `manifest: 1
name: shop
title: Shop
base_url: ${url}/v1
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}'s shop"
    unique_id: me.id
actions:
  list_orders:
    title: List orders
    input: { limit: { type: number, default: 3, min: 1, max: 50 } }
    request: { path: /orders, query: { limit: "{{ input.limit }}" } }
    output: body.orders
  create_order:
    title: Create an order
    input: { item: { required: true } }
    request: { method: POST, path: /orders, body: { item: "{{ input.item }}" } }
  list_items:
    title: List items
    request: { path: /items }
    paginate: { items: body.items, next: body.next, send: { query: { cursor: "{{ page.cursor }}" } } }
    output: label
  read_picture: { title: Read a picture, request: { path: /picture } }
  send_picture:
    title: Send a picture
    input: { picture: { type: file, required: true } }
    request: { method: POST, path: /echo, encoding: binary, body: "{{ input.picture }}" }
  wait: { title: Wait, request: { path: /never } }
options:
  items: { request: { path: /items, query: { cursor: "{{ page.cursor }}" } }, items: body.items, next: body.next }
`;

beforeAll(async () => {
  const odd = (usual: (seen: { readonly query: URLSearchParams; readonly json: { item?: string } }) => unknown) =>
    ((seen) => {
      const reply = instead.shift();
      if (reply !== undefined) return reply;
      if (seen.headers["x-api-key"] !== goodKey) return { status: 401, body: { error: "bad key" } };
      return { body: usual(seen) };
    }) satisfies Parameters<typeof startOddProvider>[0][string];
  shop = await startOddProvider({
    "/v1/me": odd(() => ({ id: "u1", name: "Ada" })),
    "/v1/orders": odd((seen) => (seen.query.has("limit") ? { orders: [{ id: 1 }, { id: 2 }] } : { id: 3, ...seen.json })),
    "/v1/items": odd(({ query }) =>
      query.get("cursor") === "2"
        ? { items: [{ label: "Pear", value: "pear" }] }
        : {
            items: [
              { label: "Apple", value: "apple" },
              { label: "Plum", value: "plum" },
            ],
            next: "2",
          },
    ),
    "/v1/picture": () => ({ headers: { "content-type": "image/png" }, body: "as good as a picture" }),
    "/v1/never": () => new Promise(() => {}),
    "/v1/echo": (seen) => ({
      status: Number(seen.query.get("status") ?? 200),
      headers: { "content-type": seen.headers["content-type"] ?? "text/plain", "x-shop": "yes" },
      body: seen.body.toString("utf8"),
    }),
  });
  product = await startProduct({ connectors: { shop: manifest(shop.url) } });
  jackfield = new Jackfield({ url: product.url, api_key: product.adminKey });
});
afterAll(cleanup);
beforeEach(() => instead.splice(0));

/** A connection to the shop, which is there at once. */
const connect = async (values: Readonly<Record<string, unknown>> = {}) =>
  jackfield.connections.create({ connector: "shop", fields: { api_key: goodKey }, ...values });

/** What a promise is rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<JackfieldError> {
  const error = await promise.then(
    (value) => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  );
  if (!(error instanceof JackfieldError)) throw error;
  return error;
}

describe("what the API has", () => {
  test("a connection is created, read, renamed, tested, refreshed where it can be, and deleted", async () => {
    const made = await connect({ owner: "life" });
    expect(made).toMatchObject({ status: "connected", label: "Ada's shop", reused: false });
    const { id } = made;
    expect(await jackfield.connections.get(id)).toMatchObject({ id, owner: "life" });
    expect(await jackfield.connections.rename(id, "Orders")).toMatchObject({ label: "Orders" });
    expect(await jackfield.connections.update(id, { description: "Of the shop" })).toMatchObject({ description: "Of the shop" });
    expect(await jackfield.connections.test(id)).toMatchObject({ ok: true, outcome: "passed" });
    expect(await failureOf(jackfield.connections.refresh(id))).toMatchObject({ code: "not_renewable" });
    const types = (await jackfield.connections.events(id).toArray()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["created", "tested"]));
    await jackfield.actions.run(id, "list_orders", {}, { workflow: "nightly" });
    await until("the workflow to be counted", async () => {
      const [usage] = await jackfield.connections.usage(id).toArray();
      return usage?.workflow === "nightly" && usage.count === 1;
    });
    expect(await failureOf(jackfield.connections.delete(id))).toMatchObject({ code: "in_use", name: "Conflict" });
    expect(await jackfield.connections.delete(id, { force: true })).toBeUndefined();
    expect(await failureOf(jackfield.connections.get(id))).toBeInstanceOf(NotFound);
  });

  test("a sign-in is begun, and whoever watches the connection hears how it ends", async () => {
    const { id } = await jackfield.connections.create({ connector: "sandbox" });
    const heard: (string | undefined)[] = [];
    const watching = (async () => {
      for await (const { connection, event } of jackfield.connections.watch(id)) {
        heard.push(event?.type ?? "now");
        if (event?.type === "authorized") return connection;
      }
      throw new Error("the stream ended");
    })();
    await until("the stream to begin", () => heard.length > 0);
    const { authorization_url } = await jackfield.connections.authorize(id);
    const browser = new Browser();
    const chosen = await browser.press(await browser.open(authorization_url), ["person", "person_ada"]);
    await browser.press(chosen, ["decision", "allow"]);
    expect(await watching).toMatchObject({ label: "Ada's Sandbox", status: "connected" });
    expect(heard[0]).toBe("now");

    const sandbox = jackfield.connection("sandbox", id);
    const { output, step } = await sandbox.run("list_files", { limit: 1 });
    expect(output).toHaveLength(1);
    expect(step).toMatchObject({ action: "list_files", connection: id, status: 200 });
    expect(await (await sandbox.fetch("/me")).json()).toMatchObject({ id: "person_ada" });
    expect((await sandbox.get()).id).toBe(id);
    expect(await jackfield.connections.refresh(id)).toMatchObject({ id, status: "connected" });
  });

  test("watching ends with the signal, and with the connection", async () => {
    const { id } = await connect({ owner: "watched" });
    const leave = new AbortController();
    const changes = jackfield.connections.watch(id, { signal: leave.signal });
    expect((await changes.next()).value).toMatchObject({ connection: { id }, event: undefined });
    leave.abort(new Error("enough"));
    await expect(changes.next()).rejects.toThrow("enough");

    const others = jackfield.connections.watch(id);
    await others.next();
    await jackfield.connections.delete(id);
    const rest: unknown[] = [];
    for await (const { event } of others) rest.push(event?.type);
    expect(rest).toEqual(["revoked"]);
    expect(await failureOf(jackfield.connections.watch(id).next())).toBeInstanceOf(NotFound);
  });

  test("connectors, apps, links, keys, endpoints and the log are reached", async () => {
    const names = (await jackfield.connectors.list().toArray()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["sandbox", "shop"]));
    expect(await jackfield.connectors.get("shop")).toMatchObject({ name: "shop", title: "Shop" });
    expect(await jackfield.connectors.validate("manifest: 2\n")).toMatchObject({ valid: false });
    const published = manifest(shop.url).replace("name: shop", "name: stall");
    expect(await jackfield.connectors.publish("stall", published)).toMatchObject({ name: "stall" });

    const app = { connector: "github", auth: "oauth", environment: "production" };
    const saved = await jackfield.apps.save(app, { client_id: "an id", client_secret: "a secret" });
    expect(saved).toMatchObject({ client_id: "an id", secret_set: true });
    expect(await jackfield.apps.get(app)).toEqual(saved);
    expect((await jackfield.apps.events(app).page()).items[0]).toMatchObject({ connector: "github" });
    expect(await jackfield.apps.delete(app)).toBeUndefined();
    expect(await failureOf(jackfield.apps.get(app))).toBeInstanceOf(NotFound);

    const link = await jackfield.connect_sessions.create({ owner: "bob", connectors: ["sandbox"] as const });
    expect(link.url).toContain(`${product.url}/connect/`);
    expect(await jackfield.connect_sessions.get(link.id)).toMatchObject({ state: "open", owner: "bob" });
    await jackfield.connect_sessions.end(link.id);
    expect(await jackfield.connect_sessions.get(link.id)).toMatchObject({ state: "ended" });

    const key = await jackfield.api_keys.create({ name: "a workflow", role: "workflow" });
    expect((await jackfield.api_keys.list().toArray()).map(({ id }) => id)).toContain(key.id);
    const workflow = new Jackfield({ url: `${product.url}/`, apiKey: key.key });
    expect(await workflow.call("getSession", {})).toMatchObject({ role: "workflow" });
    expect(await failureOf(workflow.api_keys.list().page())).toBeInstanceOf(Forbidden);
    await jackfield.api_keys.revoke(key.id);
    expect(await failureOf(workflow.call("getSession", {}))).toBeInstanceOf(Unauthenticated);

    const endpoint = await jackfield.event_endpoints.create({ url: `${shop.url}/hears`, types: [] });
    expect(endpoint.secret).toMatch(/^whsec_/);
    expect(await jackfield.event_endpoints.update(endpoint.id, { description: "ours" })).toMatchObject({ description: "ours" });
    expect((await jackfield.event_endpoints.rotate(endpoint.id)).secret).not.toBe(endpoint.secret);
    expect(await jackfield.event_endpoints.test(endpoint.id)).toMatchObject({ type: "ping", http_status: 404 });
    expect(await jackfield.event_endpoints.deliveries(endpoint.id).toArray()).not.toEqual([]);
    expect(await jackfield.event_endpoints.get(endpoint.id)).toMatchObject({ id: endpoint.id });
    expect(await jackfield.event_endpoints.list().toArray()).toHaveLength(1);
    await jackfield.event_endpoints.delete(endpoint.id);
    expect(await jackfield.event_endpoints.list().toArray()).toEqual([]);

    expect((await jackfield.events.list({ connector: "github" }).page()).items).not.toEqual([]);
  });

  test("lists are gone through page by page, and no page is asked for before it is needed", async () => {
    const asked: string[] = [];
    const listening = new Jackfield({
      url: product.url,
      api_key: product.adminKey,
      fetch: (input, init) => {
        asked.push(String(input));
        return fetch(input, init);
      },
    });
    const owners = ["one", "two", "three", "four", "five"];
    for (const owner of owners) await connect({ owner: `pages-${owner}`, name: "Paged" });
    const listing = listening.connections.list({ search: "Paged", limit: 2 });
    expect(asked).toEqual([]);
    const found: string[] = [];
    for await (const { owner } of listing) {
      found.push(owner);
      if (found.length === 2) expect(asked).toHaveLength(1);
    }
    expect(found).toEqual(owners.toReversed().map((owner) => `pages-${owner}`));
    expect(asked).toHaveLength(3);
    const sizes: number[] = [];
    for await (const { items } of listing.pages()) sizes.push(items.length);
    expect(sizes).toEqual([2, 2, 1]);
    expect(await listing.toArray(3)).toHaveLength(3);
    const first = await listing.page();
    expect((await listing.page(first.next ?? "")).items[0]?.owner).toBe("pages-three");
  });

  test("a drop-down's choices come from the provider, page by page", async () => {
    const { id } = await connect({ owner: "choices" });
    const labels = (await jackfield.options(id, "items").toArray()).map(({ label }) => label);
    expect(labels).toEqual(["Apple", "Plum", "Pear"]);
    expect((await jackfield.connection(id).options("items").page()).next).toBe("2");
  });
});

describe("errors", () => {
  test("every code that there is has a class, which says who has to do something", () => {
    const classes = Object.entries(errorTable).map(([code, [status, audience]]) => {
      const shown = { type: "", title: "", detail: "", hint: "", request_id: "", code: code as ErrorCode, status, audience };
      return { code, status, audience, name: errorOf(shown).name };
    });
    const where = (name: string) => classes.filter((each) => each.name === name);
    expect(where("JackfieldError")).toEqual([]);
    expect(where("Misconfigured").filter(({ audience }) => audience === "user" || audience === "provider")).toEqual([]);
    expect(where("ServerFailed").filter(({ audience }) => audience !== "operator")).toEqual([]);
    expect(where("InvalidRequest").filter(({ audience, status }) => audience !== "user" || status >= 502)).toEqual([]);
    expect(where("ProviderFailed").filter(({ audience, status }) => audience !== "provider" && status < 502)).toEqual([]);
    const classOf = Object.fromEntries(classes.map(({ code, name }) => [code, name]));
    expect(classOf).toMatchObject({
      forbidden: "Forbidden",
      app_in_use: "Conflict",
      app_not_configured: "Misconfigured",
      address_refused: "Misconfigured",
      provider_unauthorized: "NeedsReauth",
      provider_permission: "ProviderFailed",
      connection_busy: "RateLimited",
      connection_revoked: "NotFound",
      step_timeout: "TimedOut",
      stopping: "ServerFailed",
    });
  });

  test("say by their class what is in the way, and by their members what exactly", async () => {
    const { id } = await connect({ owner: "errors" });
    const invalid = await failureOf(jackfield.actions.run(id, "list_orders", { limit: 1000 }));
    expect(invalid).toBeInstanceOf(InvalidRequest);
    expect(invalid).toMatchObject({
      name: "InvalidRequest",
      code: "input_invalid",
      status: 422,
      detail: expect.stringContaining("50"),
      message: invalid.detail,
      audience: "user",
      problem: { input: "limit" },
    });
    expect(invalid.hint).not.toBe("");
    expect(invalid.request_id).not.toBe("");

    const draft = await jackfield.connections.create({ connector: "sandbox" });
    const unready = await failureOf(jackfield.actions.run(draft.id, "list_files"));
    expect(unready).toMatchObject({ name: "NeedsReauth", code: "not_connected" });
    expect(unready).toBeInstanceOf(NeedsReauth);
    expect(await failureOf(jackfield.connections.create({ connector: "nothing" }))).toBeInstanceOf(NotFound);
    const github = await jackfield.connections.create({ connector: "github" });
    const unset = await failureOf(jackfield.connections.authorize(github.id));
    expect(unset).toMatchObject({ code: "app_not_configured", audience: "admin" });
    expect(unset).toBeInstanceOf(Misconfigured);
    expect(await failureOf(jackfield.connections.authorize(id))).toBeInstanceOf(Conflict);
  });

  test("carry the provider's words", async () => {
    const { id } = await connect({ owner: "words" });
    instead.push({ status: 400, body: { error: "sold_out" } });
    const refused = await failureOf(jackfield.actions.run(id, "create_order", { item: "pear" }));
    expect(refused).toBeInstanceOf(ProviderFailed);
    expect(refused).toMatchObject({ code: "provider_refused", provider: { status: 400 } });
  });

  test("tell after how long a limit is over, and nothing is waited for that is longer than the call may last", async () => {
    const { id } = await connect({ owner: "limits" });
    for (let n = 0; n < 6; n += 1) instead.push({ status: 429, headers: { "retry-after": "600" } });
    const limited = await failureOf(jackfield.actions.run(id, "create_order", { item: "pear" }));
    expect(limited).toBeInstanceOf(RateLimited);
    expect(limited).toMatchObject({ code: "provider_rate_limited" });
    expect(limited.retry_after).toBeGreaterThan(500);
  });

  test("an address without a Jackfield is told from one that nobody listens at", async () => {
    const left = createServer();
    const url = await listen(left);
    await new Promise((resolve) => left.close(resolve));
    const nobody = new Jackfield({ url, api_key: "key", retries: 0 });
    const refused = await failureOf(nobody.connections.get("con_1"));
    expect(refused).toMatchObject({ name: "Unreachable", code: "unreachable", status: 0, unsent: true });
    const other = new Jackfield({ url: shop.url, api_key: "key", retries: 0 });
    const strange = await failureOf(other.connections.get("con_1"));
    expect(strange).toBeInstanceOf(Unreachable);
    expect(strange).toMatchObject({ status: 404, detail: expect.stringContaining("no answer of Jackfield") });
  });

  test("a wrong URL or key is refused before anything is sent, and so is an id that would lead to another route", async () => {
    expect(() => new Jackfield({ url: "connect.example.com", api_key: "key" })).toThrow(TypeError);
    expect(() => new Jackfield({ url: "https://connect.example.com?key=1", api_key: "key" })).toThrow(TypeError);
    expect(() => new Jackfield({ url: product.url, api_key: "two\nlines" })).toThrow(TypeError);
    for (const id of ["", ".", ".."]) await expect(jackfield.connections.get(id)).rejects.toThrow("`id` must be an id");
    expect(await failureOf(jackfield.connections.get("../api_keys"))).toBeInstanceOf(NotFound);
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What becomes of a request on its way: `lost`: it arrives, and its answer does not; otherwise it is answered in the server's place. */
type Fate = "pass" | "lost" | { readonly status: number; readonly headers?: Record<string, string>; readonly body: string };

/** Something between the client and the server. */
async function startFront(fate: (n: number) => Fate) {
  const seen: { readonly key: string | undefined; readonly seconds: string | undefined }[] = [];
  const { hostname, port } = new URL(product.url);
  const server = createServer((request, response) => {
    const { method = "", url: path, headers } = request;
    const text = (name: string) => headers[name]?.toString();
    const become = fate(seen.push({ key: text("idempotency-key"), seconds: text("request-timeout") }));
    if (typeof become === "object") {
      response.writeHead(become.status, become.headers);
      // Where a length was told that is not reached, the answer breaks off.
      if (become.headers?.["content-length"] === undefined) response.end(become.body);
      else response.write(become.body, () => response.destroy());
      return;
    }
    const on = httpRequest({ hostname, port, path, method, headers, agent: false }, (answer) => {
      if (become === "lost") {
        answer.resume();
        return void response.destroy();
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    on.on("error", () => response.destroy());
    request.pipe(on);
  });
  return { seen, client: new Jackfield({ url: await listen(server), api_key: product.adminKey }) };
}

const problem = (status: number, code: string, headers: Record<string, string> = {}): Fate => ({
  status,
  headers: { "content-type": "application/problem+json", ...headers },
  body: JSON.stringify({
    type: `urn:jackfield:error:${code}`,
    code,
    status,
    title: code,
    detail: code,
    hint: "",
    audience: "operator",
  }),
});

describe("a call that is sent again", () => {
  test("a step whose answers are lost goes out under one key, so that it can be known again", async () => {
    const { id } = await connect({ owner: "lost" });
    const { seen, client } = await startFront((n) => (n < 3 ? "lost" : "pass"));
    const { output } = await client.actions.run(id, "create_order", { item: "fig" });
    expect(output).toMatchObject({ id: 3, item: "fig" });
    const keys = seen.map(({ key }) => key);
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
    await client.actions.run(id, "create_order", { item: "fig" });
    expect(seen.at(-1)?.key).not.toBe(keys[0]);
    await client.actions.run(id, "create_order", { item: "fig" }, { idempotencyKey: "order-7" });
    expect(seen.at(-1)?.key).toBe("order-7");
  });

  test("the step itself is run once, and its first answer is what comes back", async () => {
    const { id } = await connect({ owner: "once" });
    const before = shop.at("/v1/orders").length;
    const { client } = await startFront((n) => (n < 3 ? "lost" : "pass"));
    expect((await client.actions.run(id, "create_order", { item: "kiwi" })).output).toMatchObject({ item: "kiwi" });
    expect(shop.at("/v1/orders")).toHaveLength(before + 1);
    const twice = () => jackfield.actions.run(id, "create_order", { item: "lime" }, { idempotencyKey: "order-8" });
    expect(await twice()).toEqual(await twice());
    expect(shop.at("/v1/orders")).toHaveLength(before + 2);
    const other = jackfield.actions.run(id, "create_order", { item: "plum" }, { idempotencyKey: "order-8" });
    expect(await failureOf(other)).toMatchObject({ name: "InvalidRequest", code: "idempotency_key_reused" });
  });

  test("a step without a key is sent once when its answer is lost", async () => {
    const { id } = await connect({ owner: "no key" });
    const { seen, client } = await startFront(() => "lost");
    expect(await failureOf(client.actions.run(id, "list_orders", {}, { idempotencyKey: null }))).toBeInstanceOf(Unreachable);
    expect(seen).toEqual([{ key: undefined, seconds: undefined }]);
  });

  test("a step whose first request is still being answered is asked after until it is", async () => {
    const { id } = await connect({ owner: "running" });
    const running = problem(409, "step_running", { "retry-after": "0" });
    const { seen, client } = await startFront((n) => (n === 1 ? "lost" : n < 6 ? running : "pass"));
    const { output } = await client.actions.run(id, "create_order", { item: "date" }, { retries: 1 });
    expect(output).toMatchObject({ item: "date" });
    expect(seen).toHaveLength(6);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  });

  test("what changes something without a key is sent once when its answer is lost", async () => {
    const { seen, client } = await startFront(() => "lost");
    expect(await failureOf(client.connections.create({ connector: "sandbox" }))).toBeInstanceOf(Unreachable);
    expect(seen).toHaveLength(1);
    expect(await failureOf(client.connections.list().page())).toBeInstanceOf(Unreachable);
    expect(seen).toHaveLength(4);
    expect(await failureOf(client.call("getPlatform", {}, { retries: 0 }))).toBeInstanceOf(Unreachable);
    expect(seen).toHaveLength(5);
  });

  test("it is sent again, whatever it changes, where Jackfield says when; somebody else's word is not enough", async () => {
    const soon = await startFront((n) => (n === 1 ? problem(503, "stopping", { "retry-after": "0" }) : "pass"));
    expect(await soon.client.connections.create({ connector: "sandbox" })).toMatchObject({ status: "draft" });
    expect(soon.seen).toHaveLength(2);

    const never = await startFront((n) => (n === 1 ? problem(503, "stopping") : "pass"));
    expect(await failureOf(never.client.connections.create({ connector: "sandbox" }))).toBeInstanceOf(ServerFailed);
    expect(never.seen).toHaveLength(1);

    const gateway = { status: 503, headers: { "content-type": "text/html", "retry-after": "0" }, body: "<h1>busy</h1>" };
    const other = await startFront((n) => (n % 2 === 1 ? gateway : "pass"));
    expect(await failureOf(other.client.connections.create({ connector: "sandbox" }))).toBeInstanceOf(Unreachable);
    expect(other.seen).toHaveLength(1);
    await other.client.connections.list({ limit: 1 }).page();
    expect(await other.client.connections.list({ limit: 1 }).page()).toMatchObject({ items: [{}] });
    expect(other.seen).toHaveLength(4);
  });

  test("an answer that breaks off in its middle is no answer", async () => {
    const half = { status: 200, headers: { "content-type": "application/json", "content-length": "1000" }, body: '{"items":[' };
    const { seen, client } = await startFront((n) => (n === 1 ? half : "pass"));
    expect(await client.connectors.list({ limit: 1 }).page()).toMatchObject({ items: [{}] });
    expect(seen).toHaveLength(2);
  });
});

describe("the end of a call", () => {
  test("the caller's signal ends it with the signal's own reason, also while it waits to try again", async () => {
    const reason = new Error("the workflow was stopped");
    const stop = new AbortController();
    const { seen, client } = await startFront(() => {
      stop.abort(reason);
      return "lost";
    });
    await expect(client.connections.list({}, { signal: stop.signal }).page()).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
    await expect(client.connections.get("con_1", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  });

  test("its own timeout ends it with TimedOut", async () => {
    const silent = new Jackfield({ url: await listen(createServer(() => {})), api_key: "key" });
    const late = await failureOf(silent.connections.list({}, { timeout: 50 }).page());
    expect(late).toBeInstanceOf(TimedOut);
    expect(late).toMatchObject({ code: "timed_out", status: 0 });
  });

  test("a step's timeout is told to the server, a little shorter for the way back, and none where none was given", async () => {
    const { id } = await connect({ owner: "in time" });
    const { seen, client } = await startFront(() => "pass");
    await client.actions.run(id, "list_orders", {}, { timeout: 20_000 });
    await client.actions.run(id, "list_orders");
    const [told, none] = seen.map(({ seconds }) => seconds);
    expect(Number(told)).toBeLessThanOrEqual(19);
    expect(Number(told)).toBeGreaterThan(0);
    expect(none).toBeUndefined();
    expect(await failureOf(jackfield.actions.run(id, "wait", {}, { timeout: 500 }))).toBeInstanceOf(TimedOut);
  });
});

describe("a step", () => {
  test("that is only tried is marked so, and its output cut", async () => {
    const { id } = await connect({ owner: "tried" });
    const { step } = await jackfield.actions.run(id, "list_orders", {}, { mode: "test" });
    expect(step).toMatchObject({ mode: "test" });
  });

  test("is given files by reference, and leaves them so", async () => {
    const { id } = await connect({ owner: "files" });
    const shopping = jackfield.connection("shop", id);
    const { output } = await shopping.run("read_picture", {}, { files: "reference" });
    expect(output).toMatchObject({ type: "image/png", size: 20, file: expect.any(String) });
    const { file } = output as { file: string };
    const answer = await jackfield.files.download(file);
    expect([answer.headers.get("content-type"), await answer.text()]).toEqual(["image/png", "as good as a picture"]);
    await shopping.run("send_picture", { picture: { file } });
    expect(shop.at("/v1/echo").at(-1)?.body.toString()).toBe("as good as a picture");

    const blob = new Blob([new Uint8Array([0, 255, 0])], { type: "image/gif" });
    const kept = await jackfield.files.upload(blob, { name: "a.gif" });
    expect(kept).toMatchObject({ name: "a.gif", type: "image/gif", size: 3 });
    await shopping.run("send_picture", { picture: { file: kept.id } });
    expect([...(shop.at("/v1/echo").at(-1)?.body ?? [])]).toEqual([0, 255, 0]);
    await jackfield.files.delete(kept.id);
    expect(await failureOf(jackfield.files.download(kept.id))).toBeInstanceOf(NotFound);
  });
});

describe("a step's items as they come", () => {
  test("are those of all pages, and what is wrong before the first is an error as any", async () => {
    const { id } = await connect({ owner: "streamed" });
    const items: unknown[] = [];
    for await (const item of jackfield.connection("shop", id).stream("list_items", {}, { timeout: 30_000 })) items.push(item);
    expect(items).toEqual(["Apple", "Plum", "Pear"]);
    expect(await failureOf(jackfield.actions.stream(id, "list_items", { more: 1 }).next())).toBeInstanceOf(InvalidRequest);
    instead.push({ status: 400, body: { error: "sold_out" } });
    expect(await failureOf(jackfield.actions.stream(id, "list_items").next())).toBeInstanceOf(ProviderFailed);
  });

  const lines = (...parts: unknown[]): Fate => ({
    status: 200,
    headers: { "content-type": "application/x-ndjson" },
    body: parts.map((part) => `${JSON.stringify(part)}\n`).join(""),
  });

  test("are given one by one to their end, and what an early end is about is thrown", async () => {
    const failed = {
      type: "urn:jackfield:error:provider_unavailable",
      code: "provider_unavailable",
      status: 502,
      audience: "provider",
    };
    const answers = [
      lines({ item: 1 }, { item: { two: 2 } }, { step: { id: "stp_1" } }),
      lines({ item: 1 }, { error: failed }),
      lines({ item: 1 }),
    ];
    const { client } = await startFront((n) => answers[n - 1] ?? "pass");
    const items: unknown[] = [];
    const each = async () => {
      items.splice(0);
      for await (const item of client.actions.stream("con_1", "list_orders", { limit: 2 })) items.push(item);
    };
    await each();
    expect(items).toEqual([1, { two: 2 }]);
    expect(await failureOf(each())).toBeInstanceOf(ProviderFailed);
    expect(items).toEqual([1]);
    expect(await failureOf(each())).toBeInstanceOf(Unreachable);
    expect(items).toEqual([1]);
    expect(await failureOf(each())).toBeInstanceOf(NotFound);
  });
});

describe("proxy.fetch", () => {
  let id: string;
  let flowing: string;
  beforeAll(async () => {
    ({ id } = await connect({ owner: "proxied" }));
    const server = createServer((request, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      let arrived = 0;
      request.on("data", (chunk: Buffer) => {
        arrived += chunk.length;
        response.write(`<${arrived}>`);
      });
      request.on("end", () => response.end("."));
    });
    await jackfield.connectors.publish(
      "flow",
      `manifest: 1
name: flow
title: Flow
base_url: ${await listen(server)}
auth:
  none: { type: none, label: Flow, unique_id: "'one'", test: { request: { path: /, method: POST } } }
actions: {}
`,
    );
    flowing = (await jackfield.connections.create({ connector: "flow" })).id;
  });

  test("is fetch: method, headers, query and body go to the provider, and its answer comes back whatever its status", async () => {
    const proxied = jackfield.proxy.fetch(id, { workflow: "raw" });
    const init = { method: "POST", body: "a body", headers: { "content-type": "text/x-words", authorization: "Bearer mine" } };
    const answer = await proxied("/echo?status=418&a=%2F", init);
    expect([answer.status, answer.headers.get("x-shop"), await answer.text()]).toEqual([418, "yes", "a body"]);
    const seen = shop.at("/v1/echo").at(-1);
    expect(seen).toMatchObject({ method: "POST", target: "/v1/echo?status=418&a=%2F" });
    expect(seen?.headers).toMatchObject({ "x-api-key": goodKey, "content-type": "text/x-words" });
    expect(JSON.stringify(seen?.headers)).not.toContain("mine");
    expect(JSON.stringify(seen?.headers)).not.toContain(product.adminKey);
    expect(await (await proxied("echo", { method: "PUT", body: "x" })).text()).toBe("x");
  });

  test("takes whole URLs and Requests below the base URL that it is told, and refuses others", async () => {
    const proxied = jackfield.proxy.fetch(id, { base_url: `${shop.url}/v1` });
    expect(await (await proxied(`${shop.url}/v1/echo`, { method: "POST", body: "1" })).text()).toBe("1");
    expect(await (await proxied(new URL(`${shop.url}/v1/echo`), { method: "POST", body: "2" })).text()).toBe("2");
    const request = new Request(`${shop.url}/v1/echo?a=b`, {
      method: "POST",
      body: "3",
      headers: { "content-type": "text/x-request" },
    });
    const answer = await proxied(request);
    expect([await answer.text(), answer.headers.get("content-type")]).toEqual(["3", "text/x-request"]);
    expect(shop.at("/v1/echo").at(-1)?.target).toBe("/v1/echo?a=b");
    for (const wrong of [`${shop.url}/v2/echo`, `${shop.url}/v1x`, "https://elsewhere.example/v1/echo", "//elsewhere.example/"])
      await expect(proxied(wrong)).rejects.toThrow("does not begin with");
    await expect(jackfield.proxy.fetch(id)(`${shop.url}/v1/echo`)).rejects.toThrow("is a whole URL");
  });

  test("no path leads from it to another route of the API", async () => {
    const proxied = jackfield.proxy.fetch(id);
    for (const wrong of ["/../../../api_keys", "/%2e%2e/%2e%2e/x", "..\\..\\..\\api_keys", "/a/../../x", ".."])
      await expect(proxied(wrong)).rejects.toThrow(/leads out of/);
  });

  test("throws Jackfield's own errors, and hands back a provider's, though both are problem documents", async () => {
    const draft = await jackfield.connections.create({ connector: "sandbox" });
    expect(await failureOf(jackfield.proxy.fetch(draft.id)("/me"))).toBeInstanceOf(NeedsReauth);
    const body = JSON.stringify({ type: "urn:jackfield:error:internal", code: "internal", status: 500, request_id: "req_1" });
    const type = "application/problem+json";
    const init = { method: "POST", body, headers: { "content-type": type } };
    const answer = await jackfield.proxy.fetch(id)("/echo?status=409", init);
    expect([answer.status, await answer.text()]).toEqual([409, body]);
  });

  test("bodies flow both ways while they are still being made", async () => {
    // In the server's place stands one that answers each part of a body at once: what the client gathered would never come back.
    const server = createServer((request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      request.on("data", (chunk: Buffer) => response.write(`<${chunk}>`));
      request.on("end", () => response.end("."));
    });
    const url = await listen(server);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const said = new TextEncoder();
    void writer.write(said.encode("one"));
    const answer = await new Jackfield({ url, api_key: "key" })
      .connection("con_1")
      .fetch("/x", { method: "POST", body: readable });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("<one>");
    void writer.write(said.encode("two"));
    expect((await reader?.read())?.value).toBe("<two>");
    void writer.close();
    expect((await reader?.read())?.value).toBe(".");
  });

  test("large bodies flow both ways through the server too, to the provider and back, before their end", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    // Up to 1 MiB is gathered, so that it can be sent again.
    void writer.write(new Uint8Array(2 << 20));
    const answer = await jackfield.proxy.fetch(flowing)("/x", { method: "POST", body: readable });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    const hear = async (words: string) => {
      while (!heard.includes(words)) heard += (await reader?.read())?.value ?? "";
    };
    await hear(`<${2 << 20}>`);
    void writer.write(new Uint8Array(3));
    await hear(`<${(2 << 20) + 3}>`);
    void writer.close();
    await hear(".");
  });

  test("a signal ends it with the signal's reason", async () => {
    const reason = new Error("no longer wanted");
    await expect(jackfield.proxy.fetch(id)("/echo", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
