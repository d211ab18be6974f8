import { setImmediate as nextTurn } from "node:timers/promises";
import type { Agent } from "undici";
import { JackfieldError } from "../errors.ts";
import { type Allowance, compileAllowance } from "./address.ts";
import { createCertifiedAgents } from "./certified-agents.ts";
import { createAgent, judgeHost, type Resolve } from "./connections.ts";
import { acceptEncoding, contentCodings, decodeBody } from "./decode.ts";
import { exchange, type RawAnswer } from "./exchange.ts";
import { failure } from "./failure.ts";
import { checkHeaders, type Headers } from "./headers.ts";
import { readEgressProxy } from "./proxy.ts";
import { type Hop, isRedirect, isUpload, nextHop, type Redirects, type Upload } from "./redirect.ts";
import { parseUrl } from "./whitelist.ts";

/*
 * The only way out of the process. A request goes to the URL that was judged, at an address that was judged after DNS, over TLS that is
 * always verified; private addresses and plain http only where the operator allowed them. Proxies of the environment are not used: they
 * would resolve the name once more. The whitelist is the caller's: before `send`, and in `redirects.allowed`.
 */

export interface EgressOptions {
  /** CIDRs, or host:port of one listener, that may be reached although private, and in plain http. */
  readonly allowPrivate: readonly string[];
  /** `http://user:password@host:port` of a proxy that everything goes through but what is private and allowed. */
  readonly proxy?: string | undefined;
}

export interface EgressRequest {
  /** Upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body?: Buffer | string;
  /** A body that is sent while it is read, in place of `body`. What its reading throws ends the request and is thrown as it is. */
  readonly upload?: Upload | undefined;
  /** Milliseconds for everything: DNS, connecting, redirects, and the body to its last byte. */
  readonly timeout: number;
  /** What `timeout` counts. `silence`: the time in which no byte is moved, in either direction, by whoever is to blame. Default: `all`. */
  readonly counts?: "all" | "silence";
  /** Bytes of the answer's body after decompression. */
  readonly maxBytes: number;
  /** The same of a body that is not compressed, so that it takes as many bytes to send. Default: `maxBytes`. */
  readonly maxPlainBytes?: number;
  /** `none` gives the 3xx back as it is. */
  readonly redirects: "none" | Redirects;
  readonly signal?: AbortSignal;
  /** Whether the credential is a cookie, so that this header may be set. */
  readonly cookie?: boolean;
  /** What it is sent for, to be counted by. Default: `api`. */
  readonly purpose?: Purpose;
  /** Presented to the request's own origin, never to one that it is redirected to (RFC 8705). */
  readonly certificate?: Certificate;
}

/** The API of a connector, an authorization server's endpoint, what that says of itself, or an endpoint for our events. */
export type Purpose = "api" | "token" | "metadata" | "event";

/** A client certificate, with its chain, and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

interface AnswerHead {
  readonly status: number;
  /** Names in lower case. What decoding the body has made untrue (`content-encoding`, `content-length`) is left out. */
  readonly headers: Record<string, string | string[]>;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** Milliseconds since the epoch, taken before the first byte was sent. */
  readonly sentAt: number;
}

export interface EgressAnswer extends AnswerHead {
  /** Decompressed. */
  readonly body: Buffer;
  /** Whole milliseconds from the call of `send` to the body's last byte. */
  readonly duration_ms: number;
}

