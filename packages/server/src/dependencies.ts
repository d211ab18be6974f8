import { setTimeout } from "node:timers/promises";
import { JackfieldError, type Log } from "@jackfield/engine";
import type { RemoteQueue } from "./queue/bullmq.ts";
import { openSharedStore } from "./store/open.ts";
import type { HostStore } from "./store/port.ts";

/*
 * The servers that this process needs. They may start after it: it waits for them, and says so. What is no use to wait for, such as a
 * password that is refused, ends the start.
 */

export interface Waiting {
  /** Milliseconds. */
  readonly limit: number;
  readonly log: Log;
}

const firstPauseMs = 250;
const longestPauseMs = 5_000;

interface Dependency<T> {
  /** As people are told, without user and password. */
  readonly name: string;
  /** The variable that names it. */
  readonly variable: string;
  open(): Promise<T>;
  /** Whether to wait is no use. */
  isRefusal(error: unknown): boolean;
}

export function awaitStore(url: string, waiting: Waiting): Promise<HostStore> {
  const hosts = /^[^:]+:\/\/(?:[^/]*@)?([^/?]*)/.exec(url)?.[1] ?? "";
  return waitFor(
    {
      name: `MongoDB at ${hosts}`,
      variable: "MONGODB_URL",
      open: () => openSharedStore(url),
      isRefusal: (error) => !(error instanceof JackfieldError) || isUserRefused(error.cause),
    },
    waiting,
  );
}

/** Opens the queue once Redis answers, and warns where it may throw jobs away. */
export async function awaitQueue(
  url: string,
  options: { readonly prefix: string; readonly clock: () => number },
  waiting: Waiting,
): Promise<RemoteQueue> {
  // Loaded only where it is needed.
  const [{ askRedis, isRefusal, redisAddress }, { openBullmqQueue }] = await Promise.all([
    import("./queue/redis.ts"),
    import("./queue/bullmq.ts"),
  ]);
  const { log } = waiting;
  const facts = await waitFor(
    { name: `Redis at ${redisAddress(url)}`, variable: "REDIS_URL", open: () => askRedis(url), isRefusal },
    waiting,
  );
  if (facts.evictionPolicy !== "noeviction") {
    log("warn", "Redis may throw jobs away when its memory is full, which delays them: set its maxmemory-policy to noeviction", {
      redis: redisAddress(url),
      maxmemory_policy: facts.evictionPolicy,
    });
  }
  return openBullmqQueue({ url, facts, log, ...options });
}

async function waitFor<T>({ name, variable, open, isRefusal }: Dependency<T>, { limit, log }: Waiting): Promise<T> {
  const end = performance.now() + limit;
  for (let pause = firstPauseMs; ; pause = Math.min(2 * pause, longestPauseMs)) {
    try {
      return await open();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const told = (advice: string) => (reason.includes(variable) ? reason : `${reason}. ${advice} ${variable}.`);
      if (isRefusal(cause)) throw new Error(`${name} cannot be used: ${told("Correct")}`, { cause });
      const left = end - performance.now();
      if (left <= 0) {
        const within = `${name} did not answer within ${limit / 1000} s`;
        throw new Error(`${within}: ${told("Start it, or correct")}`, { cause });
      }
      log("info", `waiting for ${name}`, { reason, next_try_ms: Math.round(Math.min(pause, left)) });
      await setTimeout(Math.min(pause, left));
    }
  }
}

/** MongoDB's codes of a user who is not let in. */
const refusals: readonly unknown[] = [13, 18, 8000];

function isUserRefused(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && refusals.includes(cause.code);
}
