// @ts-check
/*
 * A worker of BullMQ whose jobs do nothing: what carrying a job costs.
 */
import { Worker } from "bullmq";
import { given, now, serve } from "./processes.mjs";

const { url, name, concurrency } = given();
const { hostname: host, port } = new URL(url);
/** @type {number[]} */
const times = [];
const worker = new Worker(name, async () => void times.push(now()), {
  connection: { host, port: Number(port), maxRetriesPerRequest: null },
  concurrency,
});
await worker.waitUntilReady();
serve(true, times);
