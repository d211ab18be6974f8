import type { ExpiryUnit } from "@jackfield/manifest";

const second = 1000;

/** A number of seconds larger than this is a point in time: 2001 in seconds, 31 years as a lifetime. */
const firstTimeInSeconds = 1e9;
const firstTimeInMilliseconds = 1e12;

/** Longer than any token lives; more would overflow dates. */
const longest = 10 * 365 * 86_400 * second;

/** How each unit is turned into milliseconds from `now`. */
const units: { readonly [U in ExpiryUnit]: (value: unknown, now: number) => number | undefined } = {
  s: (value) => scaled(value, second),
  m: (value) => scaled(value, 60 * second),
  ms: (value) => scaled(value, 1),
  at_s: (value, now) => from(scaled(value, second), now),
  at_ms: (value, now) => from(scaled(value, 1), now),
  at_iso: (value, now) => (typeof value === "string" ? from(Date.parse(value), now) : undefined),
  jwt: (value, now) => jwtLifetime(value, now),
};

/**
 * Milliseconds from `now`, or undefined for what is no lifetime. Without a unit the value tells it: seconds, a point in time in seconds or
 * milliseconds where it is too large for that, or ISO 8601.
 */
export function lifetimeOf(value: unknown, unit: ExpiryUnit | undefined, now: number): number | undefined {
  const lifetime = units[unit ?? unitOf(value)](value, now);
  if (lifetime === undefined || !Number.isFinite(lifetime) || lifetime <= 0) return undefined;
  return Math.min(lifetime, longest);
}

function unitOf(value: unknown): ExpiryUnit {
  const number = numberOf(value);
  if (number === undefined) return "at_iso";
  if (number >= firstTimeInMilliseconds) return "at_ms";
  return number >= firstTimeInSeconds ? "at_s" : "s";
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function scaled(value: unknown, factor: number): number | undefined {
  const number = numberOf(value);
  return number === undefined ? undefined : number * factor;
}

const from = (time: number | undefined, now: number) => (time === undefined ? undefined : time - now);

/** Until the `exp` of a JSON Web Token (RFC 7519 §4.1.4), unverified: it only says when to ask for another one. */
export function jwtLifetime(token: unknown, now: number): number | undefined {
  if (typeof token !== "string") return undefined;
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
    return typeof exp === "number" ? exp * second - now : undefined;
  } catch {
    return undefined;
  }
}
