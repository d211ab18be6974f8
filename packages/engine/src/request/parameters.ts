import type { Parameters, Template, Tree } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { type Names, textOf, value } from "./hole.ts";

export type Entries = readonly (readonly [name: string, value: string])[];

/** Parameters as data: a single hole keeps its type, which JSON can carry. */
export type Values = readonly (readonly [name: string, value: unknown])[];

/** Renders parameters; one without a result is left out. A template gives the whole map. Throws `expression_error` if it is none. */
export async function renderValues(parameters: Parameters | Template, names: Names): Promise<[string, unknown][]> {
  if (isTemplate(parameters)) return mapOf(await value(parameters, names), parameters.source);
  const values: [string, unknown][] = [];
  for (const [name, parameter] of Object.entries(parameters)) {
    if (parameter === null) continue;
    const result = typeof parameter === "object" ? await value(parameter, names) : parameter;
    if (result !== undefined) values.push([name, result]);
  }
  return values;
}

/** What a template gives for the whole of a map; null leaves a name out. */
function mapOf(given: unknown, source: string): [string, unknown][] {
  if (given === undefined) return [];
  if (given === null || typeof given !== "object" || Array.isArray(given))
    throw new JackfieldError("expression_error", { detail: `"${source}" must give an object.` });
  return Object.entries(given).filter(([, inner]) => inner !== null);
}

/** As name and text pairs: a list gives several pairs. Throws `expression_error` for a map. */
export function asEntries(values: Values): [string, string][] {
  return values.flatMap(([name, result]) =>
    (Array.isArray(result) ? result : [result]).map((item): [string, string] => [name, textOf(item, name)]),
  );
}

/** Renders parameters to name and text pairs: a list gives several pairs, no result gives none. */
export async function renderParameters(parameters: Parameters | Template, names: Names): Promise<[string, string][]> {
  return asEntries(await renderValues(parameters, names));
}

/**
 * Lays an author's parameters over the engine's own: the author's value replaces a default of the same name, null removes it.
 * The order of the defaults stays; new names follow in the author's order.
 */
export async function overlay(defaults: Values, parameters: Parameters, names: Names): Promise<[string, unknown][]> {
  const own = await renderValues(parameters, names);
  const replaced = new Set(Object.keys(parameters));
  return [...defaults.filter(([name]) => !replaced.has(name)).map(([name, given]): [string, unknown] => [name, given]), ...own];
}

/** Renders a body's tree; a key or an item whose hole has no result is left out. */
export async function renderTree(tree: Tree, names: Names): Promise<unknown> {
  if (tree === null || typeof tree !== "object") return tree;
  if (isTemplate(tree)) return value(tree, names);
  if (Array.isArray(tree)) {
    const items = await Promise.all(tree.map((item: Tree) => renderTree(item, names)));
    return items.filter((item) => item !== undefined);
  }
  const result: Record<string, unknown> = {};
  for (const [key, branch] of Object.entries(tree as Record<string, Tree>)) {
    const rendered = await renderTree(branch, names);
    if (rendered !== undefined) result[key] = rendered;
  }
  return result;
}

function isTemplate(tree: object): tree is Template {
  return "render" in tree && typeof tree.render === "function" && "parts" in tree;
}

/** `application/x-www-form-urlencoded`, UTF-8. */
export function formEncode(entries: Entries): string {
  return new URLSearchParams(entries.map(([name, text]): [string, string] => [name, text])).toString();
}

/** Flattens an object for a form: `a[b]=1`, `list[]=x`. Throws `expression_error` for a body that is no object. */
export function formEntries(body: unknown): [string, string][] {
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    throw new JackfieldError("expression_error", { detail: "A form body must be an object." });
  }
  return Object.entries(body).flatMap(([key, branch]) => flatten(key, branch));
}

function flatten(name: string, branch: unknown): [string, string][] {
  if (branch === null || branch === undefined) return [];
  if (Array.isArray(branch)) return branch.flatMap((item) => flatten(`${name}[]`, item));
  if (typeof branch === "object") return Object.entries(branch).flatMap(([key, inner]) => flatten(`${name}[${key}]`, inner));
  return [[name, textOf(branch, name)]];
}
