import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { countJobs, type Job, type JobKind, jobKinds, type Log, type Queue } from "@jackfield/engine";
import { type Job as BullJob, Queue as BullQueue, DelayedError, Worker } from "bullmq";
import { connectRedis, type RedisFacts, redisAddress } from "./redis.ts";

/** All that a job holds. `due` is by the engine's clock. */
interface Data {
  readonly id: string;
  readonly due: number;
}

/** Nobody waits longer for Redis. */
const patienceMs = 1_000;
/** A job whose worker has not said for so long that it lives is given to another one. */
const lockMs = 10_000;
const stalledEveryMs = 5_000;
/** How long Redis has, at the end, to take in what the last jobs came to. */
const farewellMs = 3_000;
/** What may be waited for in a job's own place. */
const nearlyMs = 1_000;
/** How long a first connection may take. */
const startMs = 5_000;
const grumbleEveryMs = 60_000;

export interface BullmqOptions {
  readonly url: string;
  readonly facts: RedisFacts;
  /** What all keys begin with: deployments that share a Redis have one each. */
  readonly prefix: string;
  readonly log: Log;
  readonly clock: () => number;
}

/** A queue that may be out of reach. */
export interface RemoteQueue extends Queue {
  /** Rejects where Redis does not answer within a second. */
  ping(): Promise<void>;
}

/**
 * Opens the engine's queue in Redis, for any number of processes. Each kind is a queue of BullMQ's with a hash tag of its own, so that all
 * keys of one script are in one slot of a cluster.
 *
 * That two jobs of one id are one is BullMQ's deduplication: it replaces a job that waits for its time, and keeps the last one that
 * comes while the job runs, to put it when that ends.
 *
 * BullMQ compares times with the clock of the machine, the engine has the store's. A job's score is its time by the engine's clock; a
 * worker whose machine is ahead of that finds it early and puts it back by its own machine's clock, and one that is behind is helped by the
 * sweep, which puts what is overdue again.
 */
export async function openBullmqQueue(options: BullmqOptions): Promise<RemoteQueue> {
  const { url, facts, clock } = options;
  const client = connectRedis(url, facts, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: patienceMs });
  watch(client, redisAddress(url), options.log);
  await untilUp(client);
  const queues = openQueues(client, options.prefix);
  const nextId = jobIds();
  let closed = false;
  let working: Working | undefined;

  /** Rejects where Redis does not answer in time. */
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!isUp(client)) throw new OutOfReach("Redis is out of reach.");
    try {
      return await within(patienceMs, work());
    } catch (cause) {
      // It holds the connection and does not answer: until it has on a new one, nobody waits for it again.
      if (isUp(client) && isLate(cause)) client.disconnect(true);
      throw isUp(client) ? cause : new OutOfReach("Redis does not answer.", { cause });
    }
  };
  /** What Redis cannot take is forgotten: that it is away is said once, and the sweep finds the rest. */
  const tell = async (work: () => Promise<void>): Promise<void> => {
    if (closed) return;
    await ask(work).catch((error: unknown) => {
      if (!(error instanceof OutOfReach)) throw error;
    });
  };

  return {
    put: ({ kind, id, due }: Job) =>
      tell(async () => {
        const jobId = nextId();
        const time = Math.max(due, earliest);
        const delay = Math.max(time - clock(), 1);
        const deduplication = { id: dedupe(id), replace: true, keepLastIfActive: true };
        const job = await queues[kind].add(kind, { id, due }, { jobId, delay, timestamp: time - delay, deduplication });
        // Another one stands for it: it runs, or it waits for a worker, and who takes it looks whether it is due.
        if (job.id !== jobId && !working?.running(kind, id)) await job.updateData({ id, due }).catch(ignoreGone);
      }),
    remove: (kind, id) =>
      tell(async () => {
        const job = await queues[kind].getDeduplicationJobId(dedupe(id));
        if (job !== null) await queues[kind].remove(job);
      }),
    work(kind, { concurrency }, handler) {
      working ??= createWorking(options);
      working.add(kind, concurrency, handler);
    },
    async waiting() {
      const count = (kind: JobKind) => queues[kind].getJobCountByTypes("wait", "delayed");
      const counts = await ask(() => Promise.all(jobKinds.map(count)));
      return countJobs((kind) => counts[jobKinds.indexOf(kind)] ?? 0);
    },
    async ping() {
      await ask(() => client.ping());
    },
    async close() {
      if (closed) return;
      closed = true;
      await working?.close();
      client.disconnect();
    },
  };
}

/** Each kind has a hash tag of its own, so that all keys of one script are in one slot of a cluster. */
const nameOf = (kind: JobKind) => `{${kind}}`;

