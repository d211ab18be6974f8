import type { Auth } from "@jackfield/manifest";
import type { EgressAnswer, EgressRequest, EgressStream } from "../egress/egress.ts";
import { discard } from "../egress/egress.ts";
import { flatHeaders, type Headers } from "../egress/headers.ts";
import type { Redactor } from "../egress/redact.ts";
import type { Upload } from "../egress/redirect.ts";
import { allows, parseUrl, type Rule } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import type { Client } from "../grant/credential.ts";
import { certificateOf } from "../grant/token-endpoint.ts";
import { readBody } from "../request/answer-body.ts";
import type { Content, Rendered } from "../request/render.ts";
import { retryAfter } from "../request/retry-after.ts";
import type { Runtime } from "../runtime.ts";
import { authorize } from "./apply.ts";
import { clientOf, namesOf, type OpenConnection, redactorOf, whitelistOf } from "./open.ts";

/** An API's answer, its body read. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON or XML, the text where it is neither, a file where it is no text; null where there is no body. */
  readonly body: unknown;
  readonly host: string;
  /** The URL that answered. */
  readonly url: string;
  readonly duration_ms: number;
  /** How large the body is after decompression. */
  readonly bytes: number;
  readonly retry_after: number | undefined;
  /** Takes out of a text what the answer may repeat of the credential. */
  readonly redact: (text: string) => string;
}

export interface Limits {
  /** Milliseconds for the whole call. */
  readonly timeout: number;
  /** Bytes after decompression. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

const redirectLimit = 5;

/** A request before the credential is laid on: a body as data, or one that is passed through as it came. */
export interface Outgoing extends Omit<Rendered, "content" | "headers"> {
  readonly headers: Headers;
  readonly content?: Content | undefined;
  readonly body?: Buffer | undefined;
  /** In place of `body`: what can be sent only once. */
  readonly upload?: Upload | undefined;
}

interface Sent<Answer> {
  readonly answer: Answer;
  readonly redact: Redactor;
}

/** The parts of a request that have nothing to do with what it says. */
type Manner = Pick<EgressRequest, "timeout" | "counts" | "maxBytes" | "maxPlainBytes" | "signal">;

/**
 * The only way in which a connection's credential leaves: the URL is judged against the whitelist first, and the credential is laid on
 * last. Throws `url_not_whitelisted`, `address_refused`, `provider_timeout`, `provider_unavailable`, …
 */
async function sendWith<Answer extends Pick<EgressStream, "status" | "headers" | "url"> & { readonly body: unknown }>(
  runtime: Runtime,
  opened: OpenConnection,
  outgoing: Outgoing,
  encodedBy: "engine" | "caller",
  send: (request: Omit<EgressRequest, keyof Manner>) => Promise<Answer>,
  drop: (answer: Answer) => Promise<void>,
): Promise<Sent<Answer>> {
  const rules = await whitelistOf(runtime, opened);
  const client = await clientForCalls(runtime, opened);
  const judged = judge(rules, outgoing.url, encodedBy, redactorOf(opened, client, []));
  const names = namesOf(runtime, opened, client);
  const credential = { client, credential: opened.credential };
  const attempt = async () => {
    const authorized = await authorize(runtime, opened.auth, { ...outgoing, url: judged }, names, credential);
    const { request, secretHeaders, computed, prove } = authorized;
    const answer = await send({
      ...request,
      ...(isCertified(opened.auth) && client !== undefined ? { certificate: certificateOf(client) } : {}),
      redirects: {
        limit: redirectLimit,
        allowed: (url) => allows(rules, url),
        secretHeaders,
        ...(prove === undefined ? {} : { renew: prove }),
      },
    });
    const asksAgain = prove !== undefined && runtime.nonces?.note("api", answer) === true;
    return { answer, asksAgain, redact: redactorOf(opened, client, computed) };
  };
  const first = await attempt();
  if (!first.asksAgain || outgoing.upload !== undefined) return first;
  // What lacked the nonce was not carried out (RFC 9449 §9).
  await drop(first.answer);
  return attempt();
}

/** Sends a request with the connection's credential, and reads the answer. Throws as `sendWith`. */
export function sendAuthorized(
  runtime: Runtime,
  opened: OpenConnection,
  outgoing: Outgoing,
  { timeout, maxBytes, signal }: Limits,
  encodedBy: "engine" | "caller",
): Promise<Sent<EgressAnswer>> {
  const manner = { timeout, maxBytes, ...(signal === undefined ? {} : { signal }) };
  const send = (request: Omit<EgressRequest, keyof Manner>) => runtime.egress.send({ ...request, ...manner });
  return sendWith(runtime, opened, outgoing, encodedBy, send, async () => {});
}

/** The same, with an answer whose body is read while it arrives. What a caller gave is passed on as it encoded it. */
export function streamAuthorized(
  runtime: Runtime,
  opened: OpenConnection,
  outgoing: Outgoing,
  manner: Manner,
): Promise<Sent<EgressStream>> {
  const stream = (request: Omit<EgressRequest, keyof Manner>) => runtime.egress.stream({ ...request, ...manner });
  return sendWith(runtime, opened, outgoing, "caller", stream, ({ body }) => discard(body));
}

const isCertified = (auth: Auth) => auth.type === "oauth2" && auth.client.certificate === "always";

/** The client, where calls of the API need it too: a signature, or an ID beside the token. */
function clientForCalls(runtime: Runtime, opened: OpenConnection): Promise<Client> | undefined {
  const { auth } = opened;
  const named = isCertified(auth) || auth.apply.some(({ value }) => /\bapp\b/.test(value.source));
  return auth.type === "oauth1" || (named && auth.type === "oauth2") ? clientOf(runtime, opened) : undefined;
}

/** As `sendAuthorized`, with the body read. */
export async function callApi(runtime: Runtime, opened: OpenConnection, rendered: Rendered, limits: Limits): Promise<ApiAnswer> {
  const { answer, redact } = await sendAuthorized(runtime, opened, rendered, limits, "engine");
  return {
    status: answer.status,
    headers: flatHeaders(answer.headers),
    body: readBody(answer, redact),
    host: new URL(answer.url).host,
    url: answer.url,
    duration_ms: answer.duration_ms,
    bytes: answer.body.length,
    retry_after: retryAfter(answer),
    redact,
  };
}

/**
 * A slash or per cent sign that the engine encoded is part of one segment and cannot climb (`request/url.ts` refuses values that would), so
 * it does not count against the whitelist; one that a caller encoded does.
 */
function judge(rules: readonly Rule[], text: string, encodedBy: "engine" | "caller", redact: (text: string) => string): string {
  const url = parseUrl(text);
  const judged = new URL(url);
  if (encodedBy === "engine") judged.pathname = url.pathname.replace(/%(2f|5c|25)/gi, "_");
  if (!allows(rules, judged)) {
    throw new JackfieldError("url_not_whitelisted", { detail: `${redact(url.origin + url.pathname)} is not on the whitelist.` });
  }
  return url.href;
}
