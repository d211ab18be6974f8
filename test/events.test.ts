import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "./harness/browser.ts";
import { findSecrets } from "./harness/canary.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { heard, send } from "./harness/http.ts";
import { keptBy, multiplyEvents } from "./harness/inside.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { scaleOut } from "./harness/shape.ts";
import { until } from "./harness/wait.ts";
import { startListener } from "./provider/listener.ts";
import { backTo, type OddProvider, startOddProvider } from "./provider/odd.ts";
import { type Received, type Receiver, startReceiver, verified } from "./provider/receiver.ts";
import { freePort } from "./tools/services.mjs";

jest.setTimeout(120_000);

const apiKey = "canary-api-key-of-the-user-1234567890";

const manifest = (url: string) => `manifest: 1
name: acme
title: Acme
base_url: ${url}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    test: { request: { path: /me } }
    label: { template: "{{ me.name }}", mask: partial }
    unique_id: me.name
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}'s key"
    unique_id: me.name
actions:
  look: { title: Look, request: { path: /me }, output: body.name }
`;

let odd: OddProvider;
let receiver: Receiver;
let product: Product;
/** What the provider does today. */
let refuses = false;
let tokenStatus = 200;
let refusesApp = false;
let name = "Ada Lovelace";

beforeAll(async () => {
  odd = await startOddProvider({
    "/authorize": ({ query }) => backTo(query.get("redirect_uri"), { code: "c", state: query.get("state") }),
    "/token": () =>
      refusesApp
        ? { status: 401, body: { error: "invalid_client", error_description: "what only the provider says" } }
        : tokenStatus === 200
          ? { body: { access_token: "canary-access-token-1", refresh_token: "canary-refresh-token-1", expires_in: 3600 } }
          : { status: tokenStatus, body: { error: "server_error", error_description: "what only the provider says" } },
    "/api/me": () => (refuses ? { status: 401, body: { error: "what only the provider says" } } : { body: { name } }),
  });
  receiver = await startReceiver();
  product = await startProduct({ connectors: { acme: manifest(odd.url) } });
  await saveApp({ client_secret: "canary-client-secret" });
});
afterAll(cleanup);
beforeEach(() => {
  refuses = false;
  tokenStatus = 200;
  refusesApp = false;
  name = "Ada Lovelace";
});
afterEach(async () => {
  for (const { id } of (await product.get("/v1/event_endpoints")).json.items)
    await product.send("DELETE", `/v1/event_endpoints/${id}`);
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
type Json = any;

interface Endpoint {
  readonly id: string;
  readonly secret: string;
  readonly path: string;
}

let paths = 0;

/** An endpoint of its own path at the receiver. */
async function endpoint(values: Readonly<Record<string, unknown>> = {}, of = product): Promise<Endpoint> {
  const path = `/in/${++paths}`;
  const { status, json } = await of.post("/v1/event_endpoints", { url: `${receiver.url}${path}`, ...values });
  expect(status).toBe(201);
  return { id: json.id, secret: json.secret, path };
}

const connectKey = async (owner: string, of = product) =>
  (await of.post("/v1/connections", { connector: "acme", auth: "key", owner, fields: { api_key: apiKey } })).json;

async function connectOauth(owner: string) {
  const { id } = await draft(product, "acme", { auth: "oauth", owner });
  await new Browser().open(await begin(product, id));
  return look(product, id);
}

const appPlace = "/v1/connectors/acme/apps/oauth/production";

async function saveApp(values: object): Promise<void> {
  expect((await product.put(appPlace, { client_id: "us", ...values })).status).toBe(200);
}

/** The messages that have arrived for an endpoint, once there are so many; each is checked with the library. */
async function messages({ path, secret }: Endpoint, count: number): Promise<readonly Received["message"][]> {
  await until(`${count} messages at ${path}`, () => receiver.at(path).length >= count);
  return receiver.at(path).map((received) => verified(received, secret));
}

const deliveriesOf = async ({ id }: Endpoint, of = product) => (await of.get(`/v1/event_endpoints/${id}/deliveries`)).json.items;

const typesOf = (list: readonly Received["message"][]) => list.map(({ type }) => type);

describe("an event endpoint", () => {
  test("is told of a connection's life, in messages that the library of Standard Webhooks accepts", async () => {
    const told = await endpoint();
    const { id } = await connectKey("life");
    refuses = true;
    // Many find out at once; it is one transition.
    await Promise.all(Array.from({ length: 5 }, () => product.post(`/v1/connections/${id}/test`)));
    expect((await look(product, id)).status).toBe("needs_reauth");
    refuses = false;
    await product.post(`/v1/connections/${id}/test`);
    const again = await connectKey("life");
    expect(again).toMatchObject({ id, reused: true });
    await product.send("DELETE", `/v1/connections/${id}`);

    const list = await messages(told, 8);
    expect([...typesOf(list)].sort()).toEqual([
      "connection.connected",
      "connection.connected",
      "connection.connected",
      "connection.created",
      "connection.created",
      "connection.deleted",
      "connection.merged",
      "connection.needs_reauth",
    ]);
    const of = (type: string) => list.filter((message) => message.type === type).map(({ data }) => data);
    const [broken] = of("connection.needs_reauth");
    expect(broken).toMatchObject({
      connection: {
        id,
        connector: "acme",
        auth: "key",
        environment: "production",
        owner: "life",
        status: "needs_reauth",
        label: "Ada Lovelace's key",
        unique_id: "Ada Lovelace",
      },
      error: { code: "credentials_invalid", message: "The provider refused the credential." },
    });
    expect(of("connection.connected").every(({ connection }) => connection.id === id && connection.status === "connected")).toBe(
      true,
    );
    expect(of("connection.merged")[0].connection).toMatchObject({ merged_into: id });
    expect(of("connection.deleted")[0].connection).toMatchObject({ id, status: "revoked", label: null, unique_id: null });
    for (const message of list) expect(new Date(message.timestamp).toISOString()).toBe(message.timestamp);
    for (const { body } of receiver.at(told.path)) expect(body).not.toMatch(/canary|what only the provider says|sealed|fields/);
    expect(new Set(receiver.at(told.path).map((received) => received.id)).size).toBe(8);
  });

  test("is told of a refresh that failed, and a masked label stays masked", async () => {
    const told = await endpoint({ types: ["connection.connected", "connection.refresh_failed"] });
    const { id } = await connectOauth("masked");
    tokenStatus = 503;
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBeGreaterThanOrEqual(400);
    const list = await messages(told, 2);
    expect([...typesOf(list)].sort()).toEqual(["connection.connected", "connection.refresh_failed"]);
    const failed = list.find(({ type }) => type === "connection.refresh_failed").data;
    expect(failed.error.code).toBe("provider_unavailable");
    for (const { data } of list) expect(data.connection).toMatchObject({ label: "Ad••• Lo•••", unique_id: null });
  });

  test("is told only of what it asked for, and of nothing while it is disabled", async () => {
    const some = await endpoint({ types: ["connection.deleted"] });
    const none = await endpoint({ disabled: true });
    const all = await endpoint();
    const { id } = await connectKey("asked");
    await product.send("DELETE", `/v1/connections/${id}`);
    await messages(all, 3);
    expect(typesOf(await messages(some, 1))).toEqual(["connection.deleted"]);
    expect(receiver.at(some.path)).toHaveLength(1);
    expect(await deliveriesOf(none)).toEqual([]);
    expect(receiver.at(none.path)).toEqual([]);
  });

  test("answers a ping, and is shown what came of it", async () => {
    const good = await endpoint();
    const bad = await endpoint();
    receiver.answer(bad.path, { status: 500 });
    expect((await product.post(`/v1/event_endpoints/${good.id}/test`)).json).toMatchObject({
      type: "ping",
      status: "delivered",
      attempts: 1,
      http_status: 204,
      next_at: null,
    });
    expect((await product.post(`/v1/event_endpoints/${bad.id}/test`)).json).toMatchObject({
      status: "failed",
      http_status: 500,
      next_at: null,
    });
    expect(typesOf(await messages(good, 1))).toEqual(["ping"]);
    expect((await product.get(`/v1/event_endpoints/${good.id}`)).json.last_success_at).not.toBeNull();
  });

  test("that fails is told again, with the same id, until it takes the message", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    receiver.answer(told.path, { status: 500 }, { status: 204 });
    await connectKey("again");
    await messages(told, 2);
    const [first, second] = receiver.at(told.path);
    expect(second?.id).toBe(first?.id);
    expect(second?.body).toBe(first?.body);
    const delivered = await until("the delivery", async () => {
      const [delivery] = await deliveriesOf(told);
      return delivery.status === "delivered" && delivery;
    });
    expect(delivered).toMatchObject({ event: first?.id, attempts: 2, http_status: 204, error: null, next_at: null });
  });

  test("that asks for time gets it", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    receiver.answer(told.path, { status: 429, headers: { "retry-after": "3600" } });
    await connectKey("later");
    const delivery = await until("the answer", async () =>
      (await deliveriesOf(told)).find((one: Json) => one.http_status === 429),
    );
    expect(delivery.status).toBe("pending");
    expect(Date.parse(delivery.next_at)).toBeGreaterThanOrEqual(Date.parse(delivery.created_at) + 3_600_000);
  });

  test("is signed for with both secrets for a day after a rotation", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    const { status, json } = await product.post(`/v1/event_endpoints/${told.id}/rotate`);
    expect(status).toBe(200);
    expect(json.secret).not.toBe(told.secret);
    await connectKey("rotated");
    await messages(told, 1);
    const [received] = receiver.at(told.path);
    expect(String(received?.headers["webhook-signature"]).split(" ")).toHaveLength(2);
    for (const secret of [told.secret, json.secret])
      expect(verified(received as Received, secret).type).toBe("connection.created");
    expect(() => verified(received as Received, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).toThrow();
  });

  test("is not followed where it redirects to", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    receiver.answer(told.path, { status: 307, headers: { location: `${receiver.url}/elsewhere` } });
    await connectKey("redirected");
    const delivery = await until("the answer", async () =>
      (await deliveriesOf(told)).find((one: Json) => one.http_status === 307),
    );
    expect(delivery.status).toBe("pending");
    expect(receiver.at("/elsewhere")).toEqual([]);
  });

  test("that answers 410 is disabled, and the log and the other endpoints are told so, once", async () => {
    const gone = await endpoint();
    const other = await endpoint({ types: ["event_endpoint.disabled"] });
    receiver.answer(gone.path, { status: 410 });
    await connectKey("gone");
    const [message] = await messages(other, 1);
    expect(message.data).toEqual({ endpoint: gone.id });
    const shown = (await product.get(`/v1/event_endpoints/${gone.id}`)).json;
    expect(shown).toMatchObject({ disabled: true, disabled_reason: "gone" });
    const { items } = (await product.get("/v1/events?type=endpoint_disabled")).json;
    expect(items).toMatchObject([{ endpoint: gone.id, connection: null, actor: "system" }]);
    await until("all to be over", async () =>
      (await deliveriesOf(gone)).every((one: Json) => one.status === "failed" || one.status === "cancelled"),
    );
    const enabled = await product.send("PATCH", `/v1/event_endpoints/${gone.id}`, { disabled: false });
    expect(enabled.json).toMatchObject({ disabled: false, disabled_reason: null });
  });

  test("that never answers holds up nobody else", async () => {
    const slow = await endpoint();
    const fast = await endpoint();
    receiver.answer(slow.path, "hang");
    for (let n = 0; n < 10; n += 1) await connectKey(`slow-${n}`);
    await messages(fast, 20);
    // None of those has ended, one way or the other.
    expect((await deliveriesOf(slow)).every((one: Json) => one.status === "pending" && one.http_status === null)).toBe(true);
  });

  test("is only where a signed message may go: no private address, no plain http, no user name", async () => {
    const closed = await startProduct({ env: { ALLOW_PRIVATE_NETWORKS: "" } });
    const listener = await startListener();
    for (const url of [`http://${listener.authority}/`, "http://hooks.example/", "https://a:b@hooks.example/", "ftp://x", "x"]) {
      const refused = await closed.post("/v1/event_endpoints", { url });
      expect([url, refused.status, refused.json.code]).toEqual([url, 422, "url_invalid"]);
    }
    for (const host of ["127.0.0.1", "localhost"]) {
      const { json } = await closed.post("/v1/event_endpoints", { url: `https://${host}:${listener.port}/` });
      const ping = (await closed.post(`/v1/event_endpoints/${json.id}/test`)).json;
      expect(ping).toMatchObject({ status: "failed", error: "address_refused", http_status: null });
    }
    expect(listener.connections()).toBe(0);
  });

  test("belongs to admins", async () => {
    const { key } = (await product.post("/v1/api_keys", { name: "u", role: "user" })).json;
    const told = await endpoint();
    for (const [method, path] of [
      ["GET", "/v1/event_endpoints"],
      ["POST", "/v1/event_endpoints"],
      ["GET", `/v1/event_endpoints/${told.id}`],
      ["POST", `/v1/event_endpoints/${told.id}/rotate`],
      ["GET", "/v1/events"],
    ] as const)
      expect([path, (await product.send(method, path, undefined, { key })).json.code]).toEqual([path, "admin_required"]);
    expect((await product.get("/v1/event_endpoints/ep_none")).json.code).toBe("endpoint_unknown");
  });
});

