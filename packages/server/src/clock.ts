import type { Log, Store } from "@jackfield/engine";

/*
 * Processes that share a store go by its clock: one whose own is some minutes off would otherwise take over leases that are held, and use
 * tokens that have ended.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  stop(): void;
}

const everyMs = 60_000;
const samples = 3;

/** From here on a difference is told: leases and tokens allow for less. */
const worthTelling = 1_000;

/** The store's clock, measured now and every minute. Rejects when the store does not answer now; later it keeps what it knew. */
export async function followClock(store: Pick<Store, "time">, own: () => number, log: Log): Promise<Clock> {
  let offset = 0;
  let told = 0;
  const measure = async () => {
    offset = await measured(store, own);
    if (Math.abs(offset) < worthTelling || Math.abs(offset - told) < worthTelling) return;
    told = offset;
    log("warn", "the clock of this machine differs from the store's, which counts: set it by a time server", {
      offset_ms: offset,
    });
  };
  await measure();
  const again = () => measure().catch((cause: unknown) => log("debug", "the store did not tell its time", { cause }));
  const timer = setInterval(again, everyMs).unref();
  return { now: () => own() + offset, stop: () => clearInterval(timer) };
}

/** How far the store's clock is ahead, by the quickest of some answers: that one leaves the least room for error. */
async function measured(store: Pick<Store, "time">, own: () => number): Promise<number> {
  let best = { took: Number.POSITIVE_INFINITY, offset: 0 };
  for (let sample = 0; sample < samples; sample += 1) {
    const before = own();
    const theirs = await store.time();
    const after = own();
    if (after - before < best.took) best = { took: after - before, offset: Math.round(theirs - (before + after) / 2) };
  }
  return best.offset;
}
