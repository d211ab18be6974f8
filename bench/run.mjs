// @ts-check
/*
 * npm run bench [-- [NAME…] [--count N] [--runs N] [--json FILE]]
 *
 * Runs the measurements and prints what they found as ratios: a time alone says more about the machine than about the code. Each run
 * is a process of its own, so that nothing is warm, and the best of them counts, as others use the machine, too. The exit status is 1
 * if that is beyond a budget.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * What is measured, in the file of that name. It exports `measure(count)`, which gives what it found over `count` things (1,000 if
 * nobody asks for another number).
 *
 * @typedef {{ what: string, against: string, ratio: number, budget?: number, figures?: string }} Result less is better; `figures` are
 *   what the ratio was made of
 * @typedef {(count: number) => Promise<Result[]>} Measure
 */
const measurements = ["manifests", "expressions", "refresh", "million", "step"];

/** Runs that take a minute or more are made once. */
const runsOf = (/** @type {string} */ name) => (["refresh", "million", "step"].includes(name) ? 1 : 3);

const usage = `npm run bench [-- [NAME…] [--count N] [--runs N] [--json FILE]]

NAME      ${measurements.join(", ")}; all if none is named
--count   how many things to measure, or a measure of how many (1000)
--runs    how often; the best run counts (3; 1 of what takes long)
--json    writes what was found to a file, too
`;

const machine = { at: new Date().toISOString(), node: process.version, cores: availableParallelism() };

const own = fileURLToPath(import.meta.url);

/** @param {string} message @returns {never} */
function wrongUsage(message) {
  process.stderr.write(`${message}\n\n${usage}`);
  process.exit(2);
}

/** @param {string | undefined} text @param {number} otherwise @param {string} option */
function number(text, otherwise, option) {
  if (text === undefined) return otherwise;
  if (!/^[1-9][0-9]{0,6}$/.test(text)) wrongUsage(`${option} must be a number.`);
  return Number(text);
}

/** One run, in a process of its own. @param {string} name @param {number} count @returns {Result[]} */
function runOnce(name, count) {
  process.stderr.write(`measuring ${name} …\n`);
  const child = spawnSync(process.execPath, ["--expose-gc", own, "--only", name, "--count", String(count)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (child.status !== 0) throw new Error(`The measurement \`${name}\` failed.`, { cause: child.error });
  return JSON.parse(child.stdout);
}

/** @param {Result[][]} runs @returns {Result[]} */
function best(runs) {
  return (runs[0] ?? []).map(
    (result, index) => runs.map((run) => run[index] ?? result).toSorted((a, b) => a.ratio - b.ratio)[0] ?? result,
  );
}

/** @param {readonly (readonly string[])[]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ")).join("\n");
}

/** @param {Result} result */
const isBeyond = ({ ratio, budget }) => budget !== undefined && !(ratio <= budget);

/** @param {Result} result */
function shown(result) {
  const { what, against, ratio, budget, figures = "" } = result;
  const verdict = budget === undefined ? "" : isBeyond(result) ? `BEYOND ${budget}` : `within ${budget}`;
  return [what, `${ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(3)} ×`, against, verdict, figures];
}

const { values, positionals } = parseArgs({
  options: { count: { type: "string" }, runs: { type: "string" }, json: { type: "string" }, only: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !measurements.includes(name));
if (unknown !== undefined) wrongUsage(`There is no measurement \`${unknown}\`.`);
const count = number(values.count, 1000, "--count");

if (values.only !== undefined) {
  /** @type {{ measure: Measure }} */
  const { measure } = await import(`./${values.only}.mjs`);
  process.stdout.write(JSON.stringify(await measure(count)));
} else {
  const chosen = positionals.length > 0 ? positionals : measurements;
  const given = values.runs === undefined ? undefined : number(values.runs, 1, "--runs");
  const results = chosen.flatMap((name) => best(Array.from({ length: given ?? runsOf(name) }, () => runOnce(name, count))));
  process.stdout.write(`${table([["measured", "ratio", "against", "budget", "figures"], ...results.map(shown)])}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ ...machine, count, results }, null, 2)}\n`);
  if (results.some(isBeyond)) process.exitCode = 1;
}