describe("an app", () => {
  const about = { connector: "acme", auth: "oauth", environment: "production", client_id: "us" };
  const appTypes = ["app.refused", "app.resumed", "app.expiring", "app.expired", "app.previous_secret_used"];

  /** The messages about apps, at least so many, once one of another type has arrived that was caused after them. */
  async function allOf(told: Endpoint, count: number): Promise<readonly Received["message"][]> {
    const { id } = await draft(product, "acme", { auth: "oauth" });
    const isLast = ({ message }: Received) => message.data.connection?.id === id;
    await until("the last message", () => receiver.at(told.path).some(isLast));
    const ofApps = () => receiver.at(told.path).filter(({ message }) => message.type.startsWith("app."));
    await until(`${count} messages about apps`, () => ofApps().length >= count);
    return ofApps().map((received) => verified(received, told.secret));
  }

  test("that the provider refuses is told once, however many connections it has, and once when it is taken again", async () => {
    const told = await endpoint({ types: [...appTypes, "connection.created"] });
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) ids.push((await connectOauth(`app-${n}`)).id);
    const refresh = () => Promise.all(ids.map((id) => product.post(`/v1/connections/${id}/refresh`)));
    refusesApp = true;
    for (const answer of [...(await refresh()), ...(await refresh())]) expect(answer.json.code).toBe("client_refused");
    const { paused_until } = (await product.get(appPlace)).json;
    expect(await allOf(told, 1)).toEqual([
      {
        type: "app.refused",
        timestamp: expect.any(String),
        data: {
          app: { ...about, paused_until },
          error: { code: "client_refused", message: "The provider refused the app's client ID or secret." },
        },
      },
    ]);
    refusesApp = false;
    await connectOauth("app-again");
    for (const answer of await refresh()) expect(answer.status).toBe(200);
    expect(await allOf(told, 2)).toMatchObject([{ type: "app.refused" }, { type: "app.resumed", data: { app: about } }]);
    for (const { body } of receiver.at(told.path)) expect(body).not.toMatch(/canary|what only the provider says|sealed/);
  });

  test("whose secret ends soon, or is not taken any more, is told once", async () => {
    const told = await endpoint({ types: [...appTypes, "connection.created"] });
    const expires_on = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
    await saveApp({ expires_on });
    await saveApp({ expires_on });
    expect(await allOf(told, 1)).toMatchObject([{ type: "app.expiring", data: { app: { ...about, expires_on } } }]);
    await saveApp({ expires_on: null });
    expect(await allOf(told, 1)).toHaveLength(1);
  });

  test("stands in the workspace's log, its filters and its export", async () => {
    await saveApp({ client_secret: "canary-client-secret-2", keep_previous: false });
    const { items } = (await product.get(`${appPlace}/events`)).json;
    const [rotated] = items;
    expect(rotated).toMatchObject({ type: "app.secret_rotated", connection: null, connector: "acme" });
    expect(rotated.app).toEqual({ auth: "oauth", environment: "production", client_id: "us" });
    const list = async (query: string) => (await product.get(query)).json.items;
    expect((await list("/v1/events"))[0]).toEqual(rotated);
    expect(await list("/v1/events?type=app.secret_rotated&connector=acme")).toEqual([rotated]);
    expect(await list("/v1/events?type=app.secret_rotated&connector=other")).toEqual([]);
    expect(await list(`${appPlace}/events?type=app.secret_rotated`)).toEqual([rotated]);
    expect(await list("/v1/events?owner=ada&type=app.secret_rotated")).toEqual([]);
    const headers = { accept: "application/x-ndjson" };
    for (const path of ["/v1/events", `${appPlace}/events`]) {
      const { text } = await product.send("GET", path, undefined, { headers });
      expect(text.split("\n")).toContain(JSON.stringify(rotated));
    }
    await saveApp({ client_secret: "canary-client-secret", keep_previous: false });
    const { key } = (await product.post("/v1/api_keys", { name: "u", role: "user" })).json;
    expect((await product.send("GET", `${appPlace}/events`, undefined, { key })).json.code).toBe("admin_required");
  });
});

