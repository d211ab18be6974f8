// Whether a pattern lets a value through that would make another host of a URL. Patterns are judged by what they let through: values
// that would lead elsewhere are tried out.

import { memoized } from "../memo.ts";
import { compilePattern } from "../pattern.ts";
import { writtenOut } from "../pattern-size.ts";

const inside = ["/", "?", "#", "@", "\\", " ", "%2f"];
const lengths = [0, 1, 2, 4, 8, 16, 32];

/** A pattern that is very large once its repetitions are written out takes long for each value. */
const largest = 1_000;
const fewLengths = [0, 1, 8];

/** A value that the pattern of a part of a host lets through although it would change which host is meant; "" if there is none. */
export const endOfHost: (pattern: string) => string = memoized(2_000, (source) => {
  const pattern = compilePattern(source);
  const tried = writtenOut(source) > largest ? fewLengths : lengths;
  for (const character of inside) {
    for (const before of tried) {
      for (const after of tried) {
        const value = "a".repeat(before) + character + "b".repeat(after);
        if (pattern.matches(value)) return value;
      }
    }
  }
  return "";
});

const strangers = [
  "evil.example",
  "evil.com",
  "a.evil.example",
  "evil.co.uk",
  "evil",
  ...lengths.map((length) => `${"a".repeat(length)}b.example`),
];

const domain = /[a-z0-9-]+(?:\.[a-z0-9-]+)+/gi;

/** Hosts and paths that seem to belong to a domain and do not. */
const disguises = (real: string): string[] => [
  `evil${real}`,
  `${real}.evil.example`,
  ...["/", "/.", "/a.", "?a.", "#a.", "/a@x."].map((between) => `evil.example${between}${real}`),
];

/**
 * A value with somebody else's host that the pattern of a whole host or of a whole URL lets through; "" if there is none. `prefix` is
 * what stands in front of the host.
 */
function strangerIn(source: string, prefix: "" | "https://"): string {
  const pattern = compilePattern(source);
  const literal = source.replace(/\\([./-])/g, "$1");
  const hosts = [...strangers, ...[...literal.matchAll(domain)].flatMap(([real]) => disguises(real))];
  for (const host of hosts) {
    const value = ["", "/", "/a"].map((path) => `${prefix}${host}${path}`).find((candidate) => pattern.matches(candidate));
    if (value !== undefined) return value;
  }
  return "";
}

export const strangerAsHost: (pattern: string) => string = memoized(2_000, (source) => strangerIn(source, ""));
export const strangerAsUrl: (pattern: string) => string = memoized(2_000, (source) => strangerIn(source, "https://"));

/** Whether a pattern lets only https URLs through: it begins so, and no other branch stands beside that beginning. */
export function insistsOnHttps(source: string): boolean {
  return /^\^?https:(\/\/|\\\/\\\/)/.test(source) && !hasBranches(source);
}

/** Whether a `|` stands outside of all brackets. */
function hasBranches(source: string): boolean {
  const plain = source.replace(/\\./g, "").replace(/\[[^\]]*\]/g, "");
  let depth = 0;
  for (const character of plain) {
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}
