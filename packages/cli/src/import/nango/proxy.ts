// `proxy`: where the API lives, how the credential is sent, what is added to every call, and the test.

import { Inexpressible } from "../note.ts";
import type { Draft } from "./draft.ts";
import { type Apply, HeaderSplit } from "./sent.ts";
import { isPiece, isSecret, templateOf, type Value } from "./value.ts";

type Place = "header" | "query" | "body";

export interface Api {
  readonly baseUrl: string;
  readonly whitelist: readonly string[];
  readonly apply: readonly Apply[];
  readonly defaults: Readonly<Record<string, Record<string, unknown>>>;
  readonly test: object;
  readonly rateLimit: object | undefined;
}

const knownKeys = new Set([
  "base_url",
  "headers",
  "query",
  "body",
  "verification",
  "retry",
  "paginate",
  "decompress",
  "connection_config",
]);

/** The parts of a manifest that come of `proxy`. Throws `Inexpressible`. */
export function readApi(draft: Draft): Api {
  const proxy = draft.takeMap("proxy");
  for (const key of Object.keys(proxy)) if (!knownKeys.has(key)) draft.notes.notCarried(`proxy.${key}`);
  if (proxy.paginate !== undefined)
    draft.notes.notCarried("proxy.paginate", "it belongs to actions, and the definition has none");
  if (proxy.connection_config !== undefined)
    draft.notes.notCarried("proxy.connection_config", "nothing in the definition uses it");
  const { source, query } = withoutQuery(proxy.base_url);
  const { value: base, apply } = baseUrlOf(draft, source);
  const baseUrl = templateOf(base);
  const sent = new HeaderSplit(draft);
  sent.apply.push(...apply);
  const places: [Place, unknown][] = [
    ["header", withLegacyHeader(draft, proxy.headers)],
    ["query", { ...query, ...(proxy.query as object | undefined) }],
    ["body", proxy.body],
  ];
  for (const [place, entries] of places) sent.add(place, (entries ?? {}) as Record<string, unknown>);
  const { test, whitelist } = testOf(draft, (proxy.verification ?? {}) as Verification, sent);
  return {
    baseUrl,
    whitelist: [baseUrl, ...whitelist],
    apply: sent.apply,
    defaults: sent.defaults,
    test,
    rateLimit: rateLimitOf(draft, (proxy.retry ?? {}) as Record<string, unknown>),
  };
}

/** An older spelling of the header that carries the credential. */
function withLegacyHeader(draft: Draft, headers: unknown): object {
  const authorization = draft.takeText("proxy_header_authorization");
  return { ...(authorization !== undefined && { authorization }), ...(headers as object | undefined) };
}

/** A query belongs to every call. */
function withoutQuery(source: unknown): { source: unknown; query: Record<string, string> } {
  if (typeof source !== "string" || !source.includes("?") || source.includes(" || ")) return { source, query: {} };
  const [front = "", search = ""] = source.split(/\?(.*)/s);
  return { source: front, query: Object.fromEntries(pairs(search)) };
}

/** Without `proxy.base_url` the API is taken to live where the tokens come from. */
function baseUrlOf(draft: Draft, source: unknown): { value: Value; apply: Apply[] } {
  if (typeof source !== "string" || source.trim() === "") {
    const { token_url, authorization_url } = draft.entry;
    const other = [token_url, authorization_url].find((url) => typeof url === "string" && /^https:\/\/[^/]+/.test(url));
    if (typeof other !== "string")
      throw new Inexpressible("it has no `proxy.base_url`, so that nothing tells where the API lives");
    const origin = /^https:\/\/[^/]+/.exec(other)?.[0] ?? "";
    draft.notes.add("proxy.base_url", `missing; ${origin} is assumed, where the tokens come from`);
    return { value: draft.url(origin, "proxy.base_url"), apply: [] };
  }
  const value = draft.url(source.trim(), "proxy.base_url");
  // A key in a path can be sent as one; other names that sound like a secret are none here.
  draft.unseal(
    value.filter((part) => !isPiece(part) || !part.fields.some(({ key }) => isKey(key))),
    "proxy.base_url",
  );
  const at = value.findIndex((part) => isPiece(part) && isSecret([part]));
  return at < 0 ? { value: trimmed(value), apply: [] } : withoutSecret(value, at);
}

const isKey = (key: string) => /^api_?key$/i.test(key);

/** A base URL ends without a slash. */
function trimmed(value: Value): Value {
  const last = value.at(-1);
  return typeof last === "string" ? [...value.slice(0, -1), last.replace(/\/+$/, "")] : value;
}

/** A credential in the path goes into segments of its own behind the base URL. */
function withoutSecret(value: Value, at: number): { value: Value; apply: Apply[] } {
  const before = value[at - 1];
  const slash = typeof before === "string" ? before.lastIndexOf("/") : -1;
  const front = value.slice(0, at).map((part) => (isPiece(part) ? "x" : part));
  if (typeof before !== "string" || slash < 0 || !/^https:\/\/[^/]+\//.test(front.join(""))) {
    throw new Inexpressible("a secret is part of the API's host, or stands in a path behind something else");
  }
  const tail = `${before.slice(slash + 1)}${templateOf(value.slice(at))}`;
  const segments = tail.split("/").filter((segment) => segment !== "");
  return {
    value: [...value.slice(0, at - 1), before.slice(0, slash)],
    apply: segments.map((segment) => ({ in: "path" as const, value: segment })),
  };
}

