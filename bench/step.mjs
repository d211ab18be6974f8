// @ts-check
/*
 * What a step costs: calls of an API over HTTP, made by callers in a process of their own, (a) directly, (b) through a bare express and
 * undici, (c) through the proxy route, (d) as an action with input and output of an OAuth connection, and (e) through a flow of Node-RED.
 * All answers come from one upstream in a process of its own. In both shapes of the product, with its log and its events on.
 */
import { mkdirSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { openSharedStore, openStore } from "@jackfield/server";
import { benchConnectors, environment, fill, idOf, temporary } from "./stage/connections.mjs";
import { startNodeRed } from "./stage/node-red.mjs";
import { end, residentBytes, startPart, startProduct, untilReady } from "./stage/processes.mjs";
import { databaseUrl, startService } from "./stage/servers.mjs";

/** @typedef {import("./stage/load.mjs").Load} Load */
/** @typedef {import("./stage/load.mjs").Target} Target */
/** @typedef {import("./run.mjs").Result} Result */

const sizes = [1_000, 100_000];
const fleets = [1, 16, 64];

/** The least that the proxy route and an action reach of what the bare pass-through does, with 64 callers and small answers. */
const targets = { proxy: 0.7, action: 0.5 };
/** Milliseconds that an action may add to the pass-through's, for one caller. */
const addedMs = 1;
const streamedMemory = 60 << 20;

/** Whether the embedded shape is measured alone, without the servers of the other one and without a peer. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: the measurements are no task of turbo.
const isAlone = process.env.BENCH_ALONE === "on";

const adminKey = "bench-admin-key-0123456789abcdef";
const token = "at-".padEnd(64, "0123456789abcdef");

const actions = `actions:
  list_items:
    title: List items
    input:
      size: { type: number, required: true, label: Bytes }
      note: { label: Note, default: none }
    request: { path: "/json/{{ input.size }}", query: { note: "{{ input.note }}" } }
    output: body.items
`;

/** @param {import("node:child_process").ChildProcess} child @param {unknown} what @returns {Promise<any>} */
function ask(child, what) {
  return new Promise((resolve, reject) => {
    child.once("message", (/** @type {any} */ answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer)));
    child.send(/** @type {any} */ (what));
  });
}

/** Adds what the measurement calls. @param {string} upstream */
const connectorsFor = (upstream) => benchConnectors(upstream).map((one) => ({ ...one, text: one.text + actions }));

/**
 * The product in one of its shapes, with one connection.
 * @param {string} upstream
 * @param {{ env: Record<string, string>, args: readonly string[], open: () => Promise<import("@jackfield/server").HostStore> }} shape
 */
async function startShape(upstream, { env, args, open }) {
  const connectors = connectorsFor(upstream);
  const store = await open();
  await fill(store, connectors, { count: 1, due: Date.now() + 86_400_000 });
  await store.close();
  const common = { DATA_DIR: join(temporary(), "data"), ADMIN_API_KEY: adminKey, LOG_LEVEL: "info", ...environment(connectors) };
  const product = startProduct(args, { ...common, ...env });
  await untilReady(product);
  const port = /"port":(\d+),"msg":"listening"/.exec(product.output())?.[1];
  return { child: product.child, url: `http://127.0.0.1:${port}/v1/connections/${idOf(0)}` };
}

/** @param {string} upstream */
function startEmbedded(upstream) {
  const folder = join(temporary(), "data");
  mkdirSync(folder, { mode: 0o700 });
  const open = async () => openStore(join(folder, "jackfield.db"));
  return startShape(upstream, { env: { DATA_DIR: folder }, args: [], open });
}

/** @param {string} upstream @param {{ url: string }} mongodb @param {string} redis */
function startScaledOut(upstream, mongodb, redis) {
  const url = databaseUrl(mongodb, "bench-step");
  const env = { MONGODB_URL: url, REDIS_URL: redis, PUBLIC_URL: "http://127.0.0.1:9" };
  return startShape(upstream, { env, args: ["--server"], open: () => openSharedStore(url) });
}

const authorized = { authorization: `Bearer ${adminKey}` };

/** The ways to the same answer. @param {string} of the shape @param {string} url @returns {Record<string, (size: number) => Target>} */
const waysThrough = (of, url) => ({
  [`(c) proxy route, ${of}`]: (size) => ({ url: `${url}/proxy/json/${size}`, headers: authorized }),
  [`(d) action, ${of}`]: (size) => ({
    url: `${url}/actions/list_items`,
    method: "POST",
    headers: { ...authorized, "content-type": "application/json" },
    body: JSON.stringify({ input: { size, note: "one" } }),
  }),
});

/**
 * Every way, one after another for each size and number of callers, so that they meet the same machine.
 * @param {import("node:child_process").ChildProcess} load
 * @param {Record<string, (size: number) => Target>} ways
 * @param {number} count
 */
async function measureAll(load, ways, count) {
  /** @type {{ way: string, size: number, callers: number, load: Load }[]} */
  const found = [];
  for (const size of sizes)
    for (const callers of fleets)
      for (const [way, target] of Object.entries(ways)) {
        const many = Math.max(callers * 2, Math.round((callers === 1 ? 0.5 : 2) * count * (size > 10_000 ? 0.25 : 1)));
        found.push({ way, size, callers, load: await ask(load, { target: target(size), callers, count: many }) });
      }
  return found;
}

const isBare = (/** @type {string} */ way) => way.startsWith("(b)");

