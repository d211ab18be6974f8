import type { Auth } from "@jackfield/manifest";
import type { EgressAnswer } from "../egress/egress.ts";
import { allows, parseUrl, type Rule } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import { text } from "../request/hole.ts";
import type { Rendered } from "../request/render.ts";
import { retryAfter } from "../request/retry-after.ts";
import { withQuery } from "../request/url.ts";
import type { Runtime } from "../runtime.ts";
import { namesOf, type OpenConnection, whitelistOf } from "./open.ts";

/** An API's answer, its body read. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or the text where it is none; null where there is no body. */
  readonly body: unknown;
  readonly host: string;
  readonly duration_ms: number;
  readonly retry_after: number | undefined;
}

export interface Limits {
  /** Milliseconds for the whole call. */
  readonly timeout: number;
  /** Bytes after decompression. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

const redirectLimit = 5;

/**
 * The only way in which a connection's credential leaves: the URL is judged against the whitelist first, and the credential is laid on
 * last. Throws `url_not_whitelisted`, `address_refused`, `provider_timeout`, `provider_unavailable`, …
 */
export async function sendAuthorized(
  runtime: Runtime,
  opened: OpenConnection,
  rendered: Omit<Rendered, "body"> & { readonly body: string | Buffer | undefined },
  limits: Limits,
  encodedBy: "engine" | "caller",
): Promise<EgressAnswer> {
  const rules = await whitelistOf(runtime, opened);
  const judged = judge(rules, rendered.url, encodedBy);
  const credential = await credentialOf(runtime, opened);
  const headers = { ...rendered.headers, ...credential.headers };
  return runtime.egress.send({
    method: rendered.method,
    url: withQuery(judged, credential.query),
    headers,
    ...(rendered.body === undefined ? {} : { body: rendered.body }),
    timeout: limits.timeout,
    maxBytes: limits.maxBytes,
    redirects: {
      limit: redirectLimit,
      allowed: (url) => allows(rules, url),
      secretHeaders: Object.keys(credential.headers),
    },
    ...(limits.signal === undefined ? {} : { signal: limits.signal }),
  });
}

/** As `sendAuthorized`, with the body read. */
export async function callApi(runtime: Runtime, opened: OpenConnection, rendered: Rendered, limits: Limits): Promise<ApiAnswer> {
  const answer = await sendAuthorized(runtime, opened, rendered, limits, "engine");
  return {
    status: answer.status,
    headers: flatHeaders(answer),
    body: readBody(answer),
    host: new URL(answer.url).host,
    duration_ms: answer.duration_ms,
    retry_after: retryAfter(answer),
  };
}

/**
 * A slash or per cent sign that the engine encoded is part of one segment and cannot climb (`request/url.ts` refuses values that would), so
 * it does not count against the whitelist; one that a caller encoded does.
 */
function judge(rules: readonly Rule[], text: string, encodedBy: "engine" | "caller"): string {
  const url = parseUrl(text);
  const judged = new URL(url);
  if (encodedBy === "engine") judged.pathname = url.pathname.replace(/%(2f|5c|25)/gi, "_");
  if (!allows(rules, judged)) {
    throw new JackfieldError("url_not_whitelisted", { detail: `${url.origin}${url.pathname} is not on the whitelist.` });
  }
  return url.href;
}

/** What the manifest's `apply` adds to a request. */
async function credentialOf(
  runtime: Runtime,
  opened: OpenConnection,
): Promise<{ headers: Record<string, string>; query: [string, string][] }> {
  const { apply } = opened.auth;
  const value = apply === undefined ? undefined : await text(apply.value, namesOf(runtime, opened));
  if (apply === undefined || value === undefined) return { headers: {}, query: [] };
  return applications[apply.in](apply.name, value);
}

const applications: {
  readonly [In in NonNullable<Auth["apply"]>["in"]]: (
    name: string,
    value: string,
  ) => { headers: Record<string, string>; query: [string, string][] };
} = {
  header: (name, value) => ({ headers: { [name.toLowerCase()]: value }, query: [] }),
  query: (name, value) => ({ headers: {}, query: [[name, value]] }),
};

export function flatHeaders(answer: Pick<EgressAnswer, "headers">): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}

function readBody(answer: EgressAnswer): unknown {
  if (answer.body.length === 0) return null;
  const content = answer.body.toString("utf8");
  const type = String(answer.headers["content-type"] ?? "");
  if (/\bjson\b/i.test(type) || /^\s*[[{]/.test(content)) {
    const data = parsed(content);
    if (data !== undefined && isDeeper(data, maxDepth))
      throw new JackfieldError("provider_unavailable", {
        detail: `The provider's answer is nested more than ${maxDepth} levels deep.`,
      });
    if (data !== undefined) return data;
    // A wrong content type is not an error of the step: the text is what the provider sent.
  }
  return content;
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** Far deeper than any real answer, far from where walking through it would exhaust the stack. */
const maxDepth = 200;

function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
