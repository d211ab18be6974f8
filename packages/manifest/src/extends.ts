// One connector that shares another one's way to sign in.

import { record } from "./record.ts";
import type { Finding, Path } from "./source.ts";
import { readData } from "./source.ts";
import { nearest } from "./suggestion.ts";

/** The text of another connector's manifest, by its name; undefined where there is none. */
export interface Bases {
  text(name: string): string | undefined;
  names(): readonly string[];
}

export interface Extended {
  /** The manifest with what it inherits. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  /** The text of the manifest that it extends. */
  readonly base: string | undefined;
  /** Whether what stands at a path was not written in this manifest. */
  inherited(path: Path): boolean;
}

/** What is shared: how one signs in and how the API is spoken to; never what a connector offers. */
const shared = ["base_url", "environments", "auth", "errors", "rate_limit"] as const;

/** Where null has a meaning of its own: it removes a parameter that the engine would send. */
const keepsNull: ReadonlySet<string | number> = new Set(["params", "query", "headers"]);

/**
 * Lays a manifest over the one that it `extends`: maps are merged key by key, null removes what the other one has, and everything else
 * is replaced. A manifest without `extends` is given back as it is.
 */
export function extend(data: unknown, bases: Bases | undefined): Extended {
  const alone = (...findings: Finding[]): Extended => ({ data, findings, base: undefined, inherited: () => false });
  const name = isMap(data) ? data.extends : undefined;
  if (!isMap(data) || typeof name !== "string") return alone();
  if (name === data.name) return alone(finding("A connector cannot extend itself."));
  const base = bases?.text(name);
  if (base === undefined) {
    const near = nearest(name, bases?.names() ?? []);
    return alone({
      ...finding(`There is no connector \`${name}\` beside this one.`),
      ...(near === undefined ? {} : { hint: `Did you mean \`${near}\`?` }),
    });
  }
  const other = readData(base);
  if (!isMap(other)) return alone(finding(`The manifest of \`${name}\` cannot be read.`));
  if (other.extends !== undefined) {
    return alone({
      ...finding(`\`${name}\` extends another connector itself.`),
      hint: `Extend \`${String(other.extends)}\` instead.`,
    });
  }
  const parts = shared.filter((key) => Object.hasOwn(other, key)).map((key) => [key, other[key]] as const);
  const merged = lay(record(parts), data, "");
  return { data: merged, findings: [], base, inherited: (path) => !isWritten(data, path) };
}

const finding = (message: string): Finding => ({ code: "extends_unknown", path: ["extends"], message });

type Data = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value);

/** `key` is the one that both stand under. */
function lay(base: unknown, over: unknown, key: string): unknown {
  if (!isMap(base) || !isMap(over)) return over;
  const merged = record(Object.entries(base));
  for (const [inner, value] of Object.entries(over)) {
    if (value === null && !keepsNull.has(key)) delete merged[inner];
    else merged[inner] = lay(merged[inner], value, inner);
  }
  return merged;
}

function isWritten(data: unknown, path: Path): boolean {
  let at = data;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<string | number, unknown>)[step];
  }
  return true;
}
