import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cleanup, temporary } from "./harness/cleanup.ts";
import { withRedis } from "./harness/services.ts";

jest.setTimeout(300_000);
afterAll(cleanup);

const bench = (...args: string[]) =>
  spawnSync(process.execPath, ["bench/run.mjs", "--runs", "1", ...args], {
    encoding: "utf8",
    timeout: 280_000,
    env: { ...process.env, BENCH_ALONE: "on" },
  });

/** What stands in the way, without what tells how far it is. */
const complaints = (stderr: string) => stderr.replaceAll(/^.*…\n/gm, "");

test("every measurement gives ratios, and exit status 0 when it keeps to its budgets", () => {
  const { status, stdout, stderr } = bench("manifests", "expressions", "--count", "20");
  expect({ status, stderr: complaints(stderr) }).toEqual({ status: 0, stderr: "" });
  const rows = stdout.trim().split("\n").slice(1);
  expect(rows.length).toBeGreaterThanOrEqual(6);
  for (const row of rows) expect(row).toMatch(/ {2,}-?[0-9.e+-]+ × {2,}\S/);
  expect(rows.filter((row) => row.includes("within 1"))).toHaveLength(2);
});

test("an unknown measurement is wrong usage", () => {
  const { status, stderr } = bench("speed");
  expect([status, stderr.split("\n")[0]]).toEqual([2, "There is no measurement `speed`."]);
});

interface Report {
  readonly cores: number;
  readonly results: readonly {
    readonly what: string;
    readonly ratio: number;
    readonly against: string;
    readonly figures?: string;
  }[];
}

/** What a measurement over very few things says of itself; whether it keeps to a budget is not asked of so few. */
function report(name: string, count: number): Report {
  const file = join(temporary(), "report.json");
  const { status, stderr } = bench(name, "--count", `${count}`, "--json", file);
  expect([complaints(stderr), status === 0 || status === 1]).toEqual(["", true]);
  return JSON.parse(readFileSync(file, "utf8"));
}

withRedis("with Redis", () => {
  test("refreshes of both shapes are measured against empty jobs, bare token requests and the store alone", () => {
    const { cores, results } = report("refresh", 20);
    expect(cores).toBeGreaterThanOrEqual(1);
    const embedded = results.filter(({ what }) => what === "refreshes, embedded").map(({ against }) => against);
    expect(embedded).toEqual(["BullMQ's empty jobs", "bare token requests", "writes of the store alone"]);
    for (const { ratio } of results) expect(ratio).toBeGreaterThan(0);
    for (const { what, figures } of results.filter((each) => !each.what.endsWith("time")))
      expect([what, figures]).toEqual([what, expect.stringMatching(/^\d+ : \d+ \/s$/)]);
  });
});

test("many stored connections are measured by their bytes, the memory of a process, its start, and its sweeps", () => {
  const { results } = report("million", 2);
  const inFile = results.filter(({ what }) => what.startsWith("2,000 connections, SQLite: "));
  expect(inFile.map(({ what }) => what.split(": ")[1])).toEqual([
    "bytes of each",
    ...(process.platform === "linux" ? ["memory"] : []),
    "start",
    "sweep, 0 due",
    "sweep, 100 due",
    "sweep, 2,000 due",
  ]);
  for (const { ratio } of results) expect(ratio).toBeGreaterThan(0);
});

test("a step is measured against a bare pass-through, by size and callers, and the memory while much is streamed", () => {
  const { results } = report("step", 8);
  const ways = ["(a) undici alone", "(c) proxy route, embedded", "(d) action, embedded"];
  const rows = [1, 100].flatMap((size) =>
    [1, 16, 64].flatMap((callers) => ways.map((way) => `${way}, ${size} KB, ${callers} callers`)),
  );
  const memory = process.platform === "linux" ? ["(c) 8 MB streamed: memory"] : [];
  expect(results.map(({ what }) => what)).toEqual([...rows, "(d) action, embedded: added at p50, 1 caller", ...memory]);
  for (const { what, figures } of results.slice(0, rows.length))
    expect([what, figures]).toEqual([
      what,
      expect.stringMatching(/^\d+ : \d+ \/s; p50 [\d.]+ : [\d.]+ ms; p99 [\d.]+ : [\d.]+ ms$/),
    ]);
});
