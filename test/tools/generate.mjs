// @ts-check
/*
 * Writes what is made from the code: the manifest's JSON Schema, the two documents of codes, and the configuration table of the
 * README. `--check` writes nothing and fails where a file is not what it would be.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const check = process.argv.includes("--check");

/** A module as it was built. @param {string} path */
const load = (path) => import(new URL(`../../packages/${path}`, import.meta.url).href);

const { manifestJsonSchema, problemKinds } = await load("manifest/dist/index.js");
const { errorTable } = await load("engine/dist/index.js");
const { variables } = await load("server/dist/config.js");

/** A cell of a Markdown table. @param {unknown} text */
const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");

/** @param {readonly string[]} head @param {readonly (readonly unknown[])[]} rows */
const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

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
table in \`packages/engine/src/errors.ts\` by \`npm run generate\`.

${sections.join("\n")}`;
}

function problemsDocument() {
  /** @type {[string, { severity: string, title: string, cure: string }][]} */
  const entries = Object.entries(problemKinds);
  const rows = entries.map(([code, { severity, title, cure }]) => [`\`${code}\``, severity, title, cure]);
  return `# Problems of a manifest

What \`jackfield validate\` can report. Made from the table in \`packages/manifest\` by \`npm run generate\`.

${table(["Code", "Severity", "What it means", "What to do"], rows)}
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

/** @type {Record<string, () => string>} */
const files = {
  "connectors/connector.schema.json": () => `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`,
  "ERRORS.md": errorsDocument,
  "PROBLEMS.md": problemsDocument,
  "README.md": readme,
};

for (const [name, make] of Object.entries(files)) {
  const path = join(root, name);
  try {
    const text = make();
    const current = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (current === text) continue;
    if (check) throw new Error("is out of date: run `npm run generate`");
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
