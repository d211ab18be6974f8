import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

/** Longer than a request to a provider may take, so that a lease outlives the call that it protects. */
const leaseMs = 60_000;
const renewEveryMs = 20_000;
const pollMs = 100;

export interface Lease {
  readonly key: string;
  /** Who holds it. */
  readonly owner: string;
  /** What is said to who has waited in vain. */
  readonly late: string;
}

/**
 * Does work of which at most one of a kind is to be under way anywhere. Whoever has to wait, and whoever comes in, takes what `found` gives,
 * if the one before has brought it. Throws `provider_timeout`, and what the two throw.
 */
export async function underLease<T>(
  runtime: Runtime,
  { key, owner, late }: Lease,
  found: () => Promise<T | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const { leases } = runtime.store;
  const deadline = runtime.clock() + leaseMs;
  while (!(await leases.acquire(key, owner, runtime.clock(), runtime.clock() + leaseMs))) {
    const brought = await found();
    if (brought !== undefined) return brought;
    if (runtime.clock() > deadline) throw new JackfieldError("provider_timeout", { detail: late });
    await runtime.sleep(pollMs);
  }
  const warn = (message: string) => (cause: unknown) => runtime.log("warn", message, { key, cause });
  const renewal = setInterval(() => {
    leases.renew(key, owner, runtime.clock() + leaseMs).catch(warn("a lease could not be renewed"));
  }, renewEveryMs).unref();
  try {
    return (await found()) ?? (await work());
  } finally {
    clearInterval(renewal);
    await leases.release(key, owner).catch(warn("a lease could not be released"));
  }
}