function openQueues(client: Client, prefix: string): Readonly<Record<JobKind, BullQueue<Data>>> {
  const open = (kind: JobKind) => {
    const queue = new BullQueue<Data>(nameOf(kind), {
      connection: client,
      prefix,
      skipVersionCheck: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true, stackTraceLimit: 0 },
    });
    // `watch` says it once for all of them.
    queue.on("error", () => {});
    return [kind, queue];
  };
  return Object.fromEntries(jobKinds.map(open)) as Record<JobKind, BullQueue<Data>>;
}

/** Ids that no other process gives. */
function jobIds(): () => string {
  const process = randomBytes(6).toString("hex");
  let given = 0;
  return () => {
    given += 1;
    return `${process}-${given}`;
  };
}

/** BullMQ takes no empty text for an id. */
const dedupe = (id: string) => `=${id}`;
/** The first time that BullMQ can tell from none. */
const earliest = 2;

interface Working {
  add(kind: JobKind, concurrency: number, handler: Handler): void;
  running(kind: JobKind, id: string): boolean;
  close(): Promise<void>;
}

type Handler = (id: string) => Promise<void>;

/** The workers of this process, with connections of their own, which wait for Redis as long as it takes. */
function createWorking({ url, facts, prefix, clock, log }: BullmqOptions): Working {
  const client = connectRedis(url, facts, { maxRetriesPerRequest: null });
  client.on("error", () => {});
  const workers: Worker[] = [];
  const running = new Map<string, Promise<void>>();
  const grumble = onceInAWhile(log);
  let closing = false;

  const run = async (kind: JobKind, job: BullJob<Data>, token: string | undefined, handler: Handler) => {
    const { id, due } = job.data;
    const early = due - clock();
    if (closing || early > nearlyMs) {
      await job.moveToDelayed(Date.now() + Math.max(early, 0), token);
      throw new DelayedError();
    }
    if (early > 0) await setTimeout(early);
    const key = `${kind}/${id}`;
    const done = handler(id)
      .catch((error: unknown) => log("error", "a job failed", { kind, id, error: String(error) }))
      .finally(() => running.delete(key));
    running.set(key, done);
    await done;
  };

  return {
    add(kind, concurrency, handler) {
      const worker = new Worker<Data>(nameOf(kind), (job, token) => run(kind, job, token, handler), {
        connection: client,
        prefix,
        concurrency,
        lockDuration: lockMs,
        stalledInterval: stalledEveryMs,
        // What is due is due, however often its worker was killed.
        maxStalledCount: Number.MAX_SAFE_INTEGER,
        runRetryDelay: patienceMs,
      });
      worker.on("error", (error) => {
        if (!isConnectionError(error)) grumble("warn", "a worker of the queue met a difficulty", { kind, error: String(error) });
      });
      workers.push(worker);
    },
    running: (kind, id) => running.has(`${kind}/${id}`),
    async close() {
      closing = true;
      const closed = Promise.allSettled(workers.map((worker) => worker.close()));
      await Promise.all(running.values());
      await within(farewellMs, closed).catch(() =>
        log("warn", "Redis was not told how the last jobs ended: they will run again"),
      );
      client.disconnect();
      for (const worker of workers) worker.disconnect().catch(() => {});
    },
  };
}

type Client = ReturnType<typeof connectRedis>;

const isUp = (client: Client) => client.status === "ready";

/** Where it does not come up in a while, what is asked of it finds that out. */
async function untilUp(client: Client): Promise<void> {
  const up = new Promise<void>((resolve) => void client.once("ready", resolve));
  if (!isUp(client)) await within(startMs, up).catch(() => {});
}

/** Says when Redis goes and when it comes back, each once. */
function watch(client: Client, address: string, log: Log): void {
  let away = false;
  let reason: string | undefined;
  client.on("error", (error: Error) => {
    reason = error.message;
  });
  client.on("close", () => {
    if (away) return;
    away = true;
    log("warn", "Redis is out of reach: jobs wait in the store until it is back", { redis: address, reason });
  });
  client.on("ready", () => {
    if (away) log("info", "Redis is back", { redis: address });
    away = false;
  });
}

/** The same message is written at most once a minute. */
function onceInAWhile(log: Log): Log {
  const last = new Map<string, number>();
  return (level, message, fields) => {
    const key = `${message} ${fields?.kind}`;
    if (Date.now() - (last.get(key) ?? 0) < grumbleEveryMs) return;
    last.set(key, Date.now());
    log(level, message, fields);
  };
}

class Late extends Error {}

/** Redis cannot be asked now, which `watch` has said or is about to say. */
class OutOfReach extends Error {}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(ms, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Late(`Redis did not answer within ${ms} ms.`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

const isLate = (error: unknown) => error instanceof Late || (error instanceof Error && error.message === "Command timed out");

const isConnectionError = (error: Error) =>
  /^(Connection is closed|Connection is in closing state)|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|LOADING|retries per request/.test(
    `${error.message} ${(error as NodeJS.ErrnoException).code ?? ""}`,
  );

/** The job that it was about has come to its end meanwhile. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof Error && error.message.startsWith("Missing key"))) throw error;
}
