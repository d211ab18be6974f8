import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compile, formatProblem } from "@jackfield/manifest";
import { parse, stringify } from "yaml";
import { test as testCommand } from "../packages/cli/src/commands/test.ts";
import { cleanup, temporary } from "./harness/cleanup.ts";

afterAll(cleanup);

interface Block {
  readonly where: string;
  /** A whole manifest, a part of one, or the test of the guide's own connector. */
  readonly kind: "manifest" | "fragment" | "test";
  readonly text: string;
}

/** The YAML blocks of a document, each with the line that it begins in. */
function blocksOf(file: string): Block[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^```yaml( fragment| test)?\n([\s\S]*?)^```$/gm)].map((found) => ({
    where: `${file}:${text.slice(0, found.index).split("\n").length}`,
    kind: found[1] === " fragment" ? "fragment" : found[1] === " test" ? "test" : "manifest",
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
const base = blocks.find(({ where, kind }) => where.startsWith(guide) && kind === "manifest")?.text ?? "";

test("the guide goes through a sign-in in the order in which it happens", () => {
  const steps = [...readFileSync(guide, "utf8").matchAll(/^## (\d+)\. (.*)$/gm)].map(
    ([, number, title = ""]) => `${number} ${title}`,
  );
  expect(steps.map((step) => step.split(":")[0])).toEqual([
    "1 Fields",
    "2 The redirect URL",
    "3 Credentials",
    "4 Authorize",
    "5 Token",
    "6 Refresh",
    "7 Revoke",
    "8 Test",
    "9 Label",
    "10 Whitelist",
    "11 Unique id",
    "12 Parameters of every API call",
  ]);
});

test("the documents have manifests and fragments to check", () => {
  expect(blocks.filter(({ kind }) => kind === "manifest").length).toBeGreaterThanOrEqual(3);
  expect(blocks.filter(({ kind }) => kind === "fragment").length).toBeGreaterThanOrEqual(10);
});

const manifests = blocks.filter(({ kind }) => kind !== "test");

test.each(manifests.map((block) => [block.where, block] as const))("the YAML at %s is valid", (where, { kind, text }) => {
  const whole = kind === "fragment" ? stringify(merged(parse(base), parse(text))) : text;
  const { problems } = compile(whole, { file: where });
  expect(problems.filter(({ severity }) => severity === "error").map((problem) => formatProblem(problem))).toEqual([]);
});

const tests = blocks.filter(({ kind }) => kind === "test");

test.each(tests.map((block) => [block.where, block] as const))(
  "the test at %s runs with the guide's connector",
  async (_, { text }) => {
    const folder = join(temporary(), "acme-files");
    mkdirSync(folder);
    writeFileSync(join(folder, "connector.yaml"), base);
    writeFileSync(join(folder, "test.yaml"), text);
    let report = "";
    const out = (words: string) => {
      report += words;
    };
    const io = { out, error: out, colour: false };
    expect([await testCommand.run([folder, "--update"], io), report]).toEqual([0, expect.any(String)]);
    expect([await testCommand.run([folder], io), report]).toEqual([0, expect.stringContaining("0 failed")]);
  },
);

/** What GitHub makes of a heading: the name that a link ends in. */
const anchorOf = (heading: string) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-");

/** A document without what it only quotes. */
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, "");

const anchorsIn = (file: string) =>
  new Set([...withoutCode(readFileSync(file, "utf8")).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)));

/** Where a link of a document leads to nothing; links to other sites are not followed. */
function brokenLinks(file: string): string[] {
  const text = withoutCode(readFileSync(file, "utf8")).replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : join(dirname(file), path);
    const leads = existsSync(target) && (anchor === undefined || anchorsIn(target).has(anchor));
    return leads ? [] : [`${file}: ${link}`];
  });
}

const everyDocument = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...["docs", join("docs", "problems"), "connectors", "bench"].flatMap(documents),
].filter(existsSync);

test("every link of every document leads somewhere", () => {
  expect(everyDocument.length).toBeGreaterThan(100);
  expect(everyDocument.flatMap(brokenLinks)).toEqual([]);
});
