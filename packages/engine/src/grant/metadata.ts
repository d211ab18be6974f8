// What a provider says of itself: fetched by its issuer (RFC 8414, OpenID Connect Discovery), and used only as far as it proves to be its.

import type { OAuth2, Template } from "@jackfield/manifest";
import type { JSONWebKeySet } from "jose";
import type { AuthorizationServer, CustomFetchOptions } from "oauth4webapi";
import type { Egress, EgressAnswer } from "../egress/egress.ts";
import { parseUrl } from "../egress/whitelist.ts";
import type { Log } from "../log.ts";
import { isDeeper } from "../request/depth.ts";
import type { Names } from "../request/hole.ts";
import { renderUrl } from "../request/url.ts";

/** Where the metadata and the keys of providers come from. Neither method throws: what cannot be had is undefined. */
export interface Metadata {
  /** The metadata that an issuer publishes, proven to be its own. */
  find(issuer: string): Promise<AuthorizationServer | undefined>;
  /** The keys at a `jwks_uri`; fetched anew for one that is not among them, though not at every call. */
  keys(url: string, isKnown: (keys: JSONWebKeySet) => boolean): Promise<JSONWebKeySet | undefined>;
}

/** What a provider offers to a connector that names its issuer. It is plain data, so that it can be kept until the callback. */
export interface Offer {
  /** As the provider writes it; a multi-tenant one may have a hole, such as `https://login.example/{tenantid}/v2.0`. */
  readonly issuer: string;
  /** Whether every callback tells `iss` (RFC 9207 §3). */
  readonly iss: boolean;
  /** Where authorization requests are pushed (RFC 9126 §5), and whether they must be. */
  readonly par: { readonly url: string; readonly required: boolean } | null;
  /** Whether tokens can be bound to a key of P-256 (RFC 9449 §5.1). */
  readonly dpop: boolean;
  readonly jwks_uri: string | null;
  readonly userinfo: string | null;
  /** The algorithms of its id tokens that need the client's secret. */
  readonly hmac: readonly string[];
}

const limits = { timeout: 5000, maxBytes: 512 * 1024, redirects: "none", purpose: "metadata" } as const;
const maxDepth = 16;

/** Milliseconds that an answer is taken for granted. */
const lifetimes = { found: 3_600_000, absent: 600_000, unreachable: 60_000 } as const;
/** Milliseconds in which keys are fetched anew once, however many unknown ones are named. */
const keysPause = 60_000;
const mostEntries = 1000;

/** Told apart from metadata that is not there: what was known before then goes on being used. */
class Unreachable extends Error {}

interface Entry<Value> {
  readonly value: Promise<Value | undefined>;
  /** When it was last asked for although an answer was there. */
  readonly renewed: number;
  /** Infinite while it is asked for. */
  until: number;
}

interface MetadataContext {
  readonly egress: Pick<Egress, "send">;
  readonly clock: () => number;
  readonly log: Log;
}

export function createMetadata({ egress, clock, log }: MetadataContext): Metadata {
  const servers = new Map<string, Entry<AuthorizationServer>>();
  const keySets = new Map<string, Entry<JSONWebKeySet>>();

  /** One request at a time, its answer for a while. A provider that cannot be reached leaves what was known. */
  const cached = <Value>(
    entries: Map<string, Entry<Value>>,
    key: string,
    fetch: () => Promise<Value | undefined>,
    anew = false,
  ): Promise<Value | undefined> => {
    const known = entries.get(key);
    if (known !== undefined && known.until > clock() && !anew) return known.value;
    const value = fetch().then(
      (found) => {
        entry.until = clock() + (found === undefined ? lifetimes.absent : lifetimes.found);
        return found;
      },
      (cause: unknown) => {
        log("info", "a provider's metadata cannot be had", { of: key, cause });
        entry.until = clock() + lifetimes.unreachable;
        return known?.value;
      },
    );
    const entry: Entry<Value> = {
      value,
      renewed: anew ? clock() : (known?.renewed ?? Number.NEGATIVE_INFINITY),
      until: Number.POSITIVE_INFINITY,
    };
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= mostEntries) break;
      entries.delete(oldest);
    }
    return value;
  };

  return {
    find: (issuer) => cached(servers, issuer, () => discover(egress, issuer)),
    async keys(url, isKnown) {
      const fetch = () => fetchKeys(egress, url);
      const keys = await cached(keySets, url, fetch);
      if (keys === undefined || isKnown(keys)) return keys;
      const entry = keySets.get(url);
      // Somebody else is asking for them already.
      if (entry?.until === Number.POSITIVE_INFINITY) return entry.value;
      return entry !== undefined && clock() - entry.renewed < keysPause ? keys : cached(keySets, url, fetch, true);
    },
  };
}

/** Both places where metadata may stand; the first that is the issuer's own counts. Throws `Unreachable`. */
async function discover(egress: Pick<Egress, "send">, issuer: string): Promise<AuthorizationServer | undefined> {
  for (const algorithm of ["oidc", "oauth2"] as const) {
    const found = await wellKnown(egress, issuer, algorithm);
    if (found !== undefined && isIssuer(found.issuer, issuer)) return found as unknown as AuthorizationServer;
  }
  return undefined;
}

