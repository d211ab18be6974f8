import { JackfieldError } from "../errors.ts";
import type { Headers } from "./headers.ts";
import { parseReference } from "./whitelist.ts";

/*
 * Redirects are followed by hand. Libraries that follow them send custom credential headers, and with 307 the body, to whatever origin
 * the answer names.
 */

/** One request on its way to one URL. */
export interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Buffer | string | Upload | undefined;
}

/** A body that is sent while it is read, and so only once. */
export interface Upload {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** How many bytes, where that is known. */
  readonly bytes?: number | undefined;
}

/** Whether a body is one that is sent while it is read. */
export function isUpload(body: Hop["body"]): body is Upload {
  return typeof body === "object" && "chunks" in body;
}

/** How redirects are followed. */
export interface Redirects {
  /** How many, at most. */
  readonly limit: number;
  /** Whether the credential may be sent there; asked before anything is connected to. */
  readonly allowed: (url: URL) => boolean;
  /** Names of headers that never go to another origin; `Authorization` never does. */
  readonly secretHeaders: readonly string[];
  /** Headers that prove something of one request only: made anew for each target that they still go to. */
  readonly renew?: (request: { readonly method: string; readonly url: string }) => Promise<Readonly<Record<string, string>>>;
}

const statuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const alwaysSecret = ["authorization", "proxy-authorization", "cookie"];
const ofBody = /^content-/i;

/** Whether an answer of this status sends the request on to its Location. */
export function isRedirect(status: number): boolean {
  return statuses.has(status);
}

function target(base: URL, location: string | readonly string[]): URL {
  if (typeof location !== "string")
    throw new JackfieldError("url_invalid", { detail: "The provider's redirect has two targets." });
  try {
    return parseReference(location, base);
  } catch (cause) {
    throw new JackfieldError("url_invalid", { detail: `${base.host} redirects to a URL that is not acceptable.`, cause });
  }
}

function without(headers: Hop["headers"], drop: (name: string) => boolean): Hop["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name.toLowerCase())));
}

function becomesGet(status: number, method: string): boolean {
  if (status === 303) return method !== "GET" && method !== "HEAD";
  return (status === 301 || status === 302) && method === "POST";
}

/**
 * The request that follows a redirect, by the rules of fetch with three more: the target must be allowed, on another origin every
 * secret header is dropped (for good, also if a later redirect leads back), and a body never goes to another origin.
 * Throws `url_invalid`, `url_not_whitelisted` and `body_not_repeatable`.
 */
export function nextHop(hop: Hop, status: number, location: string | readonly string[], rules: Redirects): Hop {
  const url = target(hop.url, location);
  if (!rules.allowed(url))
    throw new JackfieldError("url_not_whitelisted", {
      detail: `${hop.url.host} redirects to ${url.host}, to a URL that is not on the connector's whitelist.`,
    });
  const bodyless = becomesGet(status, hop.method);
  const body = bodyless ? undefined : hop.body;
  const method = bodyless ? "GET" : hop.method;
  const headers = bodyless ? without(hop.headers, (name) => ofBody.test(name)) : hop.headers;
  if (url.origin === hop.url.origin) {
    if (isUpload(body)) throw new JackfieldError("body_not_repeatable");
    return { method, url, headers, body };
  }
  if (body !== undefined && (isUpload(body) || body.length > 0))
    throw new JackfieldError("url_not_whitelisted", {
      detail: `${hop.url.host} redirects to ${url.host}; a request's body is never sent on to another origin.`,
      hint: "Call the redirect's target directly, if the whitelist covers it.",
    });
  const secret = new Set([...alwaysSecret, ...rules.secretHeaders.map((name) => name.toLowerCase())]);
  return { method, url, headers: without(headers, (name) => secret.has(name)), body };
}
