import type { Job, JobKind } from "./queue.ts";
import type { Runtime } from "./runtime.ts";

/** Puts a job. That a queue does not take it is no failure: the store knows when it is due, and the sweep finds it. */
export async function putJob(runtime: Pick<Runtime, "queue" | "log">, job: Job): Promise<void> {
  await runtime.queue.put(job).catch((cause: unknown) => runtime.log("warn", "a job could not be queued", { ...job, cause }));
}

/** Takes a job out. One that stays finds that nothing is to be done. */
export async function dropJob(runtime: Pick<Runtime, "queue" | "log">, kind: JobKind, id: string): Promise<void> {
  await runtime.queue
    .remove(kind, id)
    .catch((cause: unknown) => runtime.log("warn", "a job could not be removed", { kind, id, cause }));
}
