import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, formatProblem } from "@jackfield/manifest";
import { parse, stringify } from "yaml";

interface Block {
  readonly where: string;
  readonly fragment: boolean;
  readonly text: string;
}

/** The YAML blocks of a document, each with the line that it begins in. */
function blocksOf(file: string): Block[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^```yaml( fragment)?\n([\s\S]*?)^```$/gm)].map((found) => ({
    where: `${file}:${text.slice(0, found.index).split("\n").length}`,
    fragment: found[1] !== undefined,
    text: found[2] ?? "",
  }));
}

/** Where null has a meaning in a manifest; elsewhere it takes away what the base has. */
const keepsNull = new Set(["params", "query", "headers"]);

/** A fragment laid over a manifest: maps are merged, everything else is replaced. */
function merged(base: unknown, over: unknown, key = ""): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(base) || !isMap(over)) return over;
  const result: Record<string, unknown> = { ...base };
  for (const [inner, value] of Object.entries(over)) {
    if (value === null && !keepsNull.has(key)) delete result[inner];
    else result[inner] = merged(base[inner], value, inner);
  }
  return result;
}

/** Every document of the repository's own. */
function documents(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // Pages of problems show what is wrong on purpose; they are made of the golden files, which prove what each block gives.
    if (entry.isDirectory()) return path === join("docs", "problems") ? [] : documents(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

const guide = join("docs", "guide.md");
const blocks = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...documents("docs")].filter(existsSync).flatMap(blocksOf);
const base = blocks.find(({ where, fragment }) => where.startsWith(guide) && !fragment)?.text ?? "";

test("the documents have manifests and fragments to check", () => {
  expect(blocks.filter(({ fragment }) => !fragment).length).toBeGreaterThanOrEqual(3);
  expect(blocks.filter(({ fragment }) => fragment).length).toBeGreaterThanOrEqual(10);
});

test.each(blocks.map((block) => [block.where, block] as const))("the YAML at %s is valid", (where, { fragment, text }) => {
  const whole = fragment ? stringify(merged(parse(base), parse(text))) : text;
  const { problems } = compile(whole, { file: where });
  expect(problems.filter(({ severity }) => severity === "error").map((problem) => formatProblem(problem))).toEqual([]);
});
