import { randomBytes } from "node:crypto";
import {
  type Actor,
  type CallbackOutcome,
  countJobs,
  createEngine,
  type Egress,
  type Engine,
  type Job,
  type JobCounts,
  type Policy,
  type Queue,
  type Spool,
  type Store,
} from "@jackfield/engine";
import { type Connector, compile } from "@jackfield/manifest";
import { createHeap } from "../../packages/server/src/queue/heap.ts";
import { openStore, type SqliteStore } from "../../packages/server/src/store/sqlite.ts";
import { afterwards } from "../harness/cleanup.ts";

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export const admin: Actor = { id: "key/admin", workspace: "default", owner: "admin", all: true, via: "key" };

/** The real engine over a real store and real HTTP, or a provider in this process, on a clock that only moves when it is told to. */
export interface World {
  readonly engine: Engine;
  readonly store: SqliteStore;
  readonly now: number;
  /** Lets time pass, and does what becomes due in it, in its order. */
  pass(ms: number): Promise<void>;
  /** Lets time pass in which nothing is done. */
  skip(ms: number): void;
  /** A new process over the same store: what only a queue or memory held is gone. */
  restart(): Promise<void>;
  /** Signs a person in with a code and gives the connection's id. */
  signIn(connector: string, code: string, owner?: string, fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A draft's id. */
  begin(connector: string, owner?: string, fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** A sign-in to it that has begun in a browser of its own. */
  flow(connection: string): Promise<Begun>;
  finish(connector: string, begun: Begun, code?: string): Promise<CallbackOutcome>;
  /** The texts of a connection's log, oldest first: type, and code where there is one. */
  log(connection: string): Promise<readonly string[]>;
}

interface Begun {
  readonly browser: string;
  readonly state: string;
}

export interface WorldOptions {
  readonly manifests: readonly string[];
  /** Default: real HTTP on this machine. */
  readonly egress?: Egress;
  readonly policy?: Policy;
  /** How often the store is asked what is due. */
  readonly sweepEvery?: number;
  /** What the engine sees of the store. */
  readonly storeFor?: (store: SqliteStore) => Store;
  readonly spool?: Spool;
  /** Default: time passes. */
  readonly sleepFor?: (ms: number) => Promise<void>;
}

/** Jobs by their time; one of the same kind and id takes the place of the one before. */
class Agenda implements Queue {
  readonly #jobs = new Map<string, Job>();
  readonly #byTime = createHeap<Job>((a, b) => a.due < b.due);
  readonly #handlers = new Map<string, (id: string) => Promise<void>>();

  /** The next job; those that were replaced or removed no longer count. */
  get first(): Job | undefined {
    for (let job = this.#byTime.peek(); job !== undefined; job = this.#byTime.peek()) {
      if (this.#jobs.get(`${job.kind}/${job.id}`) === job) return job;
      this.#byTime.pop();
    }
    return undefined;
  }

  async put(job: Job): Promise<void> {
    this.#jobs.set(`${job.kind}/${job.id}`, job);
    this.#byTime.push(job);
  }

  async remove(kind: Job["kind"], id: string): Promise<void> {
    this.#jobs.delete(`${kind}/${id}`);
  }

  work(kind: Job["kind"], _options: object, handler: (id: string) => Promise<void>): void {
    this.#handlers.set(kind, handler);
  }

  async run({ kind, id }: Job): Promise<void> {
    await this.remove(kind, id);
    await this.#handlers.get(kind)?.(id);
  }

  async waiting(): Promise<JobCounts> {
    return countJobs((kind) => [...this.#jobs.values()].filter((job) => job.kind === kind).length);
  }

  async close(): Promise<void> {}
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const store = openStore(":memory:");
  const connectors = new Map(options.manifests.map(compiled).map((connector) => [connector.name, connector]));
  const key = randomBytes(32);
  let now = Date.UTC(2027, 0, 1);
  let agenda = new Agenda();
  let sweep = async (): Promise<void> => {};
  const sweepEvery = options.sweepEvery ?? 15 * minute;
  let nextSweep = now + sweepEvery;
  let engine: Engine | undefined;

  const start = async (): Promise<Engine> => {
    agenda = new Agenda();
    const started = createEngine({
      connectors: {
        get: (name) => connectors.get(name),
        list: () => [...connectors.values()],
        kept: () => undefined,
        keep: async () => {},
      },
      store: options.storeFor?.(store) ?? store,
      ...(options.spool === undefined ? {} : { spool: options.spool }),
      queue: agenda,
      keys: { active: "k", get: (id) => (id === "k" ? key : undefined) },
      platform: { url: "https://here.example" },
      policy: options.policy ?? {},
      egress: options.egress ?? { allowPrivate: ["127.0.0.1/32"] },
      log: () => {},
      clock: () => now,
      sleep:
        options.sleepFor ??
        (async (ms) => {
          now += ms;
        }),
      repeat: (_ms, work) => {
        sweep = work;
        return () => {};
      },
    });
    await started.start();
    return started;
  };
  const running = (): Engine => {
    if (engine === undefined) throw new Error("the world has not begun");
    return engine;
  };
  engine = await start();
  afterwards(async () => {
    await running().stop();
    await store.close();
  });

  const world: World = {
    get engine() {
      return running();
    },
    store,
    get now() {
      return now;
    },
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        const { first } = agenda;
        const due = Math.min(first?.due ?? Number.POSITIVE_INFINITY, nextSweep);
        if (due > end) break;
        now = Math.max(now, due);
        if (first !== undefined && first.due <= due) await agenda.run(first);
        else {
          nextSweep = now + sweepEvery;
          await sweep();
        }
      }
      now = Math.max(now, end);
    },
    skip(ms) {
      now += ms;
    },
    async restart() {
      await running().stop();
      engine = await start();
    },
    async begin(connector, owner = "ada", fields = {}) {
      const { connection } = await running().connections.create({ ...admin, owner }, { connector, owner, fields });
      return connection.id;
    },
    async flow(connection) {
      const { authorization_url } = await running().authorization.begin(admin, connection);
      const ticket = new URL(authorization_url).pathname.split("/").at(-1) ?? "";
      const { location, browser } = await running().authorization.open(ticket, undefined, undefined);
      return { browser, state: new URL(location).searchParams.get("state") ?? "" };
    },
    finish: (connector, { browser, state }, code = "code") =>
      running().authorization.finish(connector, `${new URLSearchParams({ code, state })}`, browser, undefined),
    async signIn(connector, code, owner, fields) {
      const id = await world.begin(connector, owner, fields);
      const { outcome, error } = await world.finish(connector, await world.flow(id), code);
      if (outcome !== "connected") throw new Error(`signing in: ${JSON.stringify(error)}`);
      return id;
    },
    async log(connection) {
      await running()
        .connections.events(admin, connection, { limit: 1 })
        .catch(() => undefined);
      const { items } = await store.events.list({ workspace: admin.workspace, connection }, { limit: 1000 });
      return items.map(({ type, code }) => (code === undefined ? type : `${type} ${code}`)).toReversed();
    },
  };
  return world;
}

function compiled(text: string): Connector {
  const { connector, problems } = compile(text, { file: "connector.yaml", plainHttp: () => true });
  if (connector === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return connector;
}
