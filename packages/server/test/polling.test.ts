import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Actor, countJobs, createEngine, type Engine, type Job, type Store } from "@jackfield/engine";
import { compile } from "@jackfield/manifest";
import { openStore } from "../src/store/sqlite.ts";

/*
 * When the token endpoint is asked about a code for another device, told by a clock of the test's own. Two engines, as in two processes,
 * share one store; the network and the store are real.
 */

const actor: Actor = { id: "key/test", workspace: "w", owner: "o", all: false, via: "key" };

/** What is queued, and carried out when the test says so. */
function createQueue() {
  const jobs = new Map<string, Job>();
  const handlers = new Map<string, (id: string) => Promise<void>>();
  return {
    jobs,
    run: ({ kind, id }: Job) => handlers.get(kind)?.(id),
    put: async (job: Job) => void jobs.set(`${job.kind}/${job.id}`, job),
    remove: async (kind: string, id: string) => void jobs.delete(`${kind}/${id}`),
    work: (kind: string, _options: unknown, handler: (id: string) => Promise<void>) => void handlers.set(kind, handler),
    waiting: async () => countJobs(() => jobs.size),
    close: async () => {},
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const pending: Answer = { status: 400, body: { error: "authorization_pending" } };
const slowDown: Answer = { status: 400, body: { error: "slow_down" } };
const granted: Answer = { status: 200, body: { access_token: "the-token", token_type: "Bearer", expires_in: 3600 } };

let answers: Answer[];
/** How many token requests have come, and what keeps the answer back. */
let asked: number;
let held: Promise<void> | undefined;
let interval: number | undefined;

const server = createServer(async (request, response) => {
  for await (const _ of request);
  const say = ({ status, headers, body }: Answer) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
  if (request.url === "/device") {
    const verification_uri = "https://acme.example/device";
    return say({
      status: 200,
      body: { device_code: "the-code", user_code: "ABCD", verification_uri, expires_in: 600, interval },
    });
  }
  if (request.url === "/api/me") return say({ status: 200, body: { id: "1", name: "Ada" } });
  asked += 1;
  await held;
  say(answers.shift() ?? pending);
});

const manifest = (origin: string) => `manifest: 1
name: tv
title: TV
base_url: ${origin}/api
auth:
  oauth:
    type: oauth2
    grant: device_code
    client: { authentication: none }
    device: { url: "${origin}/device", interval: 7s }
    token: { url: "${origin}/token" }
    revocation: { none: This provider has none. }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;

let origin: string;
let store: Store;
let now: number;
let queues: ReturnType<typeof createQueue>[];
let engines: Engine[];

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(async () => {
  answers = [];
  asked = 0;
  held = undefined;
  interval = 5;
  now = Date.parse("2030-01-01T00:00:00Z");
  store = openStore(":memory:");
  queues = [];
  engines = [start(), start()];
  await first().apps.put(actor, "tv", "oauth", "production", { client_id: "tv-client" });
});
afterEach(async () => {
  for (const engine of engines) await engine.stop();
  await store.close();
});

function start(): Engine {
  const compiled = compile(manifest(origin), { file: "connector.yaml", plainHttp: () => true });
  const { connector } = compiled;
  if (connector === undefined) throw new Error(JSON.stringify(compiled.problems));
  const queue = createQueue();
  queues.push(queue);
  return createEngine({
    connectors: { get: () => connector, list: () => [connector], kept: () => undefined, keep: async () => {} },
    store,
    queue,
    keys: { active: "test", get: () => Buffer.alloc(32, 7) },
    platform: { url: "https://jackfield.example" },
    egress: { allowPrivate: ["127.0.0.1/32"] },
    log: () => {},
    clock: () => now,
  });
}

const first = () => engines[0] as Engine;

/** A connection that waits for its code to be confirmed. */
async function waiting(): Promise<string> {
  for (const engine of engines) await engine.start();
  const { connection } = await first().connections.create(actor, { connector: "tv" });
  await first().authorization.begin(actor, connection.id);
  return connection.id;
}

/** The job that asks next, of the first engine; undefined: there is none. */
const next = () => [...(queues[0]?.jobs.values() ?? [])].find(({ kind }) => kind === "device");

/** Goes to the time of the next question and asks it; gives the milliseconds that were waited. */
async function askNext(): Promise<number> {
  const job = next();
  if (job === undefined) throw new Error("nothing is queued");
  const waited = job.due - now;
  now = job.due;
  queues[0]?.jobs.clear();
  await queues[0]?.run(job);
  return waited;
}

const status = async (id: string) => (await first().connections.get(actor, id)).status;

test("the first question comes after the interval, and so does each further one while it is pending", async () => {
  const id = await waiting();
  answers = [pending, pending, granted];
  expect([await askNext(), await askNext(), await askNext()]).toEqual([5_000, 5_000, 5_000]);
  expect(await status(id)).toBe("connected");
  expect(next()).toBeUndefined();
});

test.each([
  ["that the provider does not tell is the manifest's", undefined, 7_000],
  ["of nothing is the manifest's", 0, 7_000],
  ["that would be a storm is a second", 0.001, 1_000],
])("an interval %s", async (_what, told, expected) => {
  interval = told;
  await waiting();
  expect(await askNext()).toBe(expected);
});

test("`slow_down` adds five seconds for good", async () => {
  await waiting();
  answers = [slowDown, pending, slowDown, pending];
  const waits = [await askNext(), await askNext(), await askNext(), await askNext(), await askNext()];
  expect(waits).toEqual([5_000, 10_000, 10_000, 15_000, 15_000]);
});

test("while the provider cannot be reached the pause doubles, up to a minute; once it answers, the interval holds again", async () => {
  const id = await waiting();
  const busy: Answer = { status: 503, body: "busy" };
  answers = [busy, busy, busy, busy, busy, pending, granted];
  const waits: number[] = [];
  while ((await status(id)) !== "connected") waits.push(await askNext());
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 5_000]);
});

test("a pause that the provider asks for is kept", async () => {
  await waiting();
  answers = [{ status: 429, headers: { "retry-after": "42" }, body: {} }];
  await askNext();
  expect((next()?.due ?? 0) - now).toBe(42_000);
});

test("nobody asks before it is time, whatever the queue carries", async () => {
  await waiting();
  const job = next() as Job;
  now = job.due - 1;
  await queues[0]?.run(job);
  await queues[1]?.run(job);
  expect(asked).toBe(0);
  expect(next()?.due).toBe(job.due);
});

test("of two processes that come at once, one asks, and one connects", async () => {
  const id = await waiting();
  const job = next() as Job;
  now = job.due;
  answers = [granted, granted];
  await Promise.all([queues[0]?.run(job), queues[1]?.run(job), queues[0]?.run(job)]);
  expect(asked).toBe(1);
  expect(await status(id)).toBe("connected");
  const { items } = await first().connections.events(actor, id, { limit: 50 });
  expect(items.filter(({ type }) => type === "authorized")).toHaveLength(1);
});

test("a queue that forgot everything is filled again from the store, with the interval that was reached", async () => {
  const id = await waiting();
  answers = [slowDown];
  await askNext();
  const { due } = next() as Job;
  expect(due - now).toBe(10_000);
  const restarted = start();
  engines.push(restarted);
  await restarted.start();
  const [found] = [...(queues[2]?.jobs.values() ?? [])];
  expect(found).toMatchObject({ kind: "device", due });
  now = due;
  answers = [granted];
  await queues[2]?.run(found as Job);
  expect(await status(id)).toBe("connected");
});

test("a question whose process died is asked again by another, and not before the answer can have come", async () => {
  const id = await waiting();
  const job = next() as Job;
  now = job.due;
  let release = () => {};
  held = new Promise((resolve) => (release = resolve));
  const dying = queues[0]?.run(job);
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  queues[1]?.jobs.clear();
  await queues[1]?.run(job);
  const again = [...(queues[1]?.jobs.values() ?? [])][0] as Job;
  expect(again.due - now).toBe(60_000);
  now = again.due;
  held = undefined;
  answers = [granted, { status: 400, body: { error: "invalid_grant" } }];
  await queues[1]?.run(again);
  expect(await status(id)).toBe("connected");
  // What the first one hears at last is nobody's concern.
  release();
  await dying;
  expect(await first().connections.get(actor, id)).toMatchObject({ status: "connected", error: null });
});

test.each([
  ["another code was asked for", (id: string) => first().authorization.begin(actor, id), "awaiting_authorization"],
  ["the connection was disconnected", (id: string) => first().connections.remove(actor, id), "revoked"],
])("a token that comes when %s is thrown away", async (_what, meanwhile, expected) => {
  const id = await waiting();
  const job = next() as Job;
  now = job.due;
  let release = () => {};
  held = new Promise((resolve) => (release = resolve));
  answers = [granted];
  const asking = queues[0]?.run(job);
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await meanwhile(id);
  release();
  await asking;
  expect((await store.connections.get(id))?.status).toBe(expected);
  expect((await store.connections.get(id))?.sealed_credential).toBeNull();
});

test("a code ends when its time is over: nothing is asked then, and the draft says why", async () => {
  const id = await waiting();
  while ((await status(id)) === "awaiting_authorization") await askNext();
  expect(now).toBe(Date.parse("2030-01-01T00:10:00Z"));
  expect(asked).toBe(119);
  expect(next()).toBeUndefined();
  expect(await first().connections.get(actor, id)).toMatchObject({
    status: "draft",
    error: { code: "code_expired", message: "The code was not confirmed in time." },
  });
});

test("a code whose time ran out while no process was there ends at the next start", async () => {
  const id = await waiting();
  now += 3_600_000;
  const restarted = start();
  engines.push(restarted);
  await restarted.start();
  expect(await restarted.connections.get(actor, id)).toMatchObject({ status: "draft", error: { code: "code_expired" } });
});
