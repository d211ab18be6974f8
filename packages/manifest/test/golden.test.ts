import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../src/compile.ts";
import { CheckedManifest } from "../src/lint/rule.ts";
import { rules } from "../src/lint.ts";
import { formatProblem, type Problem, problemKinds } from "../src/problem.ts";
import type { Manifest } from "../src/schema/manifest.ts";
import { Source } from "../src/source.ts";
import { Texts } from "../src/text.ts";
import { shapeFindings } from "../src/validate.ts";

// Two folders of manifests and of the problems that they must give, divided by lines of dashes:
// `manifest/*.txt` holds a manifest and its problems;
// `problems/<code>.txt` holds a manifest that gives the code, its problems, and one that differs in one line and does not give it. The
// pages of docs/problems are made of these.
// `# folder: x` in the first line names a manifest's folder; `bases` holds what manifests may extend.
// UPDATE_GOLDEN=1 writes the problems; read what has changed before you commit it.

const golden = join(__dirname, "../../../test/golden");
const divider = `\n${"-".repeat(80)}\n`;

const filesIn = (folder: string) => readdirSync(join(golden, folder)).filter((file) => file.endsWith(".txt"));
const partsOf = (path: string) => readFileSync(join(golden, path), "utf8").split(divider);

const bases = {
  text: (name: string) => {
    const file = `${name}.yaml`;
    return readdirSync(join(golden, "bases")).includes(file) ? readFileSync(join(golden, "bases", file), "utf8") : undefined;
  },
  names: () => readdirSync(join(golden, "bases")).map((file) => file.replace(".yaml", "")),
};

function problemsOf(manifest: string): readonly Problem[] {
  const folder = /^# folder: (.+)\n/.exec(manifest)?.[1];
  const { connector, problems } = compile(manifest, { file: "connector.yaml", bases, ...(folder !== undefined && { folder }) });
  expect(connector === undefined).toBe(problems.some(({ severity }) => severity === "error"));
  return problems;
}

const listed = (problems: readonly Problem[]) =>
  problems.length === 0 ? "No problems." : problems.map((problem) => formatProblem(problem)).join("\n\n");

const files = filesIn("manifest");

test.each(files)("%s gives exactly the problems below the dashes", (file) => {
  const path = `manifest/${file}`;
  const [manifest = "", expected = ""] = partsOf(path);
  const actual = listed(problemsOf(manifest));
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(join(golden, path), `${manifest}${divider}${actual}\n`);
  else expect(`${actual}\n`).toBe(expected);
});

const pairs = filesIn("problems").map((file) => file.replace(".txt", ""));

/** The lines in which two texts differ, between what both begin and both end with. */
function differing(one: string, other: string): readonly [readonly string[], readonly string[]] {
  const a = one.trimEnd().split("\n");
  const b = other.trimEnd().split("\n");
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && a[start] === b[start]) start++;
  let end = 0;
  while (end < least - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return [a.slice(start, a.length - end), b.slice(start, b.length - end)];
}

describe.each(pairs)("the pair of manifests for %s", (code) => {
  const path = `problems/${code}.txt`;
  const [bad = "", expected = "", good = ""] = partsOf(path);

  test("gives exactly the problems between the dashes, that code among them", () => {
    const problems = problemsOf(bad);
    const actual = listed(problems);
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(join(golden, path), `${bad}${divider}${actual}${divider}${good}`);
    else expect(actual).toBe(expected);
    expect(problems.map((problem) => problem.code)).toContain(code);
  });

  test("gives it no more, and nothing worse, once a single line is changed", () => {
    const problems = problemsOf(good);
    expect(problems.filter((problem) => problem.code === code || problem.severity === "error")).toEqual([]);
    // A manifest cannot be made of nothing with one line.
    const most = code === "empty" ? Number.POSITIVE_INFINITY : 1;
    for (const lines of differing(bad, good)) expect(lines.length).toBeLessThanOrEqual(most);
  });
});

/** What takes thousands of lines to show; `source.test.ts` and `compile.test.ts` show it. */
const large = ["too_large", "too_many_values", "too_many_problems"];

test("every code has a pair of manifests, one that gives it and one that does not", () => {
  expect([...pairs, ...large].sort()).toEqual(Object.keys(problemKinds).sort());
});

test("every rule finds something in one of the manifests", () => {
  const manifests = [...files.map((file) => `manifest/${file}`), ...pairs.map((code) => `problems/${code}.txt`)];
  const silent = new Set(rules);
  for (const path of manifests) {
    const manifest = partsOf(path)[0] ?? "";
    const { data } = new Source(manifest, "connector.yaml");
    if (typeof data !== "object" || data === null || shapeFindings(data).length > 0) continue;
    const folder = /^# folder: (.+)\n/.exec(manifest)?.[1];
    const checked = new CheckedManifest(data as Manifest, new Texts(data), folder, () => false);
    for (const rule of silent) for (const _ of rule.check(checked)) silent.delete(rule);
  }
  expect([...silent].map(({ code, check }) => `${code} (${check.name})`)).toEqual([]);
});
