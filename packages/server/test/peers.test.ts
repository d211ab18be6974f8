import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import {
  type Actor,
  type ConnectionEvent,
  createEngine,
  type Engine,
  type Job,
  type JobKind,
  type Queue,
  type Repeat,
} from "@jackfield/engine";
import type { Principal } from "../src/access/authenticate.ts";
import { loadAuthVersions } from "../src/auth-versions.ts";
import { type Catalog, loadCatalog } from "../src/connectors.ts";
import { createPublish } from "../src/publish.ts";
import { openStore } from "../src/store/sqlite.ts";
import { connection, flow } from "./contract/store/records.ts";

// Several processes on one store. Each has an engine, a catalogue and a queue of its own; the clock is moved by hand.

type Store = ReturnType<typeof openStore>;

let api: Server;
let base: string;
/** What the API was asked. */
const seen: string[] = [];

beforeAll(async () => {
  api = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ id: request.headers["x-api-key"]?.at(0), name: "Ada" }));
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => api.close(resolve)));

const manifest = (version: number, { name = "acme", title = name, every = "" } = {}) => `manifest: 1
name: ${name}
title: ${title}
base_url: ${base}/v${version}
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me }${every} }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  look: { title: Look, request: { path: /items }, output: body.name }
`;
const heir = (name: string) => `manifest: 1
name: ${name}
title: ${name}
extends: acme
actions:
  look: { title: Look, request: { path: /of-${name} }, output: body.name }
`;

const actor: Actor = { id: "key/1", workspace: "default", owner: "ada", all: true, via: "key" };
const principal = (role: "admin" | "author") => ({ actor, key: { role } }) as Principal;
const iso = (time: number) => new Date(time).toISOString();

class Jobs implements Queue {
  readonly jobs = new Map<string, Job>();
  readonly #handlers = new Map<JobKind, (id: string) => Promise<void>>();
  puts = 0;
  async put(job: Job) {
    this.puts += 1;
    this.jobs.set(`${job.kind}/${job.id}`, job);
  }
  async remove(kind: JobKind, id: string) {
    this.jobs.delete(`${kind}/${id}`);
  }
  work(kind: JobKind, _options: object, handler: (id: string) => Promise<void>) {
    this.#handlers.set(kind, handler);
  }
  async run(kind: JobKind, id: string) {
    this.jobs.delete(`${kind}/${id}`);
    await this.#handlers.get(kind)?.(id);
  }
  async close() {}
}

interface Process {
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly queue: Jobs;
  publish(name: string, text: string, role?: "admin" | "author"): Promise<unknown>;
  /** How many things it repeats. */
  repeats(): number;
  /** Does once what it repeats and is due. */
  tick(): Promise<void>;
}

let now: number;
let store: Store;
let processes: Process[];

beforeEach(() => {
  now = Date.UTC(2027, 0, 1);
  store = openStore(":memory:");
  processes = [];
  seen.length = 0;
});
afterEach(async () => {
  for (const { engine } of processes) await engine.stop();
  await store.close();
});

async function start(): Promise<Process> {
  const clock = () => now;
  const log = () => {};
  const usable = () => true;
  const catalog = await loadCatalog({
    folders: [],
    published: store.manifests,
    versions: await loadAuthVersions({ store: store.auth_versions, clock, log }),
    usable,
    plainHttp: () => true,
    shared: true,
    clock,
    log,
  });
  const repeated = new Set<{ readonly ms: number; next: number; readonly work: () => Promise<void> }>();
  const repeat: Repeat = (ms, work) => {
    const entry = { ms, next: now + ms, work };
    repeated.add(entry);
    return () => repeated.delete(entry);
  };
  const queue = new Jobs();
  const engine = createEngine({
    connectors: catalog,
    store,
    queue,
    keys: { active: "k", get: () => Buffer.alloc(32, 7) },
    platform: { url: "https://here.example" },
    egress: { allowPrivate: ["127.0.0.1/32"] },
    shared: true,
    log,
    clock,
    repeat,
  });
  const publish = createPublish({ catalog, store, usable, clock, prepare: async () => {} });
  const started: Process = {
    engine,
    catalog,
    queue,
    publish: (name, text, role = "admin") => publish(name, text, principal(role)),
    repeats: () => repeated.size,
    async tick() {
      for (const entry of repeated) {
        if (entry.next > now) continue;
        entry.next = now + entry.ms;
        await entry.work();
      }
    },
  };
  processes.push(started);
  return started;
}

