// @ts-check
/*
 * Callers that ask one after another, so many at once, over connections that are kept. It is told where, and tells how many answers a second
 * there were and how long they took.
 */
import { Agent, request as send } from "undici";

const now = () => performance.now();

/** @typedef {{ url: string, method?: "GET" | "POST", headers?: Record<string, string>, body?: string }} Target */
/** @typedef {{ rate: number, p50: number, p99: number }} Load answers a second, and milliseconds */

/**
 * @param {Target} target
 * @param {number} callers
 * @param {number} count
 * @returns {Promise<Load>}
 */
async function load({ url, method = "GET", headers = {}, body }, callers, count) {
  const dispatcher = new Agent({ connections: callers, pipelining: 1 });
  const ask = async () => {
    const answer = await send(url, { dispatcher, method, headers, ...(body === undefined ? {} : { body }) });
    const bytes = await answer.body.bytes();
    if (answer.statusCode !== 200)
      throw new Error(`${url} answered ${answer.statusCode}: ${Buffer.from(bytes).toString().slice(0, 300)}`);
  };
  /** @param {number} many @param {number[]} times */
  const run = async (many, times) => {
    let left = many;
    const one = async () => {
      while (left-- > 0) {
        const began = now();
        await ask();
        times.push(now() - began);
      }
    };
    await Promise.all(Array.from({ length: callers }, one));
  };
  // What is new is slow.
  await run(Math.max(callers, Math.ceil(count / 4)), []);
  /** @type {number[]} */
  const times = [];
  const began = now();
  await run(count, times);
  const rate = (count * 1000) / (now() - began);
  await dispatcher.close();
  times.sort((one, other) => one - other);
  const at = (/** @type {number} */ share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { rate, p50: at(0.5), p99: at(0.99) };
}

process.on("message", (/** @type {{ target: Target, callers: number, count: number }} */ { target, callers, count }) => {
  load(target, callers, count).then(
    (result) => process.send?.(result),
    (error) => process.send?.({ error: String(error?.stack ?? error) }),
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
