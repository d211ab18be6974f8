import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../src/compile.ts";
import { rules } from "../src/lint.ts";
import { formatProblem, problemKinds } from "../src/problem.ts";

// Each file is a manifest, a line of dashes, and the problems that it must give. `# folder: x` in the first line names its folder.
// UPDATE_GOLDEN=1 writes the problems; read what has changed before you commit it.

const folder = join(__dirname, "../../../test/golden/manifest");
const files = readdirSync(folder).filter((file) => file.endsWith(".txt"));
const divider = `\n${"-".repeat(80)}\n`;

function problemsOf(manifest: string): string {
  const inFolder = /^# folder: (.+)\n/.exec(manifest)?.[1];
  const { connector, problems } = compile(manifest, {
    file: "connector.yaml",
    ...(inFolder !== undefined && { folder: inFolder }),
  });
  expect(connector === undefined).toBe(problems.some(({ severity }) => severity === "error"));
  return problems.length === 0 ? "No problems." : problems.map((problem) => formatProblem(problem)).join("\n\n");
}

test.each(files)("%s gives exactly the problems below the dashes", (file) => {
  const [manifest = "", expected = ""] = readFileSync(join(folder, file), "utf8").split(divider);
  const actual = problemsOf(manifest);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(join(folder, file), `${manifest}${divider}${actual}\n`);
  else expect(`${actual}\n`).toBe(expected);
});

test("every code is shown by a golden file", () => {
  const shown = files.map((file) => readFileSync(join(folder, file), "utf8").split(divider)[1]).join("\n");
  const elsewhere = new Set(["too_large", "too_many_values", "too_many_problems"]);
  const missing = Object.keys(problemKinds).filter(
    (code) => !elsewhere.has(code) && !new RegExp(`(error|warning)  ${code}  `).test(shown),
  );
  expect(missing).toEqual([]);
});

test("every rule has a golden file that breaks it and one that keeps to it", () => {
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8"));
  for (const { code } of rules) expect([code, texts.some((text) => text.includes(`  ${code}  `))]).toEqual([code, true]);
  expect(texts.filter((text) => text.endsWith(`${divider}No problems.\n`)).length).toBeGreaterThan(5);
});