describe("kill -9", () => {
  test("right after an app was refused, taken again or about to expire loses nothing of that, and tells it once", async () => {
    const told = await endpoint({ types: ["app.refused", "app.resumed", "app.expiring"] });
    const { id } = await connectOauth("app-killed");
    const kill = async () => {
      await product.end("SIGKILL");
      await product.start();
    };
    refusesApp = true;
    expect((await product.post(`/v1/connections/${id}/refresh`)).json.code).toBe("client_refused");
    await kill();
    refusesApp = false;
    await saveApp({ client_secret: "canary-client-secret-3", keep_previous: false });
    await kill();
    await saveApp({ expires_on: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10) });
    await kill();
    // A message that was under way comes a second time, under the same id.
    const distinct = () => new Map(receiver.at(told.path).map((received) => [received.id, received.message.type]));
    await until("all three", () => distinct().size === 3);
    expect([...distinct().values()].toSorted()).toEqual(["app.expiring", "app.refused", "app.resumed"]);
    await saveApp({ client_secret: "canary-client-secret", expires_on: null, keep_previous: false });
  });

  test("between an event and its delivery loses no message", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    const made: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      made.push((await connectKey(`killed-${round}`)).id);
      await product.end("SIGKILL");
      await product.start();
    }
    await until("a message of each", () => {
      const arrived = new Set(receiver.at(told.path).map(({ message }) => message.data.connection.id));
      return made.every((id) => arrived.has(id));
    });
  });

  test("while a message is under way has it sent again, with the same id", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    receiver.answer(told.path, "hang");
    await connectKey("under-way");
    await until("the first attempt", () => receiver.at(told.path).length === 1);
    await product.end("SIGKILL");
    receiver.answer(told.path, { status: 204 });
    await product.start();
    await messages(told, 2);
    const [first, second] = receiver.at(told.path);
    expect(second?.id).toBe(first?.id);
  });
});

