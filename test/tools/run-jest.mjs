// @ts-check
/*
 * `npm test`: sees to it that what the tests need is there, runs jest over all packages and this folder with the arguments it was
 * given, and closes with a line of its own that counts what jest really ran.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "./services.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Where it is, after everything was tried to have it.
 * @param {import("./services.mjs").Service} service
 */
async function obtain(service) {
  const found = await service.find();
  if (found) return found;
  await service.install();
  return service.find();
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

/** @type {Record<string, string>} */
const found = {};
for (const service of Object.values(services)) {
  const file = await obtain(service);
  found[service.variable] = file ?? "";
  if (file) continue;
  console.log(`\n!! ${service.title} was not found: ${service.suites} ARE SKIPPED and counted as skipped.`);
  console.log(`!! Install it, or set ${service.variable} to its executable.\n`);
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
    env: { ...process.env, ...found },
  },
);

const counts = existsSync(report) ? count(report) : { passed: 0, failed: 1, skipped: 0 };
rmSync(folder, { recursive: true, force: true });
const ok = jest.status === 0 && counts.failed === 0;
if (!ok && counts.failed === 0) counts.failed = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = ok ? 0 : 1;
