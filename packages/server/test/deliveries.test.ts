import { randomBytes } from "node:crypto";
import {
  type ConnectionEvent,
  countJobs,
  createEngine,
  type Egress,
  type Engine,
  type JobKind,
  type Queue,
  untold,
} from "@jackfield/engine";
import { openStore } from "../src/store/sqlite.ts";

/*
 * The days that a delivery takes, on a clock of our own: the store and the engine are the real ones, and a queue that is told when to work.
 */

const hour = 3_600_000;
const actor = { id: "key/1", workspace: "default", owner: "admin", all: true, via: "key" } as const;

let now: number;
/** What the endpoint answers, by URL; how often it was asked, and when. */
let answers: Record<string, { status: number; headers?: Record<string, string> } | undefined>;
let asked: { url: string; at: number; signatures: number }[];
let jobs: Map<string, number>;
let work: ((id: string) => Promise<void>) | undefined;
let store: ReturnType<typeof openStore>;
let engine: Engine;

const egress: Egress = {
  send: () => Promise.reject(new Error("deliveries read no answers")),
  async stream({ url, headers: sent }) {
    asked.push({ url, at: now, signatures: sent["webhook-signature"]?.split(" ").length ?? 0 });
    const { status, headers = {} } = answers[url] ?? { status: 204 };
    const body = (async function* (): AsyncGenerator<Buffer, void, undefined> {})();
    return { status, headers, url, sentAt: now, body };
  },
  close: async () => {},
};

const queue: Queue = {
  async put({ kind, id, due }) {
    if (kind === "deliver") jobs.set(id, due);
  },
  remove: async () => {},
  work(kind: JobKind, _options, handler) {
    if (kind === "deliver") work = handler;
  },
  waiting: async () => countJobs(() => 0),
  close: async () => {},
};

const key = randomBytes(32);

/** A process begins: it sweeps. */
async function start(): Promise<void> {
  engine = createEngine({
    connectors: { get: () => undefined, list: () => [], kept: () => undefined, keep: async () => {} },
    store,
    queue,
    keys: { active: "k", get: () => key },
    platform: { url: "https://here.example" },
    egress,
    log: () => {},
    clock: () => now,
  });
  await engine.start();
}

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  answers = {};
  asked = [];
  jobs = new Map();
  store = openStore(":memory:");
  await start();
});
afterEach(async () => {
  await engine.stop();
  await store.close();
});

/** Works the next job, when its time has come; false where there is none. */
async function next(): Promise<boolean> {
  const [first] = [...jobs].sort(([, a], [, b]) => a - b);
  if (first === undefined) return false;
  const [id, due] = first;
  jobs.delete(id);
  now = Math.max(now, due);
  await work?.(id);
  return true;
}

async function workAll(): Promise<void> {
  while (await next());
}

/** Something happens that everybody is told of, and the process ends before anybody was. */
async function happen(id: string): Promise<void> {
  const about = { connection: null, workspace: "default", at: new Date(now).toISOString(), actor: "system" } as const;
  await store.events.append([{ id, ...about, type: "endpoint_disabled", endpoint: "ep_other" }]);
  expect(jobs.size).toBe(0);
  await engine.stop();
  await start();
}

const url = "https://hooks.example/in";
const other = "https://other.example/in";
const make = (to: string) => engine.endpoints.create(actor, { url: to });
const statuses = async (id: string) =>
  (await engine.endpoints.deliveries(actor, id, { limit: 50 })).items.map(({ status, attempts }) => [status, attempts]);

test("a delivery is tried for days, at the times that Standard Webhooks suggests, and then given up with its endpoint", async () => {
  const { id } = await make(url);
  const { id: otherId } = await make(other);
  answers[url] = { status: 500 };
  await happen("evt_1");
  await workAll();
  const tries = asked.filter((each) => each.url === url).map(({ at }) => at);
  const pauses = tries.slice(1).map((at, index) => (at - (tries[index] ?? 0)) / hour);
  const suggested = [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24];
  expect(pauses).toHaveLength(suggested.length);
  for (const [index, pause] of suggested.entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(pause);
    expect(pauses[index]).toBeLessThan(pause * 1.11);
  }
  expect(await statuses(id)).toEqual([["failed", 10]]);
  expect(await engine.endpoints.get(actor, id)).toMatchObject({ disabled: true, disabled_reason: "failing" });
  const { items } = await engine.events.list(actor, { type: "endpoint_disabled" }, { limit: 10 });
  expect(items.map(({ endpoint }) => endpoint)).toEqual([id, "ep_other"]);
  // The other endpoint was told of both.
  expect(await statuses(otherId)).toEqual([
    ["delivered", 1],
    ["delivered", 1],
  ]);
});