describe("the workspace's log", () => {
  test("is filtered by type, connector, connection, owner and time", async () => {
    const { id } = await connectKey("filtered");
    await step(product, id, "look");
    const types = async (query: string) =>
      (await product.get(`/v1/events?${query}`)).json.items.map(({ type }: { type: string }) => type);
    expect(await types(`connection=${id}`)).toEqual(["used", "authorized", "tested", "created"]);
    expect(await types("owner=filtered&type=used")).toEqual(["used"]);
    const [used] = (await product.get("/v1/events?owner=filtered&type=used")).json.items;
    expect(used).toMatchObject({
      connection: id,
      action: "look",
      host: new URL(odd.url).host,
      status: 200,
      duration_ms: expect.any(Number),
      actor: expect.stringMatching(/^key\//),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(JSON.stringify(used)).not.toContain(name);
    expect(await types("connector=none")).toEqual([]);
    expect(await types(`connection=${id}&to=2020-01-01`)).toEqual([]);
    expect(await types(`connection=${id}&connector=acme&from=2020-01-01T01:00:00%2B01:00`)).toHaveLength(4);
    expect((await product.get("/v1/events?from=yesterday")).json.code).toBe("request_invalid");
    const own = await product.get(`/v1/connections/${id}/events?type=tested`);
    expect(own.json.items).toHaveLength(1);
  });

  test("is exported as lines, however many there are", async () => {
    // The tests' own server reads all events for each page.
    const many = scaleOut ? 1_200 : 7_000;
    const { id } = await connectKey("exported");
    await product.end("SIGTERM");
    await multiplyEvents(product, id, many);
    await product.start();
    const key = product.adminKey;
    const headers = { authorization: `Bearer ${key}`, accept: "application/x-ndjson" };
    for (const path of [`/v1/events?owner=exported&from=2030-01-01`, `/v1/connections/${id}/events?type=used`]) {
      const answer = await send(`${product.url}${path}`, { headers });
      expect(answer.headers["content-type"]).toBe("application/x-ndjson");
      expect(answer.headers["transfer-encoding"]).toBe("chunked");
      expect(answer.text.endsWith("\n")).toBe(true);
      const lines = answer.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id);
      expect(new Set(lines).size).toBe(many);
    }
    const whole = await send(`${product.url}/v1/connections/${id}/events`, { headers });
    expect(whole.text.trim().split("\n")).toHaveLength(many + 3);
  });

  test("keeps a trace of refused sign-ins: with the connection where it is known, without one where it is not", async () => {
    const canary = "canary-of-a-made-up-state";
    const made = await send(`${product.url}/oauth/callback/acme?state=${canary}&code=${canary}`);
    expect(made.status).toBe(400);
    await send(`${product.url}/oauth/callback/${canary}?state=${canary}`);

    const { id } = await draft(product, "acme", { auth: "oauth", owner: "refused" });
    const ticket = await begin(product, id);
    const [mine, other] = [new Browser(), new Browser()];
    const opened = await mine.send(new URL(ticket));
    expect((await other.send(new URL(ticket))).status).toBe(400);
    // The callback comes from a browser that did not start it.
    const { searchParams } = new URL(String(opened.headers.location));
    const state = searchParams.get("state") ?? "";
    expect((await other.send(new URL(`${product.url}/oauth/callback/acme?code=c&state=${state}`))).status).toBe(400);

    const { items } = (await product.get("/v1/events?type=sign_in_refused")).json;
    expect(items.map(({ connection, connector, actor, code }: Json) => [connection, connector, actor, code])).toEqual([
      [id, "acme", "nobody", "state_invalid"],
      [null, undefined, "nobody", "state_invalid"],
      [null, "acme", "nobody", "state_invalid"],
    ]);
    const own = (await product.get(`/v1/connections/${id}/events`)).json.items;
    expect(own[0]).toMatchObject({ type: "failed", code: "state_invalid" });
    const all = (await product.get("/v1/events?limit=200")).text;
    for (const secret of [canary, state]) expect(all).not.toContain(secret);
  });

  test("keeps no more of what strangers do than a bound in a minute", async () => {
    for (let n = 0; n < 80; n += 1) await send(`${product.url}/oauth/callback/acme?state=flood-${n}`);
    const { items } = (await product.get("/v1/events?type=sign_in_refused&limit=200")).json;
    expect(items.length).toBeGreaterThan(10);
    expect(items.length).toBeLessThanOrEqual(60);
  });
});

describe("a workflow that names itself", () => {
  test("is listed with the connections that it uses, and stands in the way of deleting them", async () => {
    const { id } = await connectKey("used");
    const header = { headers: { "jackfield-workflow": "nightly report" } };
    expect((await product.send("POST", `/v1/connections/${id}/actions/look`, {}, header)).status).toBe(200);
    expect((await product.send("GET", `/v1/connections/${id}/proxy/me`, undefined, header)).status).toBe(200);
    await product.post(`/v1/connections/${id}/actions/look`, { workflow: "Wöchentlich" });
    await step(product, id, "look");

    const { items } = (await product.get(`/v1/connections/${id}/usage`)).json;
    expect(items.map(({ workflow, count }: Json) => [workflow, count])).toEqual([
      ["Wöchentlich", 1],
      ["nightly report", 2],
    ]);
    const used = (await product.get(`/v1/connections/${id}/events?type=used`)).json.items;
    expect(used.map(({ workflow }: Json) => workflow)).toEqual([undefined, "Wöchentlich", "nightly report", "nightly report"]);
    // The provider is not told.
    expect(odd.seen.some(({ headers }) => "jackfield-workflow" in headers)).toBe(false);

    const refused = await product.send("DELETE", `/v1/connections/${id}`);
    expect(refused.status).toBe(409);
    expect(refused.json).toMatchObject({ code: "in_use", workflows: ["Wöchentlich", "nightly report"] });
    expect((await look(product, id)).status).toBe("connected");
    expect((await product.send("DELETE", `/v1/connections/${id}?force=true`)).status).toBe(204);
  });

  test("may not call itself anything, and who names nobody is in nobody's way", async () => {
    const { id } = await connectKey("unnamed");
    await step(product, id, "look");
    expect((await product.post(`/v1/connections/${id}/actions/look`, { workflow: "a\nb" })).json.code).toBe("request_invalid");
    const long = { headers: { "jackfield-workflow": "x".repeat(201) } };
    expect((await product.send("POST", `/v1/connections/${id}/actions/look`, {}, long)).json).toMatchObject({
      code: "request_invalid",
      in: "header",
      field: "jackfield-workflow",
    });
    expect((await product.get(`/v1/connections/${id}/usage`)).json.items).toEqual([]);
    expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  });
});

describe("docs/events.md", () => {
  const text = readFileSync("docs/events.md", "utf8");
  const block = (kind: string) => new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text)?.[1] ?? "";

  test("names every type of message", async () => {
    const { paths } = (await product.get("/openapi.json")).json;
    const types = paths["/v1/event_endpoints"].post.requestBody.content["application/json"].schema.properties.types.items.enum;
    expect(types.length).toBeGreaterThan(6);
    for (const type of types) expect(text).toContain(`| \`${type}\` |`);
  });

  test("has commands that tell a genuine message from a forged one", async () => {
    const told = await endpoint({ types: ["connection.created"] });
    await connectKey("openssl");
    await messages(told, 1);
    const [received] = receiver.at(told.path);
    const folder = temporary();
    const verify = (body: string) => {
      writeFileSync(join(folder, "body.json"), body);
      const header = (name: string) => String(received?.headers[`webhook-${name}`]);
      const env = { WEBHOOK_ID: header("id"), WEBHOOK_TIMESTAMP: header("timestamp"), WEBHOOK_SIGNATURE: header("signature") };
      const all = { PATH: process.env.PATH, SECRET: told.secret, ...env };
      return spawnSync("sh", ["-c", block("sh verify")], { cwd: folder, encoding: "utf8", env: all }).stdout.trim();
    };
    expect(verify(received?.body ?? "")).toBe("genuine");
    expect(verify(`${received?.body} `)).toBe("forged");
  });

  test("has a receiver that takes genuine messages, and refuses forged ones", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const told = (await product.post("/v1/event_endpoints", { url, types: ["connection.created"] })).json;
    const env = { PATH: process.env.PATH, SECRET: told.secret, PORT: String(port) };
    const child = spawn(process.execPath, ["--input-type=module", "-e", block("js receiver")], { env });
    afterwards(() => child.kill("SIGKILL"));
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    const forged = await until("the receiver", () => send(url, { method: "POST", body: "{}" }).catch(() => undefined));
    expect(forged.status).toBe(400);
    const { id } = await connectKey("documented");
    await until("the message", () => printed.includes(`connection.created ${id}`));
  });
});

