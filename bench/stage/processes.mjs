// @ts-check
/*
 * Processes of the bench: each part that is measured, or that something is measured against, runs in one of its own. What they saw is
 * told as times of one clock, so that all rates are counted in the same way.
 */
import { fork, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

const stage = fileURLToPath(new URL(".", import.meta.url));
const jackfield = fileURLToPath(new URL("../../packages/cli/bin/jackfield.js", import.meta.url));

/** How long nothing at all may happen. */
const patienceMs = 60_000;

/** Milliseconds by the machine's clock, the same in all processes, finer than whole ones. */
export const now = () => performance.timeOrigin + performance.now();

/**
 * A file of this folder as a process, once it has said that it is ready; `said` is what it said.
 * @param {string} name
 * @param {Record<string, unknown>} options what it works with
 */
export async function startPart(name, options) {
  const child = fork(join(stage, `${name}.mjs`), [JSON.stringify(options)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const said = await next(child);
  return { child, said };
}

/** What `startPart` gave. */
export const given = () => JSON.parse(process.argv[2] ?? "{}");

/** Says that this part is ready, tells whoever started it of `times`, and ends with it. @param {unknown} said @param {readonly number[]} times */
export function serve(said, times) {
  process.on("message", (question) => process.send?.(question === "count" ? times.length : times));
  process.on("disconnect", () => process.exit());
  process.send?.(said);
}

/** @param {ChildProcess} child @returns {Promise<any>} */
function next(child) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`A process of the bench ended: ${child.spawnargs.join(" ")}`));
    child.once("exit", gone);
    child.once("message", (message) => {
      child.off("exit", gone);
      resolve(message);
    });
  });
}

/** @param {ChildProcess} child @param {"count" | "times"} question */
function ask(child, question) {
  const answer = next(child);
  child.send(question);
  return answer;
}

/**
 * Waits until the parts have seen `count` things together. Gives how many a second they were, and how many milliseconds of processor time
 * each took of `workers`, where the system tells. Throws when nothing happens for a minute.
 * @param {readonly ChildProcess[]} parts
 * @param {number} count
 * @param {readonly ChildProcess[]} workers
 * @param {() => string} [why] what is known of a failure
 */
export async function measured(parts, count, workers, why = () => "") {
  /** @type {{ sum: number, processor: number }[]} */
  const samples = [];
  for (let since = now(); ; await sleep(50)) {
    const counts = await Promise.all(parts.map((part) => ask(part, "count")));
    const sum = counts.reduce((one, other) => one + other, 0);
    const processor = workers.map(processorMs).reduce((one, other) => one + other, 0);
    if (sum > (samples.at(-1)?.sum ?? -1)) since = now();
    samples.push({ sum, processor });
    if (sum >= count) break;
    if (now() - since > patienceMs || workers.some(isGone))
      throw new Error(`Only ${sum} of ${count} things have happened.\n${why()}`);
  }
  const times = (await Promise.all(parts.map((part) => ask(part, "times")))).flat();
  return { rate: rateOf(times), processor: perThing(samples, count) };
}

/** How many a second, without the first and the last tenth: what takes its time to begin and to end is not what is measured. @param {readonly number[]} times */
function rateOf(times) {
  const sorted = times.toSorted((one, other) => one - other);
  const edge = Math.floor(sorted.length / 10);
  const first = sorted[edge] ?? 0;
  const last = sorted[sorted.length - 1 - edge] ?? 0;
  return ((sorted.length - 1 - 2 * edge) * 1000) / (last - first);
}

/** From the first tenth on. @param {readonly { sum: number, processor: number }[]} samples @param {number} count */
function perThing(samples, count) {
  const first = samples.find(({ sum }) => sum >= count / 10);
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.sum === first.sum) return Number.NaN;
  return (last.processor - first.processor) / (last.sum - first.sum);
}

/** Processor time of a process until now; NaN where the system does not tell. @param {ChildProcess} child */
function processorMs({ pid }) {
  try {
    // The name of the program, in brackets, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/**
 * The built product. Gives its process as soon as it runs.
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} env
 */
export function startProduct(args, env) {
  const child = spawn(process.execPath, [jackfield, "start", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, PORT: "0", ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32", SANDBOX: "off", LOG_LEVEL: "warn", ...env },
  });
  endWithUs(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  return { child, output: () => output };
}

/** Waits for what it prints when it is ready. @param {ReturnType<typeof startProduct>} product */
export async function untilReady({ child, output }) {
  for (const began = now(); !/^ready in /m.test(output()); await sleep(20)) {
    if (isGone(child) || now() - began > patienceMs * 5) throw new Error(`The product did not start:\n${output()}`);
  }
}

/** @type {Set<ChildProcess>} */
const children = new Set();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** A process that does not outlive this one. @param {ChildProcess} child */
export function endWithUs(child) {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** @param {ChildProcess} child */
const isGone = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;

/** Ends a process in order, and waits until it is gone. @param {ChildProcess} child */
export async function end(child) {
  if (isGone(child)) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

/** Bytes that a process holds in memory; undefined where the system does not tell. @param {ChildProcess} child */
export function residentBytes({ pid }) {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return undefined;
  }
}