test("an endpoint that took something meanwhile stays enabled", async () => {
  const { id } = await make(url);
  answers[url] = { status: 500 };
  await happen("evt_1");
  for (let tries = 0; tries < 5; tries += 1) await next();
  answers[url] = { status: 204 };
  expect((await engine.endpoints.ping(actor, id)).status).toBe("delivered");
  answers[url] = { status: 500 };
  await workAll();
  expect(await statuses(id)).toContainEqual(["failed", 10]);
  expect((await engine.endpoints.get(actor, id)).disabled).toBe(false);
});

test("Retry-After lengthens a pause, up to a day, and never shortens one", async () => {
  await make(url);
  answers[url] = { status: 503, headers: { "retry-after": "600" } };
  await happen("evt_1");
  await next();
  expect([...jobs.values()]).toEqual([now + 600_000]);
  answers[url] = { status: 503, headers: { "retry-after": "999999999" } };
  await next();
  expect([...jobs.values()]).toEqual([now + 24 * hour]);
  answers[url] = { status: 503, headers: { "retry-after": "1" } };
  await next();
  expect([...jobs.values()][0]).toBeGreaterThanOrEqual(now + hour / 2);
});

test("what an endpoint was to be told when it was disabled is not told when it is enabled again", async () => {
  const { id } = await make(url);
  answers[url] = { status: 500 };
  await happen("evt_1");
  await next();
  await engine.endpoints.update(actor, id, { disabled: true });
  await workAll();
  await engine.endpoints.update(actor, id, { disabled: false });
  await workAll();
  expect(await statuses(id)).toEqual([["cancelled", 1]]);
  expect(asked).toHaveLength(1);
});

test("the older secret signs for a day and no longer", async () => {
  const { id } = await make(url);
  await engine.endpoints.rotate(actor, id);
  now += 24 * hour - 1;
  await engine.endpoints.ping(actor, id);
  now += 1;
  await engine.endpoints.ping(actor, id);
  expect(asked.map(({ signatures }) => signatures)).toEqual([2, 1]);
});

test("an entry that was handed out before a crash, and is handed out again, is sent once", async () => {
  await make(url);
  await happen("evt_1");
  await workAll();
  expect(asked).toHaveLength(1);
  // The process ended after the deliveries were stored and before the entry was taken out.
  store.sqlite.run("INSERT INTO outbox (event, doc) SELECT id, json_object('event', json(doc), 'connection', NULL) FROM events");
  await engine.stop();
  await start();
  await workAll();
  expect(await store.outbox.list(10)).toEqual([]);
  expect(asked).toHaveLength(1);
});

/** An event of a connection whose connector is not here any more. */
async function tell(endpoint: string, values: Partial<ConnectionEvent> = {}): Promise<Record<string, unknown>> {
  const id = "con_1";
  const at = new Date(now).toISOString();
  const place = { workspace: "default", connector: "gone", owner: "ada" } as const;
  const record = { ...untold, ...place, id, auth: "oauth", environment: "production", status: "needs_reauth" } as const;
  const account = { name: null, description: null, label: "Ada Lovelace", unique_id: "acct-1815", identity: id } as const;
  const event = { id: `evt_${id}`, connection: id, ...place, at, type: "needs_reauth", actor: "system", ...values } as const;
  await store.connections.insert(
    { ...record, ...account, fields: {}, sealed_fields: null, credential_version: 1, created_at: at, updated_at: at },
    [event],
  );
  await engine.stop();
  await start();
  const [delivery] = await store.deliveries.pending(endpoint, 10);
  return JSON.parse(delivery?.body ?? "").data;
}

test("an error of a newer version is told by its code, and holds up nothing", async () => {
  const { id } = await make(url);
  const code = "code_of_a_newer_version" as NonNullable<ConnectionEvent["code"]>;
  expect(await tell(id, { code })).toMatchObject({ connection: { id: "con_1" }, error: { code, message: "" } });
  expect(await store.outbox.list(10)).toEqual([]);
});

test("a label is masked where nothing says any more whether it is", async () => {
  const { id } = await make(url);
  expect(await tell(id)).toMatchObject({ connection: { label: "Ad••• Lo•••", unique_id: null } });
});
