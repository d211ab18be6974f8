// Values that are taken from the callback's query or the token answer.

import { names } from "@jackfield/manifest";
import { freeName, snakeCase } from "../identifier.ts";
import { Inexpressible, type Notes } from "../note.ts";
import { hostBelow, isOpenPattern, labelPattern, originBelow, usable, valuePattern } from "../pattern.ts";
import { domainsIn } from "./domains.ts";
import type { Schema, UrlPosition } from "./fields.ts";
import { propertyPath, quoted } from "./value.ts";

export type CaptureSource = "callback" | "token";

export interface Capture {
  readonly source: CaptureSource;
  /** The parameter's name, or the path in the token answer. */
  readonly key: string;
  readonly name: string;
  readonly schema: Schema;
  readonly positions: Set<UrlPosition>;
  /** Whether anything names it. */
  used: boolean;
  /** Whether the person is asked for it instead. */
  isAsked: boolean;
  /** What counts where the answer does not hold it. */
  fallback: string | undefined;
}

/** The keys of the source that list what is captured. */
export const captureLists: { readonly [S in CaptureSource]: string } = {
  callback: "redirect_uri_metadata",
  token: "token_response_metadata",
};

export class Captures {
  readonly all: readonly Capture[];
  private readonly notes: Notes;
  private readonly domains: readonly string[];

  constructor(entry: Readonly<Record<string, unknown>>, notes: Notes) {
    this.notes = notes;
    this.domains = domainsIn(entry);
    const schemas = (entry.connection_config ?? {}) as Record<string, Schema | null>;
    const found: Capture[] = [];
    for (const source of ["callback", "token"] as const) {
      for (const key of listed(entry[captureLists[source]])) {
        // A token is no value that may be shown.
        if (/(^|[._])(access|refresh|id|session|bearer)?_?token$|secret$|password$/i.test(key)) {
          notes.notCarried(`${captureLists[source]}.${key}`, "it is a secret, and what is captured is shown");
          continue;
        }
        const own: readonly string[] = source === "token" ? names.token : [];
        const taken = (name: string) =>
          own.includes(name) || found.some((other) => other.source === source && other.name === name);
        found.push({
          source,
          key,
          name: freeName(snakeCase(key), taken),
          schema: schemas[key] ?? {},
          positions: new Set(),
          used: false,
          isAsked: false,
          fallback: undefined,
        });
      }
    }
    this.all = found;
  }

  find(key: string): Capture | undefined {
    return this.all.find((capture) => capture.key === key);
  }

  /** The block of a manifest that captures them. */
  manifest(source: CaptureSource): object | undefined {
    const own = this.all.filter((capture) => capture.source === source && !capture.isAsked);
    if (own.length === 0) return undefined;
    return Object.fromEntries(own.map((capture) => [capture.name, this.describe(capture)]));
  }

  private describe(capture: Capture): object {
    const { source, key, name, used } = capture;
    const bounds = { pattern: this.pattern(capture), required: used ? undefined : false };
    if (source === "callback") return { param: key === name ? undefined : key, ...bounds };
    return { value: this.expression(capture), ...bounds };
  }

  private expression({ key, positions, fallback, schema }: Capture): string {
    const path = propertyPath(...key.split("."));
    const isUrl = schema.format === "uri" || /^\^?https?/.test(schema.pattern ?? "");
    // A whole URL where the text already begins with https://.
    const value = isUrl && !positions.has("origin") && positions.has("host") ? `$substringAfter(${path}, "://")` : path;
    return fallback === undefined ? value : `$exists(${path}) ? ${value} : ${quoted(fallback)}`;
  }

  /** A whole host must belong to a domain that the definition names: whoever answers must not choose where credentials go. */
  private pattern({ key, schema, positions }: Capture): string {
    const own = schema.pattern === undefined ? undefined : usable(schema.pattern);
    if (positions.has("origin") || positions.has("host")) {
      if (this.domains.length === 0)
        throw new Inexpressible(`an answer names the API's host as \`${key}\`, and nothing tells its domain`);
      this.notes.add(key, `must be a host of ${this.domains.join(" or ")}: check that the provider has no others`);
      return positions.has("origin") ? originBelow(this.domains) : hostBelow(this.domains);
    }
    if (!positions.has("label")) return own ?? valuePattern;
    return own !== undefined && !isOpenPattern(own) ? own : labelPattern;
  }
}

const listed = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
