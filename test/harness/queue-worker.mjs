// @ts-check
/*
 * A process that works the queue in a Redis, for tests that kill it: says which job begins, and never ends one.
 * Usage: node queue-worker.mjs URL PREFIX
 */
/** @param {string} name @returns {Promise<any>} */
const load = (name) => import(new URL(`../../packages/server/dist/queue/${name}.js`, import.meta.url).href);
const [{ askRedis }, { openBullmqQueue }] = await Promise.all([load("redis"), load("bullmq")]);
const [url = "", prefix = ""] = process.argv.slice(2);

const queue = await openBullmqQueue({ url, prefix, facts: await askRedis(url), log: () => {}, clock: Date.now });
queue.work("refresh", { concurrency: 4 }, (/** @type {string} */ id) => {
  process.stdout.write(`began ${id}\n`);
  return new Promise(() => {});
});
process.stdout.write("ready\n");
