/*
 * What somebody sees who tries a step: how the output looks, and not all of it.
 */

const mostBytes = 4096;
const steps = [
  { text: 1000, items: 10, keys: 50, depth: 8 },
  { text: 200, items: 3, keys: 30, depth: 6 },
  { text: 60, items: 1, keys: 15, depth: 4 },
] as const;

/** At most 4 KiB of JSON that look like the output: texts, lists and objects are cut, more and more, until it fits. */
export function shorten(output: unknown): { readonly output: unknown; readonly shortened: boolean } {
  if (size(output) <= mostBytes) return { output, shortened: false };
  const tries = steps.map((step) => cut(output, step, step.depth));
  return { output: tries.find((one) => size(one) <= mostBytes) ?? cutText(JSON.stringify(tries.at(-1)), 1000), shortened: true };
}

const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "null");

function cut(value: unknown, step: (typeof steps)[number], depth: number): unknown {
  if (typeof value === "string") return cutText(value, step.text);
  if (value === null || typeof value !== "object") return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.slice(0, step.items).map((item) => cut(item, step, depth - 1));
  const entries = Object.entries(value).slice(0, step.keys);
  return Object.fromEntries(entries.map(([name, inner]) => [name, cut(inner, step, depth - 1)]));
}

/** Whole characters: half a pair of surrogates is none. */
const cutText = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}…` : text;
