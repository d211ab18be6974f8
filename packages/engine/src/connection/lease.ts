import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

export interface Lease {
  readonly key: string;
  /** Who holds it. */
  readonly owner: string;
  /** Milliseconds that it lasts without being renewed: longer than the request that it protects. */
  readonly ms: number;
  /** What is said to who has waited in vain. */
  readonly late: string;
}

/** What work under a lease knows of it. */
export interface Held {
  /**
   * Throws `LeaseLost` where it may have run out unnoticed, as in a process that was stopped for a while: to be asked right before what
   * only one may do. By this machine's own clock, which no correction of the time moves.
   */
  check(): void;
}

/** Somebody else may have come in between: nothing was done, and the work may begin anew. */
export class LeaseLost extends Error {
  constructor() {
    super("the lease ran out");
    this.name = "LeaseLost";
  }
}

const shortestPause = 50;
const longestPause = 1_000;

/**
 * Does work of which at most one of a kind is to be under way anywhere. Whoever has to wait takes what `found` gives, if the one before has
 * brought it; the work itself looks for that first. Throws `provider_timeout`, and what the two throw.
 */
export async function underLease<T>(
  runtime: Runtime,
  lease: Lease,
  found: () => Promise<T | undefined>,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const deadline = runtime.clock() + lease.ms;
  for (;;) {
    const brought = await acquired(runtime, lease, deadline, found);
    if (brought !== undefined) return brought;
    try {
      return await kept(runtime, lease, work);
    } catch (cause) {
      if (!(cause instanceof LeaseLost)) throw cause;
      if (runtime.clock() > deadline) throw new JackfieldError("provider_timeout", { detail: lease.late, cause });
    } finally {
      await runtime.store.leases.release(lease.key, lease.owner).catch(warn(runtime, lease, "a lease could not be released"));
    }
  }
}

/** Waits for the lease, ever more patiently. Gives what somebody else has brought meanwhile, or undefined once the lease is there. */
async function acquired<T>(
  runtime: Runtime,
  { key, owner, ms, late }: Lease,
  deadline: number,
  found: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let pause = shortestPause; ; pause = Math.min(2 * pause, longestPause)) {
    if (await runtime.store.leases.acquire(key, owner, runtime.clock(), runtime.clock() + ms)) return undefined;
    const brought = await found();
    if (brought !== undefined) return brought;
    if (runtime.clock() > deadline) throw new JackfieldError("provider_timeout", { detail: late });
    await runtime.sleep(pause / 2 + (runtime.random(1).readUInt8(0) / 0xff) * (pause / 2));
  }
}

/** Does the work while the lease is renewed. */
async function kept<T>(runtime: Runtime, lease: Lease, work: (held: Held) => Promise<T>): Promise<T> {
  const { key, owner, ms } = lease;
  let until = performance.now() + ms;
  const renew = async () => {
    const asked = performance.now();
    if (await runtime.store.leases.renew(key, owner, runtime.clock() + ms)) until = asked + ms;
    else until = 0;
  };
  const renewal = setInterval(() => void renew().catch(warn(runtime, lease, "a lease could not be renewed")), ms / 3).unref();
  const check = () => {
    if (performance.now() >= until) throw new LeaseLost();
  };
  try {
    return await work({ check });
  } finally {
    clearInterval(renewal);
  }
}

const warn =
  (runtime: Runtime, { key }: Lease, message: string) =>
  (cause: unknown) =>
    runtime.log("warn", message, { key, cause });
