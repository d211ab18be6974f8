import type { Actor } from "../connection/actor.ts";
import { streamAuthorized } from "../connection/api-call.ts";
import { reach } from "../connection/connections.ts";
import { namesOf, type OpenConnection } from "../connection/open.ts";
import type { ConnectionRecord } from "../connection/record.ts";
import { noteUse } from "../connection/upkeep/idle.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import { discard, type EgressStream } from "../egress/egress.ts";
import { type Headers, withoutHopByHop } from "../egress/headers.ts";
import type { Redactor } from "../egress/redact.ts";
import { isUpload, type Upload } from "../egress/redirect.ts";
import { JackfieldError } from "../errors.ts";
import { renderParameters } from "../request/parameters.ts";
import { joinUrl, renderUrl, withQuery } from "../request/url.ts";
import type { Runtime } from "../runtime.ts";
import { renewRefused } from "./attempts.ts";
import { countStep, refuseUnready, type StepOptions, workflowIn } from "./step.ts";

export interface ProxyRequest {
  /** Upper case. */
  readonly method: string;
  /** Begins with a slash; joined to the connector's `base_url`. As the caller sent it, still encoded. */
  readonly path: string;
  /** The raw query, without the question mark. */
  readonly query: string;
  /** All that the caller sent, names in lower case. What is between the caller and us is not passed on. */
  readonly headers: Headers;
  readonly body: Upload | undefined;
}

export interface ProxyAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Headers;
  /** To be read once, to its end or until reading stops: until then it holds a connection. Throws what `Engine.steps.proxy` throws. */
  readonly body: AsyncGenerator<Buffer, void, undefined>;
}

/** Milliseconds without a byte, after which nobody is waited for any more. There is no limit to the whole. */
const silence = 60_000;

/** Of a compressed answer, whose few bytes may stand for any number; what is not compressed has no limit. */
const maxBytes = 2 ** 30;

/** A body up to here is kept until the answer comes, so that it can be sent again with a new token. */
const mostKept = 1 << 20;

/** A token that ends within so many milliseconds is replaced before a body is sent that can be sent only once. */
const ahead = 60_000;

/**
 * What the caller sent to us and not to the provider: its key and cookies, and what browsers and the proxies between us say of it. `Host`,
 * lengths and encodings are the connection's.
 */
const between =
  /^(?:authorization|cookie|cookie2|host|content-length|accept-encoding|origin|referer|forwarded|via|from|priority|dnt|upgrade-insecure-requests|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|x-request-id|x-csrf-token|traceparent|tracestate|baggage|(?:x-forwarded|sec|cf|fly|fastly|x-amzn|x-envoy|x-b3|x-vercel)-.*)$/;

/**
 * Headers of the provider that must not reach the caller: cookies, challenges and proofs that come of the credential, and orders to the
 * caller's browser (`clear-site-data`, `refresh`) or to the reverse proxy before us (`x-sendfile` and its like, by which it would answer
 * with a file of its own).
 */
