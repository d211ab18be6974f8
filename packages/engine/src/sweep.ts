import type { Runtime } from "./runtime.ts";

/** How often the store is asked what is due. */
const everyMs = 30_000;

/** Jobs further ahead than this stay in the store only, so that the queue does not grow with the number of connections. */
const aheadMs = 2 * everyMs;
const batch = 1_000;

/**
 * Finds every connection whose refresh is due soon and puts its job, whether or not the queue has it already: the store is the truth, and
 * a queue that lost everything is filled again. Runs once at the start and then regularly.
 */
export function createSweep(runtime: Runtime, alsoDo: () => Promise<void>): { start(): Promise<void>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const sweep = async (): Promise<void> => {
    const until = new Date(runtime.clock() + aheadMs).toISOString();
    for (const { id, refresh_at } of await runtime.store.connections.due(until, batch)) {
      await runtime.queue.put({ kind: "refresh", id, due: Date.parse(refresh_at) });
    }
    await alsoDo();
  };
  const again = (): void => {
    sweep().catch((cause: unknown) => runtime.log("error", "the sweep failed and will run again", { cause }));
  };
  return {
    async start() {
      await sweep();
      timer = setInterval(again, everyMs).unref();
    },
    stop: () => clearInterval(timer),
  };
}