export interface EgressStream extends AnswerHead {
  /**
   * Decompressed, to be read once. It throws what `send` throws. It holds a connection until it is read to its end, reading stops, the
   * signal is aborted, or the timeout is over; one that is not wanted is given to `discard`.
   */
  readonly body: AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Both methods throw `url_invalid`, `header_refused`, `request_invalid`, `address_refused`, `url_not_whitelisted` (a redirect),
 * `provider_timeout`, `provider_unavailable`, `provider_answer_too_large`, `certificate_invalid`, `body_not_repeatable`, `egress_proxy_failed` and `stopping`. Once the request itself was found acceptable,
 * errors have a member `sent`: whether the provider may have processed it. When the caller's signal is aborted they throw its reason.
 */
export interface Egress {
  /** Sends a request and reads its answer. */
  send(request: EgressRequest): Promise<EgressAnswer>;
  /** As `send`, but hands the body on while it arrives. */
  stream(request: EgressRequest): Promise<EgressStream>;
  /** Waits for what is under way, then closes all connections. */
  close(): Promise<void>;
}

export interface EgressExtra {
  /** All addresses of a host name. Default: the system's resolver, including its hosts file. */
  readonly resolve?: Resolve;
  /** Milliseconds until a connection, with TLS and a proxy's consent, must stand. Default: 10,000. */
  readonly connectTimeout?: number;
  /** Certificates, in PEM, of authorities to trust instead of the system's. */
  readonly ca?: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

const userAgent = "Jackfield/0.1";
const maxTimeout = 2 ** 31 - 1;
/** What is read of a redirect's body so that its connection can be used again. */
const redirectBody = 16 * 1024;

/** What one call of `send` or `stream` knows of itself. */
interface Call {
  readonly request: EgressRequest;
  readonly signal: AbortSignal;
  host: string;
  sent: boolean;
  sentAt: number;
  /** What reading the upload threw: that is told, not what became of the connection by it. */
  unreadable: unknown;
  /** Something was moved. */
  readonly moved: () => void;
  /** Ends the timeout. */
  done(): void;
}

function begin(request: EgressRequest): Call {
  const controller = new AbortController();
  const { timeout, counts } = request;
  const timer = setTimeout(() => {
    const detail = `${call.host} did not answer within ${timeout} ms.`;
    controller.abort(new JackfieldError("provider_timeout", { detail, members: { sent: call.sent } }));
  }, timeout);
  const call: Call = {
    ...{ request, signal: controller.signal, host: "", sent: false, sentAt: 0, unreadable: undefined, done },
    moved: counts === "silence" ? () => void timer.refresh() : () => {},
  };
  const onAbort = (): void => controller.abort(request.signal?.reason);
  request.signal?.addEventListener("abort", onAbort, { once: true });
  function done(): void {
    clearTimeout(timer);
    request.signal?.removeEventListener("abort", onAbort);
  }
  return call;
}

/** The upload as it is sent: undici waits for the connection, and ends the reading when the request ends. */
function uploadOf(call: Call, { chunks, bytes }: Upload): Upload {
  async function* reading(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        call.moved();
        yield chunk;
      }
    } catch (cause) {
      call.unreadable = cause;
      throw cause;
    }
  }
  return { chunks: reading(), bytes };
}

function firstHop(request: EgressRequest): Hop {
  const { method, timeout, body, upload } = request;
  // CONNECT and TRACE are the proxy's and the debugger's.
  if (!/^[A-Z][A-Z-]{0,19}$/.test(method) || method === "CONNECT" || method === "TRACE")
    throw new JackfieldError("request_invalid", { detail: "The request's method is not acceptable." });
  if (!(timeout > 0 && timeout <= maxTimeout))
    throw new JackfieldError("request_invalid", { detail: "The request's timeout is not a number of milliseconds." });
  const headers = checkHeaders(request.headers, request.cookie);
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (!names.has("user-agent")) headers["user-agent"] = userAgent;
  if (!names.has("accept-encoding")) headers["accept-encoding"] = acceptEncoding;
  return { method, url: parseUrl(request.url), headers, body: upload ?? body };
}

/** Reads a little of a body that nobody needs, so that the next request finds its connection free. */
export async function discard(body: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > redirectBody) return;
  }
  // undici leaves a connection alone for one turn after an answer, in case the server closes it.
  await nextTurn();
}

/** A header that was dropped on the way stays away. */
async function renewed(hop: Hop, { renew }: Redirects): Promise<Hop> {
  if (renew === undefined) return hop;
  const fresh = Object.entries(await renew({ method: hop.method, url: hop.url.href }));
  return {
    ...hop,
    headers: { ...hop.headers, ...Object.fromEntries(fresh.filter(([name]) => Object.hasOwn(hop.headers, name))) },
  };
}