test("the secrets of endpoints stand nowhere but in the answer that made them, and those of connections in no message", async () => {
  const told = await endpoint();
  const rotated = (await product.post(`/v1/event_endpoints/${told.id}/rotate`)).json.secret;
  await connectKey("searched");
  await messages(told, 2);
  await product.get("/v1/event_endpoints");
  await product.get(`/v1/event_endpoints/${told.id}/deliveries`);
  await product.end("SIGTERM");
  const secrets = [told.secret, rotated].map((secret) => secret.slice("whsec_".length));
  const canaries = [
    apiKey,
    "canary-access-token-1",
    "canary-refresh-token-1",
    "canary-client-secret",
    "canary-client-secret-2",
    "canary-client-secret-3",
  ];
  const answers = heard
    .filter(({ method, target }) => !(method === "POST" && /event_endpoints(\/[^/]+\/rotate)?$/.test(target)))
    .map(({ target, body }) => [target, body] as const);
  const places = [["what was printed", Buffer.from(product.output)] as const, ...(await keptBy(product))];
  expect(findSecrets([...secrets, ...canaries], places)).toEqual([]);
  expect(findSecrets(secrets, answers)).toEqual([]);
  const sent = receiver.received.map(({ path, body, headers }) => [path, Buffer.from(body + JSON.stringify(headers))] as const);
  expect(findSecrets([...secrets, ...canaries], sent)).toEqual([]);
  await product.start();
});

test("every answer is one that the OpenAPI document promises", async () => {
  const document = (await product.get("/openapi.json")).json;
  // What a proxy answers is the provider's own.
  expect(
    checkAnswers(
      document,
      heard.filter(({ target }) => !target.includes("/proxy/")),
    ),
  ).toEqual([]);
});
