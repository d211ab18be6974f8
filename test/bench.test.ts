import { spawnSync } from "node:child_process";

const bench = (...args: string[]) =>
  spawnSync(process.execPath, ["bench/run.mjs", "--runs", "1", ...args], { encoding: "utf8", timeout: 50_000 });

test("every measurement gives ratios, and exit status 0 when it keeps to its budgets", () => {
  const { status, stdout, stderr } = bench("--count", "20");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const rows = stdout.trim().split("\n").slice(1);
  expect(rows.length).toBeGreaterThanOrEqual(6);
  for (const row of rows) expect(row).toMatch(/ {2,}-?[0-9.e+-]+ × {2,}\S/);
  expect(rows.filter((row) => row.includes("within 1"))).toHaveLength(2);
});

test("an unknown measurement is wrong usage", () => {
  const { status, stderr } = bench("speed");
  expect([status, stderr.split("\n")[0]]).toEqual([2, "There is no measurement `speed`."]);
});
