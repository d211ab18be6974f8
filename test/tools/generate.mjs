// @ts-check
/*
 * Writes what is made from the code: the manifest's JSON Schema, the two documents of codes, a page for each problem of a manifest, the
 * client's types of the API, and the configuration table of the README. `--check` writes nothing and fails where a file is not what it would be.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { behaviours, connectorList, cookbookPages, manifests } from "./documents/connectors.mjs";
import { table } from "./documents/markdown.mjs";
import { reference } from "./documents/reference.mjs";
import { wire } from "./documents/wire.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const check = process.argv.includes("--check");

/** A module as it was built. @param {string} path */
const load = (path) => import(new URL(`../../packages/${path}`, import.meta.url).href);

const { names, places, problemKinds, problemReasons } = await load("manifest/dist/index.js");
const { manifestSchema } = await load("manifest/dist/json-schema.js");
const { errorTable } = await load("engine/dist/index.js");
const { variables } = await load("server/dist/config.js");
const { schemaText } = await load("cli/dist/commands/schema.js");
const { routes } = await load("server/dist/api/routes.js");
const { Problem } = await load("server/dist/api/schemas.js");
const typescript = await load("cli/dist/client-types/typescript.js");

const actors = {
  user: "The person who connects or calls",
  admin: "An admin of the workspace",
  author: "The connector's author",
  provider: "The provider",
  operator: "Whoever runs this deployment",
};

function errorsDocument() {
  /** @type {[string, readonly [number, string, string, string]][]} */
  const entries = Object.entries(errorTable);
  const unknown = entries.filter(([, [, audience]]) => !(audience in actors));
  if (unknown.length > 0) throw new Error(`who is this: ${unknown.map(([code]) => code).join(", ")}?`);
  const sections = Object.entries(actors).map(([audience, title]) => {
    const rows = entries.filter(([, row]) => row[1] === audience).sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(([code, [status, , message, hint]]) => [`\`${code}\``, status, message, hint]);
    return `## ${title}\n\n${table(["Code", "HTTP status", "What it means", "What to do"], lines)}\n`;
  });
  return `# Errors

Every error is a problem document (RFC 9457) with one of these \`code\`s, grouped by who can do something about it. Made from the
table in \`packages/engine/src/error-table.ts\` by \`npm run generate\`.

${sections.join("\n")}`;
}

/** @type {[string, { severity: string, title: string, cure: string }][]} */
const problems = Object.entries(problemKinds);

function problemsDocument() {
  const rows = problems.map(([code, { severity, title, cure }]) => [`[\`${code}\`](${pageOf(code)})`, severity, title, cure]);
  return `# Problems of a manifest

What \`jackfield validate\` can report. Each code leads to a page with a manifest that gives the problem and one that does not. Made from the
table in \`packages/manifest\` and the manifests in \`test/golden/problems\` by \`npm run generate\`.

${table(["Code", "Severity", "What it means", "What to do"], rows)}
`;
}

/** @param {string} code */
const pageOf = (code) => `docs/problems/${code}.md`;

/** The pair of manifests for a code, and what the first one gives; the same that the tests hold the linter to. @param {string} code */
function pairOf(code) {
  const path = join(root, "test/golden/problems", `${code}.txt`);
  if (!existsSync(path)) return undefined;
  const [bad = "", report = "", good = ""] = readFileSync(path, "utf8").split(`\n${"-".repeat(80)}\n`);
  return { bad: bad.trimEnd(), report, good: good.trimEnd() };
}

/** @param {string} language @param {string} text */
const block = (language, text) => `\`\`\`${language}\n${text}\n\`\`\`\n`;

/** The lines in which two texts differ, as a diff writes them. @param {string} bad @param {string} good */
function difference(bad, good) {
  const [before, after] = [bad.split("\n"), good.split("\n")];
  const removed = before.filter((line) => !after.includes(line)).map((line) => `-${line}`);
  const added = after.filter((line) => !before.includes(line)).map((line) => `+${line}`);
  return [...removed, ...added].join("\n");
}

/** @param {string} code @param {{ severity: string, title: string, cure: string }} kind */
function problemPage(code, { severity, title, cure }) {
  const head = [
    `# \`${code}\``,
    `${severity === "error" ? "An error" : "A warning"}: ${title}`,
    problemReasons[code],
    `**What to do:** ${cure}`,
  ];
  const text = `${head.filter((part) => part !== undefined).join("\n\n")}\n`;
  const pair = pairOf(code);
  if (!pair) return `${text}\n[All problems](../../PROBLEMS.md)\n`;
  return `${text}
## A manifest that gives it

${block("yaml", pair.bad)}
${block("text", pair.report)}
## The same without it

${block("diff", difference(pair.bad, pair.good))}
${block("yaml", pair.good)}
[All problems](../../PROBLEMS.md)
`;
}

const begin = "<!-- configuration -->";
const end = "<!-- /configuration -->";

function readme() {
  const text = readFileSync(join(root, "README.md"), "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md lacks the markers ${begin} and ${end}`);
  /** @type {{ name: string, default: string, description: string }[]} */
  const all = Object.values(variables);
  const rows = all.map((row) => [`\`${row.name}\``, row.default, row.description]);
  return `${text.slice(0, from + begin.length)}\n\n${table(["Variable", "Default", "What it does"], rows)}\n\n${text.slice(to)}`;
}

const cookbook = cookbookPages(join(root, "docs/cookbook"));
const all = manifests(join(root, "connectors"));

/** @type {Record<string, () => string>} */
const files = {
  "connectors/README.md": () => connectorList(cookbook, all),
  "docs/behaviours.md": () => behaviours(cookbook, all),
  "docs/reference.md": () => reference(manifestSchema, places, names),
  "connectors/connector.schema.json": () => schemaText("manifest"),
  "connectors/test.schema.json": () => schemaText("test"),
  "ERRORS.md": errorsDocument,
  "PROBLEMS.md": problemsDocument,
  "packages/client/src/wire.ts": () => wire(routes, Problem, Object.keys(errorTable), typescript),
  "README.md": readme,
  ...Object.fromEntries(problems.map(([code, kind]) => [pageOf(code), () => problemPage(code, kind)])),
};

/** Pages of codes that there are no more. */
function leftOver() {
  const folder = join(root, "docs/problems");
  return existsSync(folder)
    ? readdirSync(folder)
        .map((name) => `docs/problems/${name}`)
        .filter((name) => !Object.hasOwn(files, name))
    : [];
}

for (const name of leftOver()) {
  if (check) {
    console.error(`${name}: is out of date: run \`npm run generate\``);
    process.exitCode = 1;
  } else rmSync(join(root, name));
}

for (const [name, make] of Object.entries(files)) {
  const path = join(root, name);
  try {
    const text = make();
    const current = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (current === text) continue;
    if (check) throw new Error("is out of date: run `npm run generate`");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
