// @ts-check
/*
 * What a million stored connections cost: bytes for each, the time of a sweep that finds few of them due, the memory of a process that
 * works on them, and its start. Each against the same with few stored.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createEngine } from "@jackfield/engine";
import { openSharedStore, openStore } from "@jackfield/server";
import { benchConnectors, environment, temporary } from "./stage/connections.mjs";
import { manyInFile, manyInMongo, setDue } from "./stage/many.mjs";
import { end, now, residentBytes, startProduct, untilReady } from "./stage/processes.mjs";
import { databaseUrl, startService } from "./stage/servers.mjs";

/** @typedef {import("@jackfield/engine").Store} Store */

const few = 1000;
const sweeps = 9;
const everyMs = 30_000;

/** What takes its time says so. @param {string} what */
const tell = (what) => console.error(`million: ${what} …`);

/** No token endpoint is asked: nothing of this is refreshed. */
const connectors = benchConnectors("http://127.0.0.1:9");

/**
 * The middle of the times, in milliseconds, that the engine takes to sweep a store, and how many jobs it puts.
 * @param {Store} store
 */
async function sweepOf(store) {
  let moved = 0;
  let put = 0;
  /** @type {() => Promise<void>} */
  let sweep = async () => {};
  const key = randomBytes(32);
  const engine = createEngine({
    connectors: { get: () => undefined, list: () => [], kept: () => undefined, keep: async () => {} },
    store,
    queue: {
      async put() {
        put += 1;
      },
      remove: async () => {},
      work() {},
      waiting: async () => ({ refresh: 0, test: 0, remind: 0, revoke: 0, device: 0, deliver: 0 }),
      close: async () => {},
    },
    keys: { active: "k", get: () => key },
    platform: { url: "http://127.0.0.1:9" },
    egress: { allowPrivate: [] },
    log: () => {},
    clock: () => Date.now() + moved,
    repeat(_ms, work) {
      sweep = work;
      return () => {};
    },
  });
  await engine.start();
  const times = [];
  for (let round = 0; round < sweeps; round += 1) {
    moved += everyMs;
    put = 0;
    const began = now();
    await sweep();
    times.push(now() - began);
  }
  await engine.stop();
  return { time: times.toSorted((a, b) => a - b)[Math.floor(sweeps / 2)] ?? 0, put };
}

/** A file of so many connections in a data folder of its own. @param {number} count */
async function file(count) {
  const folder = join(temporary(), "data");
  mkdirSync(folder, { mode: 0o700 });
  const path = join(folder, "jackfield.db");
  tell(`storing ${count.toLocaleString("en")} connections in a file`);
  await manyInFile(path, connectors, count);
  return { folder, path, bytes: statSync(path).size };
}

/** How long the product takes until it is ready, and the memory that it then has. @param {string} folder */
async function started(folder) {
  const began = now();
  const product = startProduct([], { ...environment(connectors), DATA_DIR: folder });
  await untilReady(product);
  const took = now() - began;
  const bytes = residentBytes(product.child) ?? Number.NaN;
  await end(product.child);
  return { took, bytes };
}

/** @param {number} bytes */
const mb = (bytes) => (bytes / 1e6).toFixed(0);

/** @param {number} count @returns {Promise<import("./run.mjs").Result[]>} */
async function inOneFile(count) {
  const [small, large] = [await file(few), await file(count)];
  tell("starting the product over each file");
  const [calm, busy] = [await started(small.folder), await started(large.folder)];
  const many = count.toLocaleString("en");
  const stored = `${few.toLocaleString("en")} stored`;
  /** @type {import("./run.mjs").Result[]} */
  const results = [
    {
      ...{ what: `${many} connections, SQLite: bytes of each`, ratio: large.bytes / count / 1024, against: "1 KiB" },
      figures: `${(large.bytes / count).toFixed(0)} B`,
    },
    {
      ...{ what: `${many} connections, SQLite: memory`, ratio: busy.bytes / calm.bytes, against: stored, budget: 1.25 },
      figures: `${mb(busy.bytes)} : ${mb(calm.bytes)} MB`,
    },
    {
      ...{ what: `${many} connections, SQLite: start`, ratio: busy.took / calm.took, against: stored },
      figures: `${busy.took.toFixed(0)} : ${calm.took.toFixed(0)} ms`,
    },
  ];
  const both = [openStore(small.path), openStore(large.path)];
  for (const due of [0, 100, 5_000]) results.push(await sweepRow(`${many} connections, SQLite`, both, count, due));
  for (const store of both) await store.close();
  return results;
}

/**
 * The sweep of a large store against that of a small one, of each of which as many are due.
 * @param {string} what
 * @param {readonly [Store, Store] | readonly Store[]} stores the small one first
 * @param {number} count how many are in the large one
 * @param {number} due
 * @returns {Promise<import("./run.mjs").Result>}
 */
async function sweepRow(what, [small, large], count, due) {
  if (small === undefined || large === undefined) throw new Error("There are two stores.");
  // Of few connections no more than all can be due: each has then its share.
  const least = Math.min(few, count);
  const [few_due, many_due] = [Math.min(due, least), Math.min(due, count)];
  tell(`sweeping with ${many_due.toLocaleString("en")} of them due`);
  await setDue(small, few_due, least);
  await setDue(large, many_due, count);
  const [calm, busy] = [await sweepOf(small), await sweepOf(large)];
  if (calm.put !== few_due || busy.put !== many_due) throw new Error(`The sweep put ${busy.put} jobs instead of ${many_due}.`);
  const share = Math.max(1, many_due / Math.max(1, few_due));
  return {
    ...{ what: `${what}: sweep, ${many_due.toLocaleString("en")} due`, ratio: busy.time / (calm.time * share) },
    ...{ against: `${few.toLocaleString("en")} stored${share > 1 ? `, ${share.toFixed(0)} times` : ""}`, budget: 3 },
    figures: `${busy.time.toFixed(1)} : ${(calm.time * share).toFixed(1)} ms`,
  };
}

/**
 * The same on a MongoDB-compatible server, which takes longer to be filled. FerretDB reads a whole collection whatever an index leads to:
 * what its sweep costs is shown, and judged only of a server that uses them.
 * @param {number} count
 * @returns {Promise<import("./run.mjs").Result[]>}
 */
async function inMongo(count) {
  const service = await startService("mongodb");
  if (service === undefined) return [];
  const small = Math.min(few, count);
  tell(`storing ${count.toLocaleString("en")} connections in ${service.title}`);
  const urls = ["few", "many"].map((name) => databaseUrl(service, name));
  const [, bytes] = [
    await manyInMongo(`${urls[0]}`, connectors, small),
    (await manyInMongo(`${urls[1]}`, connectors, count)) / count,
  ];
  const stores = await Promise.all(urls.map(openSharedStore));
  const many = `${count.toLocaleString("en")} connections, ${service.title}`;
  const results = [
    { what: `${many}: bytes of each`, ratio: bytes / 1024, against: "1 KiB", figures: `${bytes.toFixed(0)} B` },
    await sweepRow(many, stores, count, 0),
    await sweepRow(many, stores, count, 100),
  ].map(({ budget, ...result }) => (service.title === "FerretDB" || budget === undefined ? result : { ...result, budget }));
  for (const store of stores) await store.close();
  await end(service.child);
  return results;
}

/** @type {import("./run.mjs").Measure} */
export async function measure(count) {
  const results = [...(await inOneFile(1000 * count)), ...(await inMongo(2 * count))];
  return results.filter(({ ratio }) => !Number.isNaN(ratio));
}
