import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { JackfieldError } from "../errors.ts";

/*
 * The operator's egress proxy (RFC 9110 §9.3.6). It is asked for addresses, never for names, so that it cannot resolve a name in another
 * way than the one that was judged; TLS to the provider runs inside the tunnel.
 */

export interface EgressProxy {
  /** Its origin: `http:` or `https:`, host and port. */
  readonly url: string;
  /** What it is sent as `Proxy-Authorization`. */
  readonly authorization?: string | undefined;
  /** Certificates, in PEM, of authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
}

interface Wanted {
  /** What is told of a failure. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds for all addresses together. */
  readonly timeout: number;
}

/** Reads `http://user:password@host:port`, the user and password percent-encoded. Throws `TypeError`, which does not repeat the text. */
export function readEgressProxy(text: string): EgressProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^\/?$/.test(url.pathname) && url.search === "" && url.hash === "";
  if (!isOrigin || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TypeError(
      "is not the URL of a proxy. Give http://HOST:PORT, or https:// for TLS, a user and a password before the host",
    );
  }
  const { origin, username, password } = url;
  if (username === "" && password === "") return { url: origin };
  let pair: string;
  try {
    pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch (cause) {
    throw new TypeError("has a user or a password that is not percent-encoded", { cause });
  }
  return { url: origin, authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
}

function refused(
  host: string,
  why: string,
  more: { readonly cause?: unknown; readonly members?: Readonly<Record<string, unknown>> },
) {
  return new JackfieldError("egress_proxy_failed", { detail: `The egress proxy does not connect to ${host}: ${why}.`, ...more });
}

/** A connection to the first of some addresses that the proxy reaches. Throws `egress_proxy_failed`. */
export async function tunnel(
  proxy: EgressProxy,
  addresses: readonly { readonly address: string; readonly family: number }[],
  wanted: Wanted,
): Promise<Socket> {
  const late = AbortSignal.timeout(wanted.timeout);
  let last: unknown;
  for (const { address, family } of addresses) {
    const authority = `${family === 6 ? `[${address}]` : address}:${wanted.port}`;
    try {
      return await connectTo(proxy, authority, wanted.host, late);
    } catch (cause) {
      last = cause;
      if (isFinal(cause)) break;
    }
  }
  throw last;
}

/** What another address would not change: the proxy does not know us, or is not there. */
function isFinal(cause: unknown): boolean {
  const status = cause instanceof JackfieldError ? cause.members.proxy_status : undefined;
  return status === undefined || status === 407;
}

function connectTo({ url, authorization, ca }: EgressProxy, authority: string, host: string, late: AbortSignal): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url);
  const send: typeof httpRequest = protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request: ClientRequest = send({
      method: "CONNECT",
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port || (protocol === "https:" ? 443 : 80),
      path: authority,
      headers: { host: authority, ...(authorization === undefined ? {} : { "proxy-authorization": authorization }) },
      agent: false,
      signal: late,
      ...(protocol === "https:" ? { rejectUnauthorized: true, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) } : {}),
    });
    request.once("error", (cause: NodeJS.ErrnoException) =>
      reject(refused(host, late.aborted ? "it does not answer" : (cause.code ?? "it breaks off"), { cause })),
    );
    request.once("connect", (response, socket: Socket, head) => {
      const { statusCode: status = 0 } = response;
      if (status >= 200 && status < 300 && head.length === 0) return resolve(socket);
      socket.destroy();
      const why = head.length > 0 ? "it speaks before it is asked" : `it answers ${status}`;
      reject(refused(host, why, { members: { proxy_status: status } }));
    });
    request.end();
  });
}
