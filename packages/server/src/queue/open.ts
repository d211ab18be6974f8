import { randomBytes } from "node:crypto";
import type { Queue } from "@jackfield/engine";
import type { Config } from "../config.ts";
import { awaitQueue, type Waiting } from "../dependencies.ts";
import type { HostStore } from "../store/port.ts";
import type { RemoteQueue } from "./bullmq.ts";
import { createInProcessQueue } from "./in-process.ts";

export type OpenQueue = Queue & Partial<Pick<RemoteQueue, "ping">>;

/** All processes of a deployment, and no others, use the same names in a Redis: the store gave them one. */
export async function openQueue(
  { redisUrl }: Config,
  store: HostStore,
  clock: () => number,
  waiting: Waiting,
): Promise<OpenQueue> {
  if (redisUrl === undefined) return createInProcessQueue({ log: waiting.log, clock });
  const deployment = await store.notes.add("deployment", "id", randomBytes(9).toString("hex"));
  return awaitQueue(redisUrl, { prefix: `jackfield:${deployment}`, clock }, waiting);
}
