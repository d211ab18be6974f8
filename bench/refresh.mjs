// @ts-check
/*
 * How fast connections become fresh whose refreshes are overdue, all at once, with the provider in a process of its own: against BullMQ
 * running empty jobs, and against the bare token request, each with as many at a time. In both shapes of the product.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openSharedStore, openStore } from "@jackfield/server";
import { Queue } from "bullmq";
import { MongoClient } from "mongodb";
import { benchConnectors, environment, fill, idOf, inParallel, temporary } from "./stage/connections.mjs";
import { end, measured, now, startPart, startProduct } from "./stage/processes.mjs";
import { databaseUrl, startService } from "./stage/servers.mjs";

/** How many refreshes a worker has under way: the engine's own number. */
const concurrency = 32;

/** How many processes the work is shared by; each has its start to make up for. */
const fleets = [1, 2, 4];
const leastEach = 50;

const overdue = 60_000;

/** @typedef {{ rate: number, processor: number }} Speed things a second, and milliseconds of processor time for each */

/** @param {number} count @param {string} redis @param {number} workers @returns {Promise<Speed>} */
async function emptyJobs(count, redis, workers) {
  const name = `{empty-${workers}}`;
  const { hostname: host, port } = new URL(redis);
  const queue = new Queue(name, { connection: { host, port: Number(port) } });
  const job = { name: "empty", data: { id: idOf(0) }, opts: { removeOnComplete: true, removeOnFail: true } };
  await queue.addBulk(Array.from({ length: count }, () => job));
  const options = { url: redis, name, concurrency };
  const parts = await Promise.all(Array.from({ length: workers }, () => startPart("empty-jobs", options)));
  const children = parts.map(({ child }) => child);
  const speed = await measured(children, count, children);
  await Promise.all(children.map(end));
  await queue.close();
  return speed;
}

/** @param {number} count @returns {Promise<Speed>} */
async function tokenPosts(count) {
  const provider = await startPart("provider", {});
  const url = `http://127.0.0.1:${provider.said}/token`;
  const { child } = await startPart("token-posts", { url, count, concurrency });
  const speed = await measured([child], count, [child]);
  await Promise.all([child, provider.child].map(end));
  return speed;
}

/**
 * Fills a store, lets processes of the product refresh everything in it, and looks whether they did.
 * @param {number} count
 * @param {{ env: Readonly<Record<string, string>>, args: readonly string[], workers: number, open: () => Promise<import("@jackfield/server").HostStore> }} shape
 * @returns {Promise<Speed>}
 */
async function refreshes(count, { env, args, workers, open }) {
  const provider = await startPart("provider", {});
  const connectors = benchConnectors(`http://127.0.0.1:${provider.said}`);
  const before = await open();
  await fill(before, connectors, { count, due: Date.now() - overdue });
  await before.close();
  const common = { ...environment(connectors), ...env };
  const products = Array.from({ length: workers }, () => startProduct(args, { DATA_DIR: join(temporary(), "data"), ...common }));
  const children = products.map(({ child }) => child);
  const said = () => products.map(({ output }) => output()).join("\n");
  const speed = await measured([provider.child], count, children, said);
  // What the last of them have asked for must reach them.
  await Promise.all(children.map(end));
  await end(provider.child);
  const after = await open();
  await allFresh(after, count);
  await after.close();
  return speed;
}

/** Each once, and none was lost. @param {import("@jackfield/engine").Store} store @param {number} count */
async function allFresh(store, count) {
  await inParallel(count, async (number) => {
    const record = await store.connections.get(idOf(number));
    if (record?.credential_version !== 2 || record.status !== "connected")
      throw new Error(`A connection was not refreshed once: ${JSON.stringify({ ...record, sealed_credential: "" })}`);
  });
}

/** One process, everything in one file. @param {number} count */
function embedded(count) {
  const folder = join(temporary(), "data");
  mkdirSync(folder, { mode: 0o700 });
  const open = async () => openStore(join(folder, "jackfield.db"));
  return refreshes(count, { env: { DATA_DIR: folder }, args: [], workers: 1, open });
}

