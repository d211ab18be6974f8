import { randomBytes } from "node:crypto";
import { type Actor, countJobs, createEngine, type Engine, type Queue } from "@jackfield/engine";
import { compile } from "@jackfield/manifest";
import { openStore, type SqliteStore } from "@jackfield/server";
import { cleanup } from "./harness/cleanup.ts";
import { until } from "./harness/wait.ts";
import { type OddProvider, startOddProvider } from "./provider/odd.ts";

// What time does to an app: the engine with its real store and a real provider, on a clock that the test moves.

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const actor: Actor = { id: "key/1", workspace: "w", owner: "admin", all: true, via: "key" };
const master = randomBytes(32);

let odd: OddProvider;
/** The secrets that the provider takes. */
let secrets: string[];
/** Connections that are refused whatever the secret. */
let banned: string[];
let refusal: string;
/** What the next request that names a good secret is answered with. */
let once: string | undefined;
let now: number;
let store: SqliteStore;
let engine: Engine;
/** The handler of the jobs: what is due is worked when the test says so. */
let work: (id: string) => Promise<void>;

const queue: Queue = {
  put: async () => {},
  remove: async () => {},
  work(kind, _options, handler) {
    if (kind === "refresh") work = handler;
  },
  waiting: async () => countJobs(() => 0),
  close: async () => {},
};

/** An engine over what is stored; an earlier one ends. */
async function start(): Promise<void> {
  const { connector, problems } = compile(
    `manifest: 1
name: acme
title: Acme
base_url: ${odd.url}/api
auth:
  service:
    type: oauth2
    grant: client_credentials
    fields: [{ name: team, label: Team, required: true }]
    token: { url: ${odd.url}/token }
    audience: "{{ fields.team }}"
    refresh: { leeway: 5m }
    test: { request: { path: /me } }
    label: Service
    unique_id: fields.team
`,
    { file: "acme", plainHttp: () => true },
  );
  if (!connector) throw new Error(JSON.stringify(problems));
  engine = createEngine({
    connectors: { get: () => connector, list: () => [connector], kept: () => undefined, keep: async () => {} },
    store,
    queue,
    keys: { active: "a", get: () => master },
    platform: { url: "https://jackfield.example" },
    egress: { allowPrivate: ["127.0.0.1/32"] },
    log: () => {},
    clock: () => now,
  });
  await engine.start();
}

async function restart(): Promise<void> {
  await engine.stop();
  await start();
}

beforeAll(async () => {
  odd = await startOddProvider({
    "/token": ({ form }) => {
      const isTaken = secrets.includes(form.get("client_secret") ?? "") && !banned.includes(form.get("audience") ?? "");
      if (!isTaken) return { status: 401, body: { error: refusal } };
      const error = once;
      once = undefined;
      return error === undefined
        ? { body: { access_token: "canary-access", expires_in: 3600 } }
        : { status: 400, body: { error } };
    },
    "/api/me": () => ({ body: {} }),
  });
});
afterAll(cleanup);

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  secrets = ["canary-secret-1"];
  banned = [];
  refusal = "invalid_client";
  once = undefined;
  store = openStore(":memory:");
  await start();
  await put();
});
afterEach(async () => {
  await engine.stop();
  await store.close();
});

const put = (values: object = {}) =>
  engine.apps.put(actor, "acme", "service", "production", { client_id: "id", client_secret: "canary-secret-1", ...values });
const app = async () => {
  const found = await engine.apps.get(actor, "acme", "service", "production");
  if (!found) throw new Error("no app");
  return found;
};
const types = async () =>
  (await engine.apps.events(actor, "acme", "service", "production", { limit: 100 })).items.map(({ type }) => type);

async function connect(team: string): Promise<string> {
  const { connection } = await engine.connections.create(actor, { connector: "acme", fields: { team } });
  expect(connection).toMatchObject({ status: "connected", error: null });
  return connection.id;
}

/** Works every job that is due, and gives how many token requests that made. */
async function pass(milliseconds: number): Promise<number> {
  now += milliseconds;
  const before = odd.at("/token").length;
  const due = await store.connections.due("refresh", new Date(now + 1).toISOString(), 1000);
  await Promise.all(due.map(({ id }) => work(id)));
  return odd.at("/token").length - before;
}

