// @ts-check
/*
 * `npm test`: sees to it that what the tests need is there, runs jest over all packages and this folder with the arguments it was
 * given, and closes with a line of its own that counts what jest really ran.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** @param {string} name */
function onPath(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

function findChromium() {
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
  const given = process.env.CHROMIUM_PATH;
  if (given) {
    if (existsSync(given)) return given;
    throw new Error(`CHROMIUM_PATH is ${given}, but there is no such file.`);
  }
  return ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(onPath).find((file) => file !== undefined);
}

function installChromium() {
  if (process.getuid?.() !== 0 || !onPath("apt-get")) return;
  console.log("Chromium is not here. Installing it with apt-get, for the browser tests …");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  /** @param {string[]} args */
  const apt = (args) => spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"], env }).status === 0;
  if (!apt(["update"]) || !apt(["install", "-y", "--no-install-recommends", "chromium"]))
    console.log("apt-get could not install Chromium.");
}

function chromium() {
  const found = findChromium();
  if (found) return found;
  installChromium();
  return findChromium();
}

/** @param {string} report */
function count(report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  // A file that does not even load runs no test; it is one failure.
  const broken = testResults.filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
      file.status === "failed" && !file.assertionResults.some((result) => result.status === "failed"),
  ).length;
  return { passed: numPassedTests, failed: numFailedTests + broken, skipped: numPendingTests + numTodoTests };
}

const browser = chromium();
if (!browser) {
  console.log("\n!! Chromium was not found: THE BROWSER TESTS ARE SKIPPED and counted as skipped.");
  console.log("!! Install it, or set CHROMIUM_PATH to its executable.\n");
}

const folder = mkdtempSync(join(tmpdir(), "jackfield-jest-"));
const report = join(folder, "report.json");
const jest = spawnSync(
  process.execPath,
  [join(root, "node_modules/jest/bin/jest.js"), "--json", `--outputFile=${report}`, ...process.argv.slice(2)],
  {
    cwd: root,
    // jest prints for people on stderr; --json would print the report for machines on stdout.
    stdio: ["inherit", "ignore", "inherit"],
    env: { ...process.env, CHROMIUM_PATH: browser ?? "" },
  },
);

const counts = existsSync(report) ? count(report) : { passed: 0, failed: 1, skipped: 0 };
rmSync(folder, { recursive: true, force: true });
const ok = jest.status === 0 && counts.failed === 0;
if (!ok && counts.failed === 0) counts.failed = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = ok ? 0 : 1;
