// @ts-check
/*
 * npm run fuzz [-- --runs N --seed N --workers N --only N]
 *
 * Compiles damaged manifests in processes of their own. Each must end in a connector or in problems, within a second of processor
 * time and within 500 MB. A process that crashes, or is silent for fifteen seconds, names the mutant that it died of, and another one
 * takes its place. `--only` judges one mutant and prints it. The exit status is 1 if anything was found.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compile, formatProblem } from "@jackfield/manifest";
import { manifestSchema } from "../../dist/json-schema.js";
import { fits } from "../../dist/quick-shape.js";
import { readThoroughly, readUsual } from "../../dist/source.js";
import { searchFindings } from "../../dist/validate.js";
import { judge } from "./judge.mjs";
import { basesBelow, manifestsBelow, mutant, mutantsOf } from "./mutants.mjs";

/** What is in use must fit into the heap, so that what is merely not yet collected does not count. */
const limits = { milliseconds: 1000, silence: 15_000, megabytes: 500, heap: 320 };
const own = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL("../../../..", import.meta.url));

const bases = basesBelow(root);

/** @type {import("./judge.mjs").Tools} */
const tools = {
  compile: (text, options) => compile(text, { ...options, bases }),
  formatProblem,
  readUsual,
  readThoroughly,
  fits: (data) => fits(manifestSchema, data),
  searchFindings,
};

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string" },
    workers: { type: "string", default: "2" },
    only: { type: "string" },
    work: { type: "boolean" },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);

/** @typedef {{ number: number, text: string }} Task */
/** @typedef {{ number: number, connector: boolean, milliseconds: number, peak: number, reason?: string }} Verdict `peak` in MB */

const peakMegabytes = () => process.resourceUsage().maxRSS / 1024;

/** @param {Task} task @returns {Verdict} */
function verdictOn({ number, text }) {
  try {
    return { number, ...judge(text, tools), peak: peakMegabytes() };
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
    return { number, connector: false, milliseconds: 0, peak: peakMegabytes(), reason };
  }
}

/** A process that judges what it is sent. */
function work() {
  // What is compiled once does not count for the first mutant.
  searchFindings({});
  process.on("message", (/** @type {Task} */ task) => void process.send?.(verdictOn(task)));
}

const total = { judged: 0, connectors: 0, failures: 0, peak: 0, slowest: { number: 0, milliseconds: 0 } };

/** @param {number} number @param {string} reason */
function report(number, reason) {
  total.failures++;
  process.stderr.write(`mutant ${number} ${reason}: npm run fuzz -- --seed ${seed} --only ${number}\n`);
}

/** @param {Verdict} verdict */
function add({ number, connector, milliseconds, peak, reason }) {
  total.judged++;
  if (connector) total.connectors++;
  if (milliseconds > total.slowest.milliseconds) total.slowest = { number, milliseconds };
  if (reason !== undefined) report(number, reason);
  if (milliseconds > limits.milliseconds) report(number, `takes ${milliseconds.toFixed(0)} ms`);
  if (peak > limits.megabytes && total.peak <= limits.megabytes) report(number, `reaches ${peak.toFixed(0)} MB`);
  total.peak = Math.max(total.peak, peak);
}

/** Has a process judge the tasks, and the next one if it dies. @param {Iterator<Task>} tasks @returns {Promise<void>} */
function haveJudged(tasks) {
  return new Promise((resolve) => {
    const child = fork(own, ["--work"], { execArgv: [`--max-old-space-size=${limits.heap}`] });
    /** Those that were sent and not yet judged; the first one is being judged, the second one waits. @type {Task[]} */
    const sent = [];
    let heard = Date.now();
    let reason = "";
    const watch = setInterval(() => {
      if (Date.now() - heard < limits.silence) return;
      reason = `does not end within ${limits.silence / 1000} s`;
      child.kill("SIGKILL");
    }, 250);
    const send = () => {
      const { value, done } = tasks.next();
      if (!done) {
        sent.push(value);
        child.send(value);
      } else if (sent.length === 0) child.disconnect();
    };
    child.on("message", (/** @type {Verdict} */ verdict) => {
      heard = Date.now();
      sent.shift();
      add(verdict);
      send();
    });
    child.on("exit", (code, signal) => {
      clearInterval(watch);
      const [died, ...waiting] = sent;
      if (!died) return resolve();
      report(died.number, reason || `ends the process with ${signal ?? code}`);
      total.judged++;
      resolve(haveJudged(chained(waiting, tasks)));
    });
    send();
    send();
  });
}

/** @param {readonly Task[]} first @param {Iterator<Task>} rest @returns {Iterator<Task>} */
function chained(first, rest) {
  const waiting = [...first];
  return { next: () => (waiting.length > 0 ? { value: /** @type {Task} */ (waiting.shift()) } : rest.next()) };
}

/** @param {number} runs @returns {Generator<Task>} */
function* tasksOf(runs) {
  const mutants = mutantsOf(manifestsBelow(root));
  for (let number = 0; number < runs; number++) yield { number, text: mutant(mutants, seed, number) };
}

/** @param {number} runs @param {number} workers */
async function fuzz(runs, workers) {
  process.stdout.write(`seed ${seed}\n`);
  const began = Date.now();
  const shown = setInterval(() => {
    if (process.stderr.isTTY) process.stderr.write(`\r${total.judged} of ${runs} `);
  }, 1000);
  const tasks = tasksOf(runs);
  await Promise.all(Array.from({ length: workers }, () => haveJudged(tasks)));
  clearInterval(shown);
  const { judged, connectors, failures, slowest, peak } = total;
  process.stdout.write(
    `${judged} mutants in ${((Date.now() - began) / 1000).toFixed(0)} s: ${connectors} connectors, ${failures} failures; ` +
      `slowest ${slowest.milliseconds.toFixed(0)} ms (mutant ${slowest.number}), peak ${peak.toFixed(0)} MB\n`,
  );
  if (failures > 0) process.exitCode = 1;
}

if (values.work === true) work();
else if (values.only !== undefined) {
  const text = mutant(mutantsOf(manifestsBelow(root)), seed, Number(values.only));
  process.stdout.write(`${text}\n${JSON.stringify(verdictOn({ number: Number(values.only), text }))}\n`);
} else await fuzz(Number(values.runs), Number(values.workers));
