import { isUtf8 } from "node:buffer";
import type { Actor } from "../connection/actor.ts";
import { flatHeaders, sendAuthorized } from "../connection/api-call.ts";
import { reach } from "../connection/connections.ts";
import { namesOf, type OpenConnection } from "../connection/open.ts";
import { noteUse } from "../connection/upkeep/idle.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import type { EgressAnswer } from "../egress/egress.ts";
import { JackfieldError } from "../errors.ts";
import { renderParameters } from "../request/parameters.ts";
import { joinUrl, renderUrl, withQuery } from "../request/url.ts";
import type { Runtime } from "../runtime.ts";
import { renewRefused } from "./attempts.ts";
import { countStep, refuseUnready, type StepOptions, workflowIn } from "./step.ts";

export interface ProxyRequest {
  readonly method: string;
  /** Begins with a slash; joined to the connector's `base_url`. As the caller sent it, still encoded. */
  readonly path: string;
  /** The raw query, without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const timeout = 30_000;
const maxBytes = 1 << 20;

/** Headers of the caller that reach the provider; everything else is between the caller and us. */
const forwarded = new Set([
  "accept",
  "accept-language",
  "content-type",
  "content-language",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "range",
  "prefer",
  "idempotency-key",
  "user-agent",
]);

/**
 * Headers of the provider that must not reach the caller: cookies, challenges and proofs that come of the credential, what undici has
 * undone, and orders to the caller's browser (`clear-site-data`, `refresh`) or to the reverse proxy before us (`x-sendfile` and its
 * like, by which it would answer with a file of its own).
 */
const withheld = new Set([
  "set-cookie",
  "set-cookie2",
  "www-authenticate",
  "proxy-authenticate",
  "authentication-info",
  "proxy-authentication-info",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "trailer",
  "upgrade",
  "content-encoding",
  "content-length",
  "alt-svc",
  "strict-transport-security",
  "clear-site-data",
  "refresh",
  "x-sendfile",
  "x-lighttpd-send-file",
]);

function isWithheld(name: string): boolean {
  return withheld.has(name) || name.startsWith("x-accel-");
}

/** A raw authenticated request. See `Engine.steps.proxy` for what it throws. */
export async function proxy(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  request: ProxyRequest,
  options: StepOptions = {},
): Promise<ProxyAnswer> {
  const record = await reach(runtime, actor, id);
  refuseUnready(runtime, record);
  if (!request.path.startsWith("/")) throw new JackfieldError("url_invalid", { detail: "The path must begin with a slash." });
  const started = runtime.clock();
  try {
    const opened = await refresher.fresh(record);
    const { answer, redact } = await sendTwice(runtime, refresher, opened, request, actor.id, options);
    const host = new URL(answer.url).host;
    const duration = runtime.clock() - started;
    countStep(runtime, record, { action: "proxy", outcome: "ok", status: answer.status, duration });
    noteUse(runtime, record);
    runtime.events.note(
      runtime.events.make(record, "used", {
        actor: actor.id,
        action: "proxy",
        host,
        status: answer.status,
        duration_ms: duration,
        ...workflowIn(options),
      }),
    );
    return { status: answer.status, headers: visibleHeaders(answer, redact), body: redactBody(answer.body, redact) };
  } catch (cause) {
    const code = cause instanceof JackfieldError ? cause.code : "internal";
    const duration = runtime.clock() - started;
    countStep(runtime, record, { action: "proxy", outcome: "failed", status: undefined, duration });
    runtime.events.note(
      runtime.events.make(record, "failed", {
        actor: actor.id,
        action: "proxy",
        code,
        duration_ms: duration,
        ...workflowIn(options),
      }),
    );
    throw cause;
  }
}

async function sendTwice(
  runtime: Runtime,
  refresher: Refresher,
  opened: OpenConnection,
  request: ProxyRequest,
  actor: string,
  options: StepOptions,
): ReturnType<typeof sendAuthorized> {
  const first = await send(runtime, opened, request, options);
  if (first.answer.status !== 401) return first;
  const renewed = await renewRefused(runtime, refresher, opened, actor);
  return renewed ? send(runtime, renewed, request, options) : first;
}

async function send(
  runtime: Runtime,
  opened: OpenConnection,
  request: ProxyRequest,
  options: StepOptions,
): ReturnType<typeof sendAuthorized> {
  const names = namesOf(runtime, opened);
  const defaults = opened.auth.default_params;
  const given = new Set(new URLSearchParams(request.query).keys());
  const base = await renderUrl(opened.auth.base_url, names);
  const url = joinUrl(base, request.path) + (request.query === "" ? "" : `?${request.query}`);
  const query = (await renderParameters(defaults.query, names)).filter(([name]) => !given.has(name));
  const headers = Object.fromEntries(
    (await renderParameters(defaults.headers, names)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const own = Object.entries(request.headers).filter(
    ([name]) => forwarded.has(name) || (name.startsWith("x-") && !name.startsWith("x-forwarded-")),
  );
  return sendAuthorized(
    runtime,
    opened,
    {
      method: request.method,
      url: withQuery(url, query),
      base,
      headers: { ...headers, ...Object.fromEntries(own) },
      body: request.body,
    },
    { timeout, maxBytes, signal: options.signal },
    "caller",
  );
}

function visibleHeaders(answer: EgressAnswer, redact: (text: string) => string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(flatHeaders(answer))
      .filter(([name]) => !isWithheld(name))
      .map(([name, value]) => [name, redact(value)]),
  );
}

/** Bytes that are no UTF-8 survive the round trip through latin1 unchanged. */
function redactBody(body: Buffer, redact: (text: string) => string): Buffer {
  const encoding = isUtf8(body) ? "utf8" : "latin1";
  const text = body.toString(encoding);
  const clean = redact(text);
  return clean === text ? body : Buffer.from(clean, encoding);
}