test("While the provider refuses an app, one connection tries, at first after a quarter of an hour and ever more seldom", async () => {
  const ids = [];
  for (let n = 0; n < 20; n += 1) ids.push(await connect(`team${n}`));
  secrets = [];
  expect(await pass(hour - minute)).toBe(1);
  const waits: number[] = [];
  for (let tries = 0; tries < 7; tries += 1) {
    const { paused_until } = await app();
    const wait = Date.parse(paused_until ?? "") - now;
    waits.push(wait / minute);
    expect(await pass(wait - 1000)).toBe(0);
    // A restart forgets nothing, and starts no wave of requests.
    if (tries === 2) await restart();
    expect(await pass(1000)).toBe(1);
  }
  expect(waits).toEqual([15, 30, 60, 120, 240, 240, 240]);
  for (const id of ids) {
    const { status, error } = await engine.connections.get(actor, id);
    expect([status, error?.code]).toEqual(["connected", "client_refused"]);
  }
  expect(await types()).toEqual(["app.refused", "app.saved"]);

  // The next try is served: all the others follow at once.
  secrets = ["canary-secret-1"];
  const { paused_until } = await app();
  expect(await pass(Date.parse(paused_until ?? "") - now)).toBeGreaterThan(0);
  for (let turns = 0; turns < 50 && (await pass(0)) > 0; turns += 1) await new Promise(setImmediate);
  for (const id of ids) expect(await engine.connections.get(actor, id)).toMatchObject({ status: "connected", error: null });
  expect(await app()).toMatchObject({ paused_until: null, error: null });
  expect(await types()).toEqual(["app.resumed", "app.refused", "app.saved"]);
});

test("A provider that takes the app again ends the pause, also where it is the token of who tries that it refuses", async () => {
  const ids = [await connect("one"), await connect("two"), await connect("three")];
  secrets = [];
  expect(await pass(hour - minute)).toBe(1);
  secrets = ["canary-secret-1"];
  once = "invalid_grant";
  const { paused_until } = await app();
  await pass(Date.parse(paused_until ?? "") - now);
  expect(await app()).toMatchObject({ paused_until: null, error: null });
  for (let turns = 0; turns < 50 && (await pass(0)) > 0; turns += 1) await new Promise(setImmediate);
  const found = await Promise.all(ids.map((id) => engine.connections.get(actor, id)));
  expect(found.map(({ status, error }) => `${status} ${error?.code}`).toSorted()).toEqual([
    "connected undefined",
    "connected undefined",
    "needs_reauth grant_refused",
  ]);
  expect(await types()).toEqual(["app.resumed", "app.refused", "app.saved"]);
});

test("A connection that alone is refused when others are served does not stop them a second time", async () => {
  const [odder] = [await connect("odd"), await connect("even")];
  banned = ["odd"];
  expect(await engine.connections.refresh(actor, odder).catch((cause) => cause.code)).toBe("client_refused");
  expect((await app()).paused_until).not.toBeNull();
  await connect("another");
  expect((await app()).paused_until).toBeNull();
  await engine.connections.refresh(actor, odder).catch(() => undefined);
  expect(await app()).toMatchObject({ paused_until: null, error: null });
  expect(await engine.connections.get(actor, odder)).toMatchObject({ status: "connected", error: { code: "client_refused" } });
});

test("Who has read an app that was deleted since does not write over the one that was saved in its place", async () => {
  const read = await store.apps.get("w", "acme", "service", "production");
  if (read === undefined) throw new Error("no app");
  await engine.apps.delete(actor, "acme", "service", "production");
  await put({ client_id: "other", client_secret: "canary-secret-2" });
  expect(await store.apps.put({ ...read, version: read.version + 1 }, { expect: read.version })).toBe(false);
  expect((await app()).client_id).toBe("other");
});

test("The end of a secret is told a month before and on its day, each once, whatever restarts", async () => {
  await put({ expires_on: "2026-06-30" });
  const told = async () => (await types()).filter((type) => type.startsWith("app.expir"));
  for (let days = 0; days < 200; days += 1) {
    now += day;
    await restart();
    const date = new Date(now).toISOString().slice(0, 10);
    expect([date, await told()]).toEqual([
      date,
      date < "2026-05-31" ? [] : date < "2026-06-30" ? ["app.expiring"] : ["app.expired", "app.expiring"],
    ]);
  }
  // A new end is told anew.
  await put({ client_secret: "canary-secret-2", expires_on: "2026-08-01" });
  expect((await told()).slice(0, 1)).toEqual(["app.expiring"]);
  expect(await told()).toHaveLength(3);
});