/** @param {Awaited<ReturnType<typeof measureAll>>} found @returns {Result[]} */
function ratios(found) {
  return found
    .filter(({ way }) => !isBare(way))
    .map(({ way, size, callers, load }) => {
      const bare = found.find((one) => isBare(one.way) && one.size === size && one.callers === callers)?.load ?? load;
      const wanted = size === sizes[0] && callers === 64 ? budgetOf(way) : {};
      return {
        what: `${way}, ${size / 1000} KB, ${callers} callers`,
        ratio: bare.rate / load.rate,
        against: "(b) express and undici",
        ...wanted,
        figures: `${load.rate.toFixed(0)} : ${bare.rate.toFixed(0)} /s; p50 ${load.p50.toFixed(2)} : ${bare.p50.toFixed(2)} ms; p99 ${load.p99.toFixed(2)} : ${bare.p99.toFixed(2)} ms`,
      };
    });
}

/** @param {string} way @returns {{ budget?: number }} */
function budgetOf(way) {
  if (!way.endsWith("embedded")) return {};
  return { budget: 1 / (way.startsWith("(c)") ? targets.proxy : targets.action) };
}

/** What one caller waits longer for an action than through the bare pass-through. @param {Awaited<ReturnType<typeof measureAll>>} found @returns {Result[]} */
function added(found) {
  const alone = found.filter(({ size, callers }) => size === sizes[0] && callers === 1);
  const bare = alone.find(({ way }) => isBare(way))?.load.p50 ?? Number.NaN;
  return alone
    .filter(({ way }) => way.startsWith("(d)"))
    .map(({ way, load }) => ({
      what: `${way}: added at p50, 1 caller`,
      ratio: (load.p50 - bare) / addedMs,
      against: `${addedMs} ms`,
      ...(way.endsWith("embedded") ? { budget: 1 } : {}),
      figures: `${(load.p50 - bare).toFixed(3)} ms`,
    }));
}

/** An action against a flow of Node-RED, where there is one. @param {Awaited<ReturnType<typeof measureAll>>} found @returns {Result[]} */
function againstPeer(found) {
  const at = (/** @type {string} */ letter) =>
    found.find(({ way, size, callers }) => way.startsWith(letter) && size === sizes[0] && callers === 64)?.load;
  const [own, peer] = [at("(d)"), at("(e)")];
  if (own === undefined || peer === undefined) return [];
  const figures = `${own.rate.toFixed(0)} : ${peer.rate.toFixed(0)} /s`;
  return [
    { what: "(d) action, embedded, 1 KB, 64 callers", ratio: peer.rate / own.rate, against: "(e) Node-RED", budget: 1, figures },
  ];
}

/** How much more memory a process holds at most while so many bytes go through it. @param {{ child: import("node:child_process").ChildProcess, url: string }} product @param {number} bytes @returns {Promise<Result[]>} */
async function streamed({ child, url }, bytes) {
  await pull(`${url}/proxy/stream/${16 << 20}`);
  const before = residentBytes(child);
  if (before === undefined) return [];
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes(child) ?? 0);
  }, 20);
  const began = performance.now();
  const size = await pull(`${url}/proxy/stream/${bytes}`);
  clearInterval(watch);
  if (size !== bytes) throw new Error(`Only ${size} of ${bytes} bytes came through.`);
  const seconds = (performance.now() - began) / 1000;
  const figures = `${((most - before) / 2 ** 20).toFixed(1)} MB more, of ${(before / 2 ** 20).toFixed(0)}; ${(bytes / seconds / 2 ** 20).toFixed(0)} MB/s`;
  return [
    {
      what: `(c) ${(bytes / 2 ** 20).toFixed(0)} MB streamed: memory`,
      ratio: (most - before) / streamedMemory,
      against: "60 MB",
      budget: 1,
      figures,
    },
  ];
}

/** @param {string} url @returns {Promise<number>} how many bytes came */
function pull(url) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers: authorized, agent: false }, (response) => {
      let size = 0;
      response.on("data", (/** @type {Buffer} */ chunk) => {
        size += chunk.length;
      });
      response.once("end", () => resolve(size));
      response.once("error", reject);
    });
    request.once("error", reject);
    request.end();
  });
}

/** @type {import("./run.mjs").Measure} */
export async function measure(count) {
  const { said: port, child: upstreamChild } = await startPart("upstream", {});
  const upstream = `http://127.0.0.1:${port}`;
  const { child: load } = await startPart("load", {});
  const bare = await startPart("pass-through", { upstream: `${upstream}/api`, token });
  const embedded = await startEmbedded(upstream);
  const [mongodb, redis] = isAlone ? [] : [await startService("mongodb"), await startService("redis")];
  const shared = mongodb === undefined || redis === undefined ? undefined : await startScaledOut(upstream, mongodb, redis.url);
  const nodeRed = isAlone ? undefined : await startNodeRed(`${upstream}/api`, token);
  const found = await measureAll(
    load,
    {
      "(a) undici alone": (size) => ({ url: `${upstream}/api/json/${size}`, headers: { authorization: `Bearer ${token}` } }),
      "(b) express and undici": (size) => ({ url: `http://127.0.0.1:${bare.said}/json/${size}` }),
      ...waysThrough("embedded", embedded.url),
      ...(shared === undefined ? {} : waysThrough(`on ${mongodb?.title} and Redis`, shared.url)),
      ...(nodeRed === undefined
        ? {}
        : { "(e) Node-RED": (/** @type {number} */ size) => ({ url: `${nodeRed.url}/pass?size=${size}` }) }),
    },
    count,
  );
  const results = [...ratios(found), ...added(found), ...againstPeer(found), ...(await streamed(embedded, count * 2 ** 20))];
  const parts = [load, upstreamChild, bare.child, embedded.child, shared?.child, nodeRed?.child, mongodb?.child, redis?.child];
  for (const child of parts) if (child !== undefined) await end(child);
  return results;
}
