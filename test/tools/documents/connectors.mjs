// @ts-check
/*
 * connectors/README.md: the connectors of the folder with what each shows; docs/behaviours.md: what providers do and who shows it. The rows
 * are the pages of the cookbook: each names in its head the keys that show its behaviour.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { table } from "./markdown.mjs";

/** @typedef {{ slug: string, title: string, providers: string, shows: readonly string[], fragment: unknown }} Page */

/** @param {string} folder @returns {Page[]} */
export function cookbookPages(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .sort()
    .map((file) => {
      const [, head = "", body = ""] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(readFileSync(join(folder, file), "utf8")) ?? [];
      const { providers, shows } = parse(head);
      const title = /^# (.+)$/m.exec(body)?.[1];
      if (!title || !Array.isArray(shows)) throw new Error(`${file} has no title, or does not say what shows it`);
      const fragment = /^```(?:yaml fragment|text)\n([\s\S]*?)^```$/m.exec(body)?.[1];
      return { slug: file.slice(0, -3), title, providers, shows, fragment: fragment === undefined ? undefined : parse(fragment) };
    });
}

/** @typedef {{ name: string, data: any, resolved: any }} Manifest */

/** The connectors with what they inherit. @param {string} folder @returns {Manifest[]} */
export function manifests(folder) {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  const read = new Map(names.map((name) => [name, parse(readFileSync(join(folder, name, "connector.yaml"), "utf8"))]));
  const shared = ["base_url", "environments", "auth", "errors", "rate_limit"];
  return names.map((name) => {
    const data = read.get(name);
    const base = read.get(data.extends);
    const inherited = base === undefined ? {} : Object.fromEntries(shared.map((key) => [key, base[key]]));
    return { name, data, resolved: base === undefined ? data : lay(inherited, data) };
  });
}

/** @param {any} base @param {any} over @returns {any} */
function lay(base, over) {
  if (!isMap(base) || !isMap(over)) return over === undefined ? base : over;
  return Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => [key, lay(base[key], over[key])]),
  );
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Whether a manifest shows a behaviour: `path`, `path = value` or `path ~ pattern`, where `*` is any one key or item.
 * @param {unknown} manifest @param {string} rule
 */
export function shows(manifest, rule) {
  const [, path = "", operator, wanted = ""] = /^(\S+?)(?: ([=~]) (.*))?$/.exec(rule) ?? [];
  const found = reach(manifest, path.split("."));
  if (operator === undefined) return found.length > 0;
  const texts = found.map((value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)));
  return texts.some((text) => (operator === "=" ? text === wanted : new RegExp(wanted).test(text)));
}

/** @param {unknown} at @param {readonly string[]} steps @returns {unknown[]} */
function reach(at, [step, ...rest]) {
  if (step === undefined) return [at];
  if (typeof at !== "object" || at === null) return [];
  const inner =
    step === "*" ? Object.values(at) : Object.hasOwn(at, step) ? [/** @type {Record<string, unknown>} */ (at)[step]] : [];
  return inner.flatMap((value) => reach(value, rest));
}

/** @param {readonly Page[]} pages @param {readonly Manifest[]} all */
export function behaviours(pages, all) {
  const rows = pages.map(({ slug, title, providers, shows: rules, fragment }) => {
    if (!rules.some((rule) => shows(fragment, rule))) throw new Error(`docs/cookbook/${slug}.md does not show what it is about`);
    const showing = all.filter(({ data, resolved }) =>
      rules.some((rule) => shows(rule.startsWith("extends") ? data : resolved, rule)),
    );
    if (showing.length === 0) throw new Error(`no connector shows "${title}" (${rules.join(", ")})`);
    return [`[${title}](cookbook/${slug}.md)`, providers, showing.map(({ name }) => `\`${name}\``).join(", ")];
  });
  return `# What providers do, and how a manifest says it

One page of the cookbook for each behaviour, and the connectors that use it. Made from both by \`npm run generate\`; a behaviour that no
connector shows is an error.

${table(["Behaviour", "For instance", "Connectors that use it"], rows)}
`;
}

/** @type {Readonly<Record<string, string>>} */
const typeNames = {
  oauth2: "OAuth 2",
  oauth1: "OAuth 1.0a",
  api_key: "API key",
  basic: "user name and password",
  bearer: "token",
  custom: "own sign-in",
  none: "none",
};

/** @param {readonly Page[]} pages @param {readonly Manifest[]} all */
export function connectorList(pages, all) {
  const rows = all.map(({ name, data, resolved }) => {
    const ways = Object.values(resolved.auth)
      .filter(Boolean)
      .map(({ type, grant }) => (grant ? `${typeNames.oauth2} (${grant.replaceAll("_", " ")})` : typeNames[type]));
    const shown = pages.filter(({ shows: rules }) =>
      rules.some((rule) => shows(rule.startsWith("extends") ? data : resolved, rule)),
    );
    const links = shown.map(({ slug, title }) => `[${title}](../docs/cookbook/${slug}.md)`);
    return [
      `[${data.title}](${name}/connector.yaml)`,
      [...new Set(ways)].join(", "),
      Object.keys(data.actions ?? {})
        .map((action) => `\`${action}\``)
        .join(", "),
      links.join("; "),
    ];
  });
  return `# Connectors

${all.length} connectors, each a folder with a manifest, recorded answers for its test and a picture. How to write one is told in
[the guide](../docs/guide.md). This page is made from the folder by \`npm run generate\`.

\`\`\`sh
npx jackfield validate connectors
npx jackfield test connectors
\`\`\`

${table(["Connector", "Sign-in", "Actions", "What it shows"], rows)}
`;
}