test("The secret before this one is held for a week, and then it is erased", async () => {
  const id = await connect("one");
  await put({ client_secret: "canary-secret-2" });
  now += 7 * day - hour;
  await engine.connections.refresh(actor, id);
  const sealed = async () => (await store.apps.get("w", "acme", "service", "production"))?.sealed_previous;
  expect(await sealed()).toEqual(expect.any(String));
  now += hour;
  expect(await engine.connections.refresh(actor, id).catch((cause) => cause.code)).toBe("client_refused");
  await restart();
  expect(await sealed()).toBeNull();
  expect(await app()).toMatchObject({ previous_secret_until: null, previous_secret_used: false });
});

test("A former client is erased some days after the last connection of it, and not while anything may still need it", async () => {
  const id = await connect("one");
  const formers = async () =>
    (await store.apps.get("w", "acme", "service", "production"))?.former.map(({ client_id }) => client_id);
  const wait = async (days: number) => {
    for (let n = 0; n < days; n += 1) {
      now += day;
      await restart();
    }
  };
  await put({ client_id: "other" });
  await wait(40);
  expect(await formers()).toEqual(["id"]);
  await engine.connections.remove(actor, id);
  await wait(5);
  expect(await formers()).toEqual(["id"]);
  expect((await app()).former).toEqual([]);
  await wait(1);
  expect(await formers()).toEqual([]);
  await put({ client_id: "third" });
  await wait(1);
  expect(await formers()).toEqual(["other"]);
  await wait(6);
  expect(await formers()).toEqual([]);
});

test("A client that may sign people in, and not refresh, stays paused when somebody signs in", async () => {
  const id = await connect("one");
  banned = ["one"];
  refusal = "unauthorized_client";
  expect(await engine.connections.refresh(actor, id).catch((cause) => cause.code)).toBe("client_refused");
  await connect("two");
  expect(await app()).toMatchObject({ paused_until: expect.any(String), error: { provider: { error: "unauthorized_client" } } });
  expect(await types()).toEqual(["app.refused", "app.saved"]);
});

test("An event endpoint is told once of each refusal, of each end of one and of the secret's end, whatever restarts", async () => {
  const { id: endpoint } = await engine.endpoints.create(actor, { url: "http://127.0.0.1:9/" });
  const told = async () => {
    const { items } = await engine.endpoints.deliveries(actor, endpoint, { limit: 200 });
    return items.map(({ type }) => type).filter((type) => type.startsWith("app."));
  };
  for (let n = 0; n < 20; n += 1) await connect(`team${n}`);
  const expected: string[] = [];
  for (let turn = 0; turn < 2; turn += 1) {
    secrets = [];
    for (let hours = 0; hours < 24; hours += 1) await pass(hour);
    await restart();
    expected.unshift("app.refused");
    await until("the refusal", async () => (await told()).length === expected.length);
    secrets = ["canary-secret-1"];
    for (let hours = 0; hours < 12; hours += 1) await pass(hour);
    expected.unshift("app.resumed");
    await until("the end of it", async () => (await told()).length === expected.length);
  }
  await put({ expires_on: new Date(now + 32 * day).toISOString().slice(0, 10) });
  for (let days = 0; days < 40; days += 1) {
    now += day;
    await restart();
  }
  await until("the end of the secret", async () => (await told()).length >= expected.length + 2);
  expect(await told()).toEqual(["app.expired", "app.expiring", ...expected]);
});

test("The log of an app tells who did what, and outlives it", async () => {
  await put({ client_secret: "canary-secret-2" });
  await engine.apps.delete(actor, "acme", "service", "production");
  await put();
  const { items } = await engine.apps.events(actor, "acme", "service", "production", { limit: 3 });
  expect(await engine.events.list(actor, {}, { limit: 3 })).toMatchObject({ items });
  expect(JSON.stringify(items)).not.toContain("canary");
  expect(items.map(({ type, actor: who }) => [type, who])).toEqual([
    ["app.saved", "key/1"],
    ["app.deleted", "key/1"],
    ["app.secret_rotated", "key/1"],
  ]);
});
