import { duties } from "./connection/record.ts";
import type { Repeat } from "./repeat.ts";
import type { Runtime } from "./runtime.ts";

/** How often the store is asked what is due. */
const everyMs = 30_000;

/** Jobs further ahead than this stay in the store only, so that the queue does not grow with the number of connections. */
const aheadMs = 2 * everyMs;
const batch = 1_000;

/**
 * Finds every connection that something is due for soon, and every code for another device that is to be asked about, and puts its job,
 * whether or not the queue has it already: the store is the truth, and a queue that lost everything is filled again. Runs once at the
 * start and then regularly.
 */
export function createSweep(
  runtime: Runtime,
  repeat: Repeat,
  further: readonly (() => Promise<void>)[],
): { start(): Promise<void>; stop(): void } {
  let stop = (): void => {};
  const sweep = async (): Promise<void> => {
    await runtime.store.recover();
    const until = new Date(runtime.clock() + aheadMs).toISOString();
    for (const kind of duties) {
      for (const { id, at } of await runtime.store.connections.due(kind, until, batch)) {
        await runtime.queue.put({ kind, id, due: Date.parse(at) });
      }
    }
    for (const { id, at } of await runtime.store.flows.due(until, batch)) {
      await runtime.queue.put({ kind: "device", id, due: Date.parse(at) });
    }
    // None of them keeps the others from their work.
    for (const work of further) {
      await work().catch((cause: unknown) => runtime.log("error", "a part of the sweep failed and will run again", { cause }));
    }
  };
  const again = (): Promise<void> =>
    sweep().catch((cause: unknown) => runtime.log("error", "the sweep failed and will run again", { cause }));
  return {
    async start() {
      await sweep();
      stop = repeat(everyMs, again);
    },
    stop: () => stop(),
  };
}