/** Sends the request and those that its redirects ask for. */
async function follow(
  agentFor: (certificate: Certificate | undefined) => Agent,
  allowance: Allowance,
  clock: () => number,
  call: Call,
  first: Hop,
): Promise<{ readonly answer: RawAnswer; readonly url: URL }> {
  const { redirects, certificate } = call.request;
  let hop = first;
  for (let count = 0; ; count++) {
    call.host = hop.url.host;
    judgeHost(allowance, hop.url);
    const agent = agentFor(hop.url.origin === first.url.origin ? certificate : undefined);
    const answer = await exchange(agent, hop, call.signal, () => {
      if (!call.sent) call.sentAt = clock();
      call.sent = true;
    });
    const location = answer.headers.location;
    if (redirects === "none" || location === undefined || !isRedirect(answer.status)) return { answer, url: hop.url };
    try {
      if (count >= redirects.limit)
        throw new JackfieldError("provider_unavailable", {
          detail: `${call.host} redirects more than ${redirects.limit} times.`,
        });
      hop = await renewed(nextHop(hop, answer.status, location, redirects), redirects);
      await discard(answer.body);
    } finally {
      answer.body.destroy();
    }
  }
}

/** Options as the engine takes them, and what tests and hosts may replace. Throws `TypeError` for an entry of `allowPrivate`, or `proxy`. */
export function createEgress(options: EgressOptions, extra: EgressExtra = {}): Egress {
  const { resolve, ca, clock = Date.now, connectTimeout = 10_000 } = extra;
  const allowance = compileAllowance(options.allowPrivate);
  const proxy = options.proxy === undefined ? undefined : { ...readEgressProxy(options.proxy), ca };
  const ways = { allowance, resolve, ca, proxy, connectTimeout };
  const agent = createAgent(ways);
  const certified = createCertifiedAgents((certificate) => createAgent(ways, certificate));
  const agentFor = (certificate: Certificate | undefined) => (certificate === undefined ? agent : certified.get(certificate));

  // The caller's own reason for stopping comes back to it as it is.
  const explain = (error: unknown, call: Call): unknown =>
    call.request.signal?.aborted === true
      ? call.request.signal.reason
      : (call.unreadable ?? failure(error, { host: call.host, sent: call.sent, connectTimeout }));

  async function* bodyOf(answer: RawAnswer, codings: readonly string[], call: Call): EgressStream["body"] {
    const { maxBytes, maxPlainBytes = maxBytes } = call.request;
    try {
      for await (const chunk of decodeBody(answer.body, codings, codings.length === 0 ? maxPlainBytes : maxBytes)) {
        call.moved();
        yield chunk;
      }
    } catch (error) {
      throw explain(error, call);
    } finally {
      call.done();
    }
  }

  async function stream(request: EgressRequest): Promise<EgressStream> {
    request.signal?.throwIfAborted();
    const hop = firstHop(request);
    const call = begin(request);
    try {
      const first = isUpload(hop.body) ? { ...hop, body: uploadOf(call, hop.body) } : hop;
      const { answer, url } = await follow(agentFor, allowance, clock, call, first);
      call.moved();
      const codings = contentCodings(answer.headers["content-encoding"]);
      const { status, headers } = answer;
      if (codings.length > 0) {
        delete headers["content-encoding"];
        delete headers["content-length"];
      }
      return { status, headers, url: url.href, sentAt: call.sentAt, body: bodyOf(answer, codings, call) };
    } catch (error) {
      call.done();
      throw explain(error, call);
    }
  }

  async function send(request: EgressRequest): Promise<EgressAnswer> {
    const start = performance.now();
    const { body, ...head } = await stream(request);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return { ...head, body: Buffer.concat(chunks), duration_ms: Math.round(performance.now() - start) };
  }

  return { send, stream, close: async () => void (await Promise.all([agent.close(), certified.close()])) };
}