const withheld = new Set([
  "set-cookie",
  "set-cookie2",
  "www-authenticate",
  "authentication-info",
  "proxy-authentication-info",
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
  const note = noting(runtime, record, actor, options);
  try {
    const body = await kept(request.body);
    const opened = await refresher.fresh(record, isUpload(body) ? ahead : 0);
    const { answer, redact } = await sendTwice(runtime, refresher, opened, { ...request, body }, actor.id, options);
    const done = (cause?: unknown) => note(answer, cause);
    return { status: answer.status, headers: visibleHeaders(answer, redact), body: passed(answer, redact, done) };
  } catch (cause) {
    note(undefined, cause);
    throw cause;
  }
}

/** Notes once how it ended, when the last byte has gone through. */
function noting(runtime: Runtime, record: ConnectionRecord, actor: Actor, options: StepOptions) {
  const started = runtime.clock();
  return (answer: Pick<EgressStream, "status" | "url"> | undefined, cause: unknown): void => {
    const duration = runtime.clock() - started;
    const common = { actor: actor.id, action: "proxy", duration_ms: duration, ...workflowIn(options) };
    if (answer !== undefined && cause === undefined) {
      const { status, url } = answer;
      countStep(runtime, record, { action: "proxy", outcome: "ok", status, duration });
      noteUse(runtime, record);
      runtime.events.note(runtime.events.make(record, "used", { ...common, host: new URL(url).host, status }));
      return;
    }
    const code = cause instanceof JackfieldError ? cause.code : "internal";
    countStep(runtime, record, { action: "proxy", outcome: "failed", status: undefined, duration });
    runtime.events.note(runtime.events.make(record, "failed", { ...common, code }));
  };
}

/** The body as a buffer where it is small; where it is not, what was read of it already is put before the rest. */
async function kept(body: Upload | undefined): Promise<Buffer | Upload | undefined> {
  if (body === undefined || (body.bytes ?? 0) > mostKept) return body;
  const rest = body.chunks[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  for (let size = 0; size <= mostKept; ) {
    const next = await rest.next();
    if (next.done === true) return size === 0 ? undefined : Buffer.concat(read);
    read.push(next.value);
    size += next.value.length;
  }
  return { bytes: body.bytes, chunks: joined(read, rest) };
}

async function* joined(read: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let chunk = read.shift(); chunk !== undefined; chunk = read.shift()) yield chunk;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

type Repeatable = Omit<ProxyRequest, "body"> & { readonly body: Buffer | Upload | undefined };

/** Again with a new token after a 401; where the body is gone, the new token is there for whoever comes next. */
async function sendTwice(
  runtime: Runtime,
  refresher: Refresher,
  opened: OpenConnection,
  request: Repeatable,
  actor: string,
  options: StepOptions,
): ReturnType<typeof streamAuthorized> {
  const first = await send(runtime, opened, request, options);
  if (first.answer.status !== 401) return first;
  const renewed = await renewRefused(runtime, refresher, opened, actor);
  if (renewed === undefined || isUpload(request.body)) return first;
  await discard(first.answer.body);
  return send(runtime, renewed, request, options);
}

async function send(
  runtime: Runtime,
  opened: OpenConnection,
  request: Repeatable,
  options: StepOptions,
): ReturnType<typeof streamAuthorized> {
  const names = namesOf(runtime, opened);
  const defaults = opened.auth.default_params;
  const given = new Set(new URLSearchParams(request.query).keys());
  const base = await renderUrl(opened.auth.base_url, names);
  const url = joinUrl(base, request.path) + (request.query === "" ? "" : `?${request.query}`);
  const query = (await renderParameters(defaults.query, names)).filter(([name]) => !given.has(name));
  const headers = Object.fromEntries(
    (await renderParameters(defaults.headers, names)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { body } = request;
  const outgoing = {
    method: request.method,
    url: withQuery(url, query),
    base,
    headers: { ...headers, ...forwardedHeaders(request.headers) },
    ...(isUpload(body) ? { upload: body } : { body }),
  };
  const { signal } = options;
  const manner = { timeout: silence, counts: "silence", maxBytes, maxPlainBytes: Number.POSITIVE_INFINITY } as const;
  return streamAuthorized(runtime, opened, outgoing, { ...manner, ...(signal === undefined ? {} : { signal }) });
}

function forwardedHeaders(headers: Headers): Headers {
  const own = Object.entries(withoutHopByHop(headers)).filter(([name]) => !between.test(name));
  // A part of what is compressed could not be decompressed, and so not be searched.
  const parts = "range" in headers ? { "accept-encoding": "identity" } : {};
  return { ...Object.fromEntries(own), ...parts };
}

function visibleHeaders(answer: EgressStream, redact: Redactor): Headers {
  return Object.fromEntries(
    Object.entries(withoutHopByHop(answer.headers))
      .filter(([name]) => !isWithheld(name))
      .map(([name, value]) => [name, typeof value === "string" ? redact(value) : value.map(redact)]),
  );
}

/** The body with its secrets replaced, byte by byte as long as it was. */
async function* passed({ body }: EgressStream, redact: Redactor, done: (cause?: unknown) => void): ProxyAnswer["body"] {
  const redactor = redact.stream();
  let cause: unknown = unread;
  try {
    for await (const chunk of body) {
      const clean = redactor.push(chunk);
      if (clean.length > 0) yield clean;
    }
    const rest = redactor.end();
    if (rest.length > 0) yield rest;
    cause = undefined;
  } catch (thrown) {
    cause = thrown;
    throw thrown;
  } finally {
    done(cause === unread ? new JackfieldError("caller_gone") : cause);
  }
}

const unread = Symbol("unread");