interface Verification {
  readonly method?: string;
  readonly endpoints?: readonly string[];
  readonly base_url_override?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly data?: unknown;
}

const knownOfVerification = new Set(["method", "endpoints", "base_url_override", "headers", "data"]);

function testOf(draft: Draft, verification: Verification, sent: HeaderSplit): { test: object; whitelist: string[] } {
  for (const key of Object.keys(verification)) {
    if (!knownOfVerification.has(key)) draft.notes.notCarried(`proxy.verification.${key}`);
  }
  const [endpoint, ...others] = verification.endpoints ?? [];
  if (others.length > 0) draft.notes.notCarried("proxy.verification.endpoints", "all but the first");
  const request = endpoint === undefined ? undefined : testRequest(draft, verification, endpoint, sent);
  if (request !== undefined) return { test: { request: request.request }, whitelist: request.whitelist };
  const reason = endpoint === undefined ? "missing" : "its endpoint holds a secret, which a test call cannot";
  draft.notes.add("proxy.verification", `${reason}; GET / is the test call: replace it by one that tells whose credential it is`);
  return { test: { request: { path: "/" } }, whitelist: [] };
}

function testRequest(draft: Draft, verification: Verification, endpoint: string, sent: HeaderSplit) {
  const key = "proxy.verification.endpoints";
  const { headers = {}, data } = verification;
  const method = (verification.method ?? "GET").toUpperCase();
  const [target = "", search = ""] = endpoint.split(/\?(.*)/s);
  const [, origin, path = ""] = /^(https?:\/\/[^/]+)?(.*)$/s.exec(target) ?? [];
  const segments = draft.text(path, key);
  if (isSecret(segments)) return undefined;
  const query: Record<string, unknown> = {};
  for (const [name, source] of pairs(search)) {
    const value = draft.text(source, key);
    if (!isSecret(value)) query[name] = templateOf(value);
    else if (!sent.has("query", name)) return undefined;
  }
  const text = templateOf(segments);
  const slashed = text.startsWith("/") ? text : `/${text}`;
  const override = origin ?? verification.base_url_override;
  const base = override === undefined ? undefined : draft.urlTemplate(override.replace(/\/+$/, ""), "proxy.verification");
  const request = {
    method: method === "GET" ? undefined : method,
    ...(base === undefined ? { path: slashed } : { url: `${base}${slashed}` }),
    query: filled(query),
    headers: filled(testHeaders(draft, headers, sent)),
    body: data === undefined ? undefined : draft.tree(data, "proxy.verification.data"),
  };
  return { request, whitelist: base === undefined ? [] : [base] };
}

/** Those that the engine or `default_params` do not send anyway. */
function testHeaders(draft: Draft, headers: Readonly<Record<string, unknown>>, sent: HeaderSplit): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(headers)) {
    const value = draft.text(source, `proxy.verification.headers.${name}`);
    const isOwnType = name.toLowerCase() === "content-type" && templateOf(value) === "application/json";
    if (!isOwnType && !isSecret(value) && !sent.has("header", name)) kept[name] = templateOf(value);
  }
  return kept;
}

const pairs = (search: string): [string, string][] =>
  search
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      return [decoded(name), /\$\{/.test(value) ? value : decoded(value)];
    });

/** Percent-decoded; what cannot be decoded stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** A map, if anything stands in it. */
export const filled = <T extends object>(map: T): T | undefined =>
  Object.values(map).some((value) => value !== undefined) ? map : undefined;

function rateLimitOf(draft: Draft, retry: Readonly<Record<string, unknown>>): object | undefined {
  const first = (value: unknown): string | undefined =>
    Array.isArray(value) ? value.map(String)[0] : value === undefined ? undefined : String(value);
  const { after, at, remaining, error_code, ...others } = retry;
  for (const key of Object.keys(others)) draft.notes.notCarried(`proxy.retry.${key}`);
  const wait = first(after);
  const reset = first(at);
  const headers = {
    remaining: first(remaining),
    reset,
    reset_unit: reset === undefined ? undefined : "at_s",
    // `Retry-After` is understood without it.
    retry_after: wait?.toLowerCase() === "retry-after" ? undefined : wait,
  };
  const codes = (Array.isArray(error_code) ? error_code : []).map(Number);
  // Those up to 404 mean many things, 5xx are repeated anyway.
  const statuses = codes.filter((code) => Number.isInteger(code) && code > 404 && code < 500 && code !== 429);
  const hasHeaders = Object.values(headers).some((value) => value !== undefined);
  if (!hasHeaders && statuses.length === 0) return undefined;
  return { headers: hasHeaders ? headers : undefined, statuses: statuses.length > 0 ? statuses : undefined };
}