async function wellKnown(
  egress: Pick<Egress, "send">,
  issuer: string,
  algorithm: "oidc" | "oauth2",
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { allowInsecureRequests, customFetch, discoveryRequest } = await import("oauth4webapi");
  let answer: EgressAnswer | undefined;
  await discoveryRequest(parseUrl(issuer), {
    algorithm,
    // Where plain http may go is the egress's to judge.
    [allowInsecureRequests]: true,
    [customFetch]: async (url: string, { method, headers }: CustomFetchOptions<"GET", undefined>) => {
      answer = await reach(egress, { method, url, headers });
      return new Response(null);
    },
  });
  return answer === undefined ? undefined : readObject(answer);
}

async function fetchKeys(egress: Pick<Egress, "send">, url: string): Promise<JSONWebKeySet | undefined> {
  const keys = readObject(await reach(egress, { method: "GET", url, headers: { accept: "application/json" } }));
  return Array.isArray(keys?.keys) ? (keys as unknown as JSONWebKeySet) : undefined;
}

/** Throws `Unreachable`. */
async function reach(
  egress: Pick<Egress, "send">,
  request: { readonly method: string; readonly url: string; readonly headers: Readonly<Record<string, string>> },
): Promise<EgressAnswer> {
  const answer = await egress.send({ ...request, ...limits }).catch((cause: unknown) => {
    throw new Unreachable("no answer", { cause });
  });
  if (answer.status >= 500 || answer.status === 429) throw new Unreachable(`HTTP ${answer.status}`);
  return answer;
}

function readObject({ status, body }: EgressAnswer): Readonly<Record<string, unknown>> | undefined {
  if (status !== 200) return undefined;
  try {
    const data: unknown = JSON.parse(body.toString("utf8"));
    const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
    return isObject && !isDeeper(data, maxDepth) ? (data as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const hole = /\{[A-Za-z_]{1,30}\}/;
/** What stands for a tenant: one segment of the path. */
const segment = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}";

/**
 * Whether an issuer is the one that the provider's metadata writes: byte for byte (RFC 8414 §3.3), or with one segment of its path in the
 * place of the hole that a provider with many tenants leaves.
 */
export function isIssuer(written: unknown, issuer: string): boolean {
  if (typeof written !== "string" || written.length > 500) return false;
  if (written === issuer) return true;
  const [front = "", back = "", ...more] = written.split(hole);
  if (!hole.test(written) || more.length > 0 || !/^https?:\/\/[^/?#{}]+\/([^?#{}]*\/)?$/.test(front)) return false;
  if (!/^(\/[^?#{}]*)?$/.test(back)) return false;
  const tenant = issuer.slice(front.length, issuer.length - back.length);
  return issuer === front + tenant + back && new RegExp(`^${segment}$`).test(tenant);
}

/**
 * What the provider offers to an auth block: undefined where the manifest names no issuer or nothing is known. Endpoints count only on the
 * hosts that the manifest names: metadata must not lead the client's secret anywhere else.
 */
export async function offerOf(
  { metadata }: { readonly metadata?: Metadata | undefined },
  auth: OAuth2,
  names: Names,
): Promise<Offer | undefined> {
  const { issuer } = auth;
  const found = issuer === undefined ? undefined : await metadata?.find(issuer);
  if (issuer === undefined || found === undefined) return undefined;
  const endpoints = [auth.authorization?.url, auth.token.url, auth.refresh.url, auth.revocation?.url, auth.introspection?.url];
  const ours = [issuer, ...(await rendered(endpoints, names))];
  const par = endpointAt(found.pushed_authorization_request_endpoint, ours);
  const all = [...ours, ...(await rendered([auth.base_url, ...auth.whitelist], names))];
  const algorithms = texts(found.id_token_signing_alg_values_supported);
  return {
    issuer: found.issuer,
    iss: found.authorization_response_iss_parameter_supported === true,
    par: par === null ? null : { url: par, required: found.require_pushed_authorization_requests === true },
    dpop: texts(found.dpop_signing_alg_values_supported).includes("ES256"),
    // No secret goes there, so that a host of the API's will do.
    jwks_uri: endpointAt(found.jwks_uri, all),
    userinfo: endpointAt(found.userinfo_endpoint, all),
    hmac: algorithms.filter((algorithm) => /^HS\d{3}$/.test(algorithm)),
  };
}

/** The templates that can be rendered already. */
async function rendered(templates: readonly (Template | undefined)[], names: Names): Promise<string[]> {
  const urls = await Promise.all(
    templates.map((template) => (template === undefined ? undefined : renderUrl(template, names).catch(() => undefined))),
  );
  return urls.filter((url) => url !== undefined);
}

/** The endpoint, if it is on one of the hosts, with TLS wherever that host has it. */
function endpointAt(endpoint: unknown, urls: readonly string[]): string | null {
  try {
    const { origin, href } = parseUrl(endpoint as string);
    return urls.some((url) => URL.canParse(url) && new URL(url).origin === origin) ? href : null;
  } catch {
    return null;
  }
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