/** Workers that share a store and a queue; each time another database. @param {number} count @param {{ url: string }} mongodb @param {string} redis @param {number} workers */
function fleet(count, mongodb, redis, workers) {
  const url = databaseUrl(mongodb, `bench-${workers}`);
  const env = { MONGODB_URL: url, REDIS_URL: `${redis}/${workers}`, PUBLIC_URL: "http://127.0.0.1:9" };
  return refreshes(count, { env, args: ["--worker"], workers, open: () => openSharedStore(url) });
}

/** Commits of one record a second through the embedded store. @param {number} count */
async function embeddedWrites(count) {
  const store = openStore(join(temporary(), "jackfield.db"));
  await fill(store, benchConnectors("http://127.0.0.1:9"), { count: concurrency, due: Date.now() });
  const began = now();
  await inParallel(count, (number) => store.connections.update(idOf(number % concurrency), { description: `${number}` }));
  const rate = (count * 1000) / (now() - began);
  await store.close();
  return rate;
}

/** Updates of one small document a second, by its id, through the driver alone. @param {number} count @param {string} mongodb */
async function bareUpdates(count, mongodb) {
  const client = await new MongoClient(mongodb).connect();
  /** @type {import("mongodb").Collection<{ _id: number, value: number }>} */
  const documents = client.db().collection("things");
  await documents.insertMany(Array.from({ length: concurrency }, (_, number) => ({ _id: number, value: 0 })));
  const began = now();
  await inParallel(count, (number) => documents.updateOne({ _id: number % concurrency }, { $set: { value: number } }));
  const rate = (count * 1000) / (now() - began);
  await client.close();
  return rate;
}

/** @param {string} what @param {number} own @param {string} against @param {number} other both things a second @param {number} [budget] @returns {import("./run.mjs").Result} */
const slower = (what, own, against, other, budget) => ({
  ...{ what, ratio: other / own, against, figures: `${own.toFixed(0)} : ${other.toFixed(0)} /s` },
  ...(budget === undefined ? {} : { budget }),
});

/** @type {import("./run.mjs").Measure} */
export async function measure(count) {
  const redis = await startService("redis");
  if (redis === undefined) throw new Error("There is no Redis here: `npm test` installs one.");
  const [jobs, posts] = [await emptyJobs(5 * count, redis.url, 1), await tokenPosts(5 * count)];
  const one = await embedded(2 * count);
  const writes = await embeddedWrites(2 * count);
  const what = "refreshes, embedded";
  const results = [
    slower(what, one.rate, "BullMQ's empty jobs", jobs.rate, 2),
    slower(what, one.rate, "bare token requests", posts.rate),
    slower(what, one.rate, "writes of the store alone", writes),
    {
      ...{ what: `${what}: processor time`, ratio: one.processor / jobs.processor, against: "BullMQ's empty jobs" },
      figures: `${one.processor.toFixed(2)} : ${jobs.processor.toFixed(2)} ms`,
    },
    ...(await inFleets(count, redis.url, { jobs, posts })),
  ];
  await end(redis.child);
  return results.filter(({ ratio }) => !Number.isNaN(ratio));
}

/** @param {number} count @param {string} redis @param {{ jobs: Speed, posts: Speed }} bare what one process does @returns {Promise<import("./run.mjs").Result[]>} */
async function inFleets(count, redis, { jobs, posts }) {
  const mongodb = await startService("mongodb");
  if (mongodb === undefined) return [];
  const updates = await bareUpdates(count, databaseUrl(mongodb, "bare"));
  const results = [];
  const half = Math.ceil(count / 2);
  for (const workers of fleets.filter((number) => number === 1 || half >= number * leastEach)) {
    const { rate } = await fleet(half, mongodb, redis, workers);
    const other = workers === 1 ? jobs : await emptyJobs(5 * count, redis, workers);
    const what = `refreshes, ${workers} ${workers === 1 ? "worker" : "workers"}, ${mongodb.title}`;
    // A store that is itself slower than the queue says nothing about the product.
    const budget = updates > 4 * other.rate ? 2 : undefined;
    results.push(
      slower(what, rate, `BullMQ's empty jobs, ${workers}`, other.rate, budget),
      slower(what, rate, "bare token requests", posts.rate),
      slower(what, rate, "updates of the store alone", updates),
    );
  }
  await end(mongodb.child);
  return results;
}
