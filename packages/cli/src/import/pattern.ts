// Patterns for values that become part of a URL.

import { compilePattern } from "@jackfield/manifest";

/** A whole host, with a port if need be. */
export const hostPattern = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$";

/** A part of a host. */
export const labelPattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$";

/** What a captured value may look like that becomes part of a path or a header. */
export const valuePattern = "^[A-Za-z0-9._~:@/-]{1,200}$";

const anyOrigin = "^https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$";

/** The pattern, if it can be used: RE2 syntax and not too long. */
export function usable(pattern: string): string | undefined {
  if (pattern.length > 500) return undefined;
  try {
    compilePattern(pattern);
    return pattern;
  } catch {
    return undefined;
  }
}

/** A pattern that may match anywhere in a text, as one that the whole text must match. */
export function wholePattern(pattern: string): string {
  const begins = pattern.startsWith("^");
  const ends = /(^|[^\\])(\\\\)*\$$/.test(pattern);
  if (hasBranches(pattern))
    return begins && ends && pattern.split("|").every((branch) => /^\^.*\$$/s.test(branch)) ? pattern : `.*(?:${pattern}).*`;
  return `${begins ? "" : ".*"}${pattern}${ends ? "" : ".*"}`;
}

/** Whether a `|` stands outside of all brackets. */
function hasBranches(pattern: string): boolean {
  let depth = 0;
  for (const character of pattern.replace(/\\./g, "").replace(/\[[^\]]*\]/g, "")) {
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}

const lengths = [0, 1, 2, 3, 4, 8, 12, 16, 32];
const heads = ["", "https://", "http://", "a.", "a.bc"];

/** Whether a value with one of the characters passes, which would make another host of it. */
function lets(pattern: string, characters: readonly string[], starts: readonly string[]): boolean {
  const compiled = compilePattern(pattern);
  return starts.some((start) =>
    characters.some((character) =>
      lengths.some((before) =>
        lengths.some((after) => compiled.matches(`${start}${"a".repeat(before)}${character}${"b".repeat(after)}`)),
      ),
    ),
  );
}

/** Whether a value that is meant for a host could leave it. */
export const isOpenPattern = (pattern: string): boolean => lets(pattern, ["/", "?", "#", "@", "\\", " ", "%2f", ":1/"], heads);

/**
 * A pattern for a whole https URL: the own one if it says no more than that, with plain http left out, else one that allows host, port and
 * path. Undefined if the own one had to be given up.
 */
export function originPattern(own: string | undefined): string | undefined {
  if (own === undefined) return anyOrigin;
  const secure = own.replace(/^\^\(?(?:\?:)?https\??:(?:\/\/|\\\/\\\/)\)?\??/, "^https://");
  const isTight = secure.startsWith("^https://") && usable(secure) !== undefined;
  return isTight && !lets(secure, ["?", "#", "@", "\\", " ", "\n"], ["https://", "https://a.bc", "https://a.bc/"])
    ? secure
    : undefined;
}

/** Second levels under which names are given out, as in `acme.co.uk`. */
const publicSeconds = new Set(["co", "com", "org", "net", "gov", "edu", "ac", "or", "ne"]);

/** The domain that a host belongs to, as far as its form tells: `eu.acme.example` belongs to `acme.example`. */
export function domainOf(host: string): string {
  const labels = host.toLowerCase().split(".");
  const second = labels.at(-2) ?? "";
  return labels.slice((labels.at(-1)?.length ?? 0) === 2 && publicSeconds.has(second) ? -3 : -2).join(".");
}

const below = (domains: readonly string[]) => {
  const spelled = domains.map((domain) => domain.replaceAll(".", "\\."));
  return `([a-z0-9-]{1,63}\\.){0,6}${spelled.length === 1 ? spelled[0] : `(${spelled.join("|")})`}`;
};

/** A host that an answer names must belong to one of the domains. */
export const hostBelow = (domains: readonly string[]): string => `^${below(domains)}$`;

/** The same for a whole URL. */
export const originBelow = (domains: readonly string[]): string => `^https://${below(domains)}(/[A-Za-z0-9._~/-]{0,200})?$`;

const strangers = ["evil.example", "evil.com", "a.evil.example", "evil.co.uk", "evil", "abc.example"];

/** Whether a pattern lets hosts of anybody through, alone or at the beginning of a URL. */
export function letsAnyHost(pattern: string): boolean {
  const compiled = compilePattern(pattern);
  const named = [...pattern.replaceAll("\\\\", "").matchAll(/[a-z0-9-]+(?:\.[a-z0-9-]+)+/gi)].flatMap(([domain]) => [
    `evil${domain}`,
    `${domain}.evil.example`,
  ]);
  return [...strangers, ...named].some((host) =>
    [host, `https://${host}`, `https://${host}/a`].some((value) => compiled.matches(value)),
  );
}