/** Lets time pass in steps of a second, for some of the processes. */
async function pass(ms: number, ...those: readonly Process[]): Promise<void> {
  for (const end = now + ms; now < end; ) {
    now = Math.min(end, now + 1000);
    for (const each of those) await each.tick();
  }
}

async function connect({ engine }: Process, connector = "acme", api_key = "a-key-0123456789"): Promise<string> {
  const { connection: made } = await engine.connections.create(actor, { connector, fields: { api_key } });
  expect(made.status).toBe("connected");
  return made.id;
}

const run = async ({ engine }: Process, id: string) => (await engine.steps.run(actor, id, "look", {})).output;

describe("manifests", () => {
  test("that another process has just published are there as soon as they are asked for", async () => {
    const [one, other] = [await start(), await start()];
    await expect(other.engine.connections.create(actor, { connector: "acme" })).rejects.toMatchObject({
      code: "connector_unknown",
    });
    await one.publish("acme", manifest(1));
    expect(other.catalog.get("acme")).toBeUndefined();
    await connect(other);
    const third = await start();
    await one.publish("late", manifest(1, { name: "late" }));
    await expect(third.engine.apps.saved(actor, "late")).resolves.toBe(false);
  });

  test("that are not there are asked for again each time, as they may come", async () => {
    const [one, other] = [await start(), await start()];
    await other.catalog.learn({ connector: "acme" });
    expect(other.catalog.get("acme")).toBeUndefined();
    await one.publish("acme", manifest(1));
    const asking = [other.catalog.learn({ connector: "acme" }), other.catalog.learn({ connector: "acme" })];
    await Promise.all(asking);
    expect(other.catalog.get("acme")).toBeDefined();
    expect(other.catalog.learn({ connector: "acme" })).toBeUndefined();
  });

  test("that another process replaces are taken with the next look, with those that extend them, and no others", async () => {
    const one = await start();
    for (const [name, text] of [
      ["acme", manifest(1)],
      ["heir", heir("heir")],
      ["alone", manifest(1, { name: "alone" })],
    ] as const)
      await one.publish(name, text);
    const other = await start();
    const [alone, changed] = [other.catalog.get("alone"), jest.fn()];
    other.catalog.watch("heir", changed);
    const id = await connect(other, "heir");
    await one.publish("acme", manifest(2));
    await other.catalog.look();
    expect(other.catalog.get("acme")?.base_url.source).toContain("/v2");
    expect(other.catalog.get("heir")?.auth.key?.base_url.source).toContain("/v2");
    expect(other.catalog.get("alone")).toBe(alone);
    expect(changed).toHaveBeenCalledTimes(1);
    expect((await other.engine.connections.get(actor, id)).upgrade_available).toBe(true);
    await other.catalog.look();
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test("are replaced in the process that is told to, with those that extend them", async () => {
    const one = await start();
    await one.publish("acme", manifest(1));
    await one.publish("heir", heir("heir"));
    await one.publish("acme", manifest(2));
    expect(one.catalog.get("heir")?.auth.key?.base_url.source).toContain("/v2");
    expect(one.catalog.get("heir")?.actions.look?.request.path?.source).toBe("/of-heir");
  });

  test("of a process that is slow, or whose clock is behind, are taken as well", async () => {
    const other = await start();
    now += 3_600_000;
    await other.catalog.look();
    await store.manifests.put("acme", manifest(1), iso(now - 5 * 60_000));
    await other.catalog.look();
    expect(other.catalog.get("acme")).toBeDefined();
  });

  test("of two that are published at once the one that the store has is everybody's in the end", async () => {
    const [one, other] = [await start(), await start()];
    await Promise.all([
      one.publish("acme", manifest(1, { title: "One" })),
      other.publish("acme", manifest(1, { title: "Other" })),
    ]);
    for (const each of processes) await each.catalog.look();
    const [stored] = await store.manifests.list();
    const titles = processes.map(({ catalog }) => catalog.get("acme")?.title);
    expect(titles).toEqual([titles[0], titles[0]]);
    expect(stored?.text).toContain(`title: ${titles[0]}`);
  });

  test("that are in use are replaced by admins only, also where another process has published them just now", async () => {
    const [one, other] = [await start(), await start()];
    await one.publish("acme", manifest(1), "author");
    await connect(one);
    await expect(other.publish("acme", manifest(2), "author")).rejects.toMatchObject({ code: "admin_required" });
    await expect(other.publish("acme", manifest(2), "admin")).resolves.toEqual({ created: false });
  });
});

describe("versions of a way to connect", () => {
  test("that another process has kept are served by a process that never knew them", async () => {
    const other = await start();
    const one = await start();
    await one.publish("acme", manifest(1));
    const id = await connect(one);
    await one.publish("acme", manifest(2));
    seen.length = 0;
    expect(await run(other, id)).toBe("Ada");
    expect(seen).toEqual(["/v1/items"]);
    expect((await other.engine.connections.get(actor, id)).upgrade_available).toBe(true);
  });

  test("that were current here go on being served when another process replaces them", async () => {
    const one = await start();
    await one.publish("acme", manifest(1));
    const other = await start();
    const id = await connect(one);
    await one.publish("acme", manifest(2));
    await other.catalog.look();
    // Whoever has read a connection just before the look does not read it again.
    const { auth_version } = (await store.connections.get(id)) ?? {};
    expect(other.catalog.kept(auth_version ?? "")).toBeDefined();
    expect(await run(other, id)).toBe("Ada");
    expect(seen.at(-1)).toBe("/v1/items");
  });

  test("that a newer manifest made elsewhere are served before that manifest is known here", async () => {
    const one = await start();
    await one.publish("acme", manifest(1));
    const other = await start();
    await one.publish("acme", manifest(2));
    const id = await connect(one);
    expect(await run(other, id)).toBe("Ada");
    expect(seen.at(-1)).toBe("/v2/items");
  });

  test("are shown in lists as the connections' own", async () => {
    const other = await start();
    const one = await start();
    await one.publish("acme", manifest(1));
    await connect(one);
    const { items } = await other.engine.connections.list({ ...actor, owner: "alan" }, {}, { limit: 10 });
    // Where nothing says whether a label is masked, it is.
    expect(items.map(({ label }) => label)).toEqual(["Ada"]);
  });

  test("that one process removes are stored again by another that still knows them", async () => {
    const one = await start();
    await one.publish("acme", manifest(1));
    const other = await start();
    const id = await connect(one);
    const { auth_version = "" } = (await store.connections.get(id)) ?? {};
    await store.connections.delete(id);
    now += 2 * 86_400_000;
    await one.catalog.removeUnused();
    expect(await store.auth_versions.get(auth_version ?? "")).toBeUndefined();
    const again = await connect(other);
    await one.publish("acme", manifest(2));
    const third = await start();
    expect(await run(third, again)).toBe("Ada");
    expect(seen.at(-1)).toBe("/v1/items");
    now += 2 * 86_400_000;
    for (const each of processes) await each.catalog.removeUnused();
    expect(await run(one, again)).toBe("Ada");
    await store.connections.delete(again);
    await other.catalog.removeUnused();
    expect(one.catalog.kept(auth_version ?? "")).toBeDefined();
    await one.catalog.removeUnused();
    expect(one.catalog.kept(auth_version ?? "")).toBeUndefined();
  });

  test("follow the manifest in what does not make a new one, whichever process kept them and whichever publishes", async () => {
    const one = await start();
    await one.publish("acme", manifest(1));
    const other = await start();
    const id = await connect(one);
    const { auth_version } = (await store.connections.get(id)) ?? {};
    await other.publish("acme", manifest(1).replace("path: /me", "path: /users/me"));
    expect(await store.auth_versions.get(auth_version ?? "")).toContain("/users/me");
  });
});

describe("who watches a connection", () => {
  type Told = [ConnectionEvent["type"], string | null];
  const watch = async ({ engine }: Process, id: string) => {
    const told: Told[] = [];
    const stop = await engine.connections.watch(actor, id, ({ type }, { name }) => told.push([type, name]));
    return { told, stop };
  };
  const settled = () => setTimeout(20);
  const rename = ({ engine }: Process, id: string, name: string) => engine.connections.update(actor, id, { name });

  let one: Process;
  let other: Process;
  let id: string;
  beforeEach(async () => {
    one = await start();
    await one.publish("acme", manifest(1));
    other = await start();
    id = await connect(one);
  });

  test("is told once of what happens here, at once, and once of what happens elsewhere, soon", async () => {
    const { told } = await watch(one, id);
    await rename(one, id, "here");
    await settled();
    expect(told).toEqual([["renamed", "here"]]);
    await rename(other, id, "there");
    await pass(1000, one);
    await settled();
    expect(told).toEqual([
      ["renamed", "here"],
      ["renamed", "there"],
    ]);
    await pass(30_000, one);
    await settled();
    expect(told).toHaveLength(2);
  });

  test("is not told of what was before, and each who watches is told of what comes", async () => {
    const first = await watch(other, id);
    const second = await watch(other, id);
    await rename(one, id, "new");
    await pass(1000, other);
    await settled();
    expect([first.told, second.told]).toEqual([[["renamed", "new"]], [["renamed", "new"]]]);
    const late = await watch(other, id);
    await pass(3000, other);
    await settled();
    expect([first.told.length, late.told.length]).toEqual([1, 0]);
  });

  test("keeps nothing running afterwards, and all who watch share one question to the store", async () => {
    const idle = other.repeats();
    const asked = jest.spyOn(store.events, "recent");
    const second = await connect(one, "acme", "b-key-0123456789");
    const watches = [await watch(other, id), await watch(other, id), await watch(other, second)];
    expect(other.repeats()).toBe(idle + 1);
    asked.mockClear();
    await pass(1000, other);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(asked.mock.calls[0]?.[0].toSorted()).toEqual([id, second].toSorted());
    for (const { stop } of watches) stop();
    expect(other.repeats()).toBe(idle);
    asked.mockRestore();
  });

  test("is told after the store was away, also of what was written late", async () => {
    const { told } = await watch(other, id);
    const away = jest.spyOn(store.events, "recent").mockRejectedValue(new Error("the store is away"));
    await rename(one, id, "meanwhile");
    await pass(60_000, other);
    away.mockRestore();
    const event = { id: "evt_late", connection: id, workspace: "default", at: iso(now - 5000), actor: "system" } as const;
    await store.events.append([{ ...event, type: "refreshed" }]);
    await pass(1000, other);
    await settled();
    expect(told.map(([type]) => type)).toEqual(["renamed", "refreshed"]);
  });

  test("learns that a draft became another connection, and what happens to that one", async () => {
    const { told } = await watch(other, id);
    await store.connections.insert(connection("con_draft", { workspace: "default", status: "draft", credential_version: 0 }), []);
    const following = await watch(other, "con_draft");
    const merged = { id: "evt_merged", connection: "con_draft", workspace: "default", at: iso(now), actor: "key/1" } as const;
    await store.connections.update("con_draft", { alias_of: id }, { events: [{ ...merged, type: "merged" }] });
    await pass(1000, other);
    await settled();
    await rename(one, id, "after");
    await pass(1000, other);
    await settled();
    expect(following.told.map(([type]) => type)).toEqual(["merged", "renamed"]);
    expect(told.map(([type]) => type)).toEqual(["renamed"]);
  });
});

describe("the sweep", () => {
  const overdue = async (count: number, from = 0) => {
    for (let n = from; n < from + count; n += 1) {
      const values = { workspace: "default", refresh_at: iso(now - 1_000_000 + n) };
      await store.connections.insert(connection(`con_${n}`, values), []);
    }
  };
  const refreshes = ({ queue }: Process) => [...queue.jobs.values()].filter(({ kind }) => kind === "refresh");

  test("is made by one process at a time, by another soon after that one ends, and within a minute after it dies", async () => {
    const three = [await start(), await start(), await start()] as const;
    await overdue(3);
    for (const { engine } of three) await engine.start();
    const [first, second, third] = three;
    expect(three.map((each) => refreshes(each).length)).toEqual([3, 0, 0]);
    await pass(120_000, ...three);
    expect(three.map((each) => refreshes(each).length)).toEqual([3, 0, 0]);
    processes.shift();
    await first.engine.stop();
    await pass(15_000, second, third);
    expect([second, third].map((each) => refreshes(each).length)).toEqual([3, 0]);
    // The second one is killed.
    await pass(60_000, third);
    expect(refreshes(third)).toHaveLength(3);
  });

  test("puts all that is due, however much, the most overdue first, and again when the queue has lost it", async () => {
    const one = await start();
    await overdue(3_200);
    await one.engine.start();
    const times = refreshes(one).map(({ due }) => due);
    expect(times).toHaveLength(3_200);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    one.queue.jobs.clear();
    await pass(30_000, one);
    expect(refreshes(one)).toHaveLength(3_200);
  });

  test("is ahead of the workers by a bounded amount, and goes on as they are through with it", async () => {
    const one = await start();
    await overdue(12_000);
    await one.engine.start();
    expect(refreshes(one)).toHaveLength(10_000);
    await pass(20_000, one);
    expect([refreshes(one).length, one.queue.puts]).toEqual([10_000, 10_000]);
    for (const { id } of refreshes(one).slice(0, 1_500)) {
      await store.connections.update(id, { refresh_at: iso(now + 3_600_000) });
      await one.queue.remove("refresh", id);
    }
    await pass(2_000, one);
    expect([refreshes(one).length, one.queue.puts]).toEqual([10_000, 11_500]);
    for (const { id } of refreshes(one)) {
      await store.connections.update(id, { refresh_at: null });
      await one.queue.remove("refresh", id);
    }
    await pass(2_000, one);
    expect(refreshes(one).map(({ id }) => id)).toEqual(Array.from({ length: 500 }, (_, n) => `con_${11_500 + n}`));
  });

  test("does not keep from their turn those that are due after many of which none can be done now", async () => {
    const one = await start();
    await overdue(10_400);
    await one.engine.start();
    const last = () => one.queue.jobs.has("refresh/con_10399");
    expect(last()).toBe(false);
    await pass(30_000, one);
    expect(last()).toBe(true);
    // The most overdue have their turn again, should the queue have lost them.
    one.queue.jobs.clear();
    await pass(30_000, one);
    expect(refreshes(one).at(0)?.id).toBe("con_0");
    await pass(30_000, one);
    expect(refreshes(one)).toHaveLength(10_400);
  });

  test("goes on with its other parts where the queue takes nothing, and where the store fails in one", async () => {
    const one = await start();
    await overdue(1);
    const put = jest.spyOn(one.queue, "put").mockRejectedValue(new Error("the queue is away"));
    const flows = jest.spyOn(store.flows, "due").mockRejectedValue(new Error("no flows"));
    const tended = jest.spyOn(store.apps, "due");
    await one.engine.start();
    expect(tended).toHaveBeenCalledTimes(1);
    for (const spy of [put, flows, tended]) spy.mockRestore();
    await pass(30_000, one);
    expect(refreshes(one)).toHaveLength(1);
  });
});

describe("what two processes have the same job for", () => {
  let one: Process;
  let other: Process;
  beforeEach(async () => {
    [one, other] = [await start(), await start()];
    await one.publish("acme", manifest(1, { every: ", every: 1h" }));
    for (const { engine } of processes) await engine.start();
  });

  test("a test is made by one", async () => {
    const id = await connect(one);
    now += 2 * 3_600_000;
    seen.length = 0;
    await Promise.all([one.queue.run("test", id), other.queue.run("test", id), other.queue.run("test", id)]);
    expect(seen).toEqual(["/v1/me"]);
    const { items } = await one.engine.connections.events(actor, id, { limit: 10 }, { type: "tested" });
    expect(items.filter((event) => event.actor === "system")).toHaveLength(1);
  });

  test("a message is delivered by one", async () => {
    const { id } = await one.engine.endpoints.create(actor, { url: `${base}/hook` });
    await connect(one);
    const made = async () => (await store.deliveries.pending(id, 10)).length > 0 && (await store.outbox.list(1)).length === 0;
    while (!(await made())) await setTimeout(5);
    // Another process that has read the outbox before hands the same out once more.
    const pending = await store.deliveries.pending(id, 10);
    for (const delivery of pending) await store.outbox.hand(delivery.event, [{ ...delivery, attempts: 0 }]);
    seen.length = 0;
    await Promise.all([one.queue.run("deliver", id), other.queue.run("deliver", id), other.queue.run("deliver", id)]);
    expect(seen).toEqual(pending.map(() => "/hook"));
    expect(await store.deliveries.pending(id, 10)).toEqual([]);
  });

  test("a sign-in that nobody finished is noted by one", async () => {
    const at = iso(now - 60_000);
    const about = { connector: "acme", auth: "oauth", environment: "production", workspace: "default" } as const;
    await store.connections.insert(
      connection("con_begun", { ...about, status: "awaiting_authorization", credential_version: 0 }),
      [],
    );
    await store.flows.insert(flow("f", { ...about, connection: "con_begun", expires_at: at }));
    // Each believes that it leads.
    const acquire = jest.spyOn(store.leases, "acquire").mockResolvedValue(true);
    now += 60_000;
    await Promise.all([one.tick(), other.tick()]);
    acquire.mockRestore();
    const { items } = await store.events.list({ workspace: "default", connection: "con_begun" }, { limit: 10 });
    expect(items.map(({ type }) => type)).toEqual(["failed"]);
    expect((await store.connections.get("con_begun"))?.status).toBe("draft");
  });
});
