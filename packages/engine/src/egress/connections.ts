import { lookup as systemLookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector, Pool } from "undici";
import { JackfieldError } from "../errors.ts";
import { type Allowance, isMetadataName, isPublic, judgeAddress, type Verdict } from "./address.ts";
import type { Certificate } from "./egress.ts";
import { type EgressProxy, tunnel } from "./proxy.ts";
import { literalAddress } from "./whitelist.ts";

// Where a request's connection goes: to an address that was judged, over TLS that is always verified, and through the operator's proxy.

export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** How connections are made. */
export interface Ways {
  readonly allowance: Allowance;
  /** All addresses of a host name. Default: the system's resolver, including its hosts file. */
  readonly resolve?: Resolve | undefined;
  /** Milliseconds until a connection, with TLS and a proxy's consent, must stand. */
  readonly connectTimeout: number;
  /** Certificates, in PEM, of authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
  readonly proxy?: EgressProxy | undefined;
}

interface Judged {
  readonly address: string;
  readonly family: number;
}

const connectionsPerOrigin = 128;

/** How many addresses of a name a proxy is asked for. */
const mostTunnels = 4;

const verdicts: Readonly<Record<Exclude<Verdict, "ok">, readonly [detail: string, hint?: string]>> = {
  private: ["leads to a private address."],
  plain: ["is not private, so plain http is refused.", "Use https."],
  literal: ["is an IP address; only host names are called.", "Use the host's name."],
};

function addressRefused(host: string, verdict: Exclude<Verdict, "ok">): JackfieldError {
  const [detail, hint] = verdicts[verdict];
  return new JackfieldError("address_refused", { detail: `${host} ${detail}`, ...(hint === undefined ? {} : { hint }) });
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === "https:" ? 443 : 80);
}

/** Refuses what the DNS is not asked about: undici does not call `lookup` for literals. Throws `address_refused`. */
export function judgeHost(allowance: Allowance, url: URL): void {
  const address = literalAddress(url.hostname);
  if (address === undefined) {
    if (isMetadataName(url.hostname)) throw addressRefused(url.hostname, "private");
    return;
  }
  const verdict = judgeAddress(allowance, url.protocol, { host: address, port: portOf(url), address });
  if (verdict !== "ok") throw addressRefused(url.host, verdict);
}

const resolveBySystem: Resolve = (host) => systemLookup(host, { all: true, verbatim: true });

/**
 * The addresses of one origin's host. One that may not be reached refuses all of them: an answer that mixes public and private addresses
 * is an attack.
 */
function judged({ allowance, resolve = resolveBySystem }: Ways, origin: URL) {
  return async (host: string): Promise<readonly Judged[]> => {
    const list = [...(await resolve(host))].map(({ address }) => ({ address, family: isIP(address) }));
    if (list.length === 0) throw notFound("the name has no address");
    for (const { address } of list) {
      const verdict = judgeAddress(allowance, origin.protocol, { host, port: portOf(origin), address });
      if (verdict !== "ok") throw addressRefused(origin.host, verdict);
    }
    return list;
  };
}

const notFound = (message: string) => Object.assign(new Error(message), { code: "ENOTFOUND" });

/** A lookup that gives judged addresses alone: these are what the socket connects to. */
function lookupOf(find: (host: string) => Promise<readonly Judged[]>): LookupFunction {
  return (host, options, callback) => {
    find(host).then(
      (list) => {
        const usable =
          options.family === 4 || options.family === 6 ? list.filter(({ family }) => family === options.family) : list;
        if (options.all === true) return callback(null, [...usable]);
        const [first] = usable;
        if (first === undefined) return callback(notFound("no address of that family"), "");
        return callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ""),
    );
  };
}

/** Pools of connections, one for each origin, so that the lookup knows the port and whether TLS follows. */
export function createAgent(ways: Ways, certificate?: Certificate): Agent {
  return new Agent({
    // 1 is no pipelining; 0 would close the connection after each request.
    pipelining: 1,
    connections: connectionsPerOrigin,
    // The request's own timeout counts for the whole of it.
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (origin, options) => new Pool(origin, { ...options, connect: connectorOf(ways, new URL(origin), certificate) }),
  });
}

function connectorOf(ways: Ways, origin: URL, certificate: Certificate | undefined): buildConnector.connector {
  const { connectTimeout, ca, proxy } = ways;
  const find = judged(ways, origin);
  const options = {
    timeout: connectTimeout,
    minVersion: "TLSv1.2",
    // Said here so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...certificate,
  } as const;
  if (proxy === undefined) return buildConnector({ ...options, lookup: lookupOf(find) });
  return proxied(proxy, { find, options, origin });
}

/**
 * Through the operator's proxy, by the address that was judged: what the proxy would make of the name is not asked. What is private, and
 * was allowed, is no matter of a proxy, which stands at the way to the internet.
 */
function proxied(
  proxy: EgressProxy,
  {
    find,
    options,
    origin,
  }: {
    readonly find: ReturnType<typeof judged>;
    readonly options: buildConnector.BuildOptions;
    readonly origin: URL;
  },
): buildConnector.connector {
  const secure = buildConnector(options);
  const open = async (hostname: string): Promise<Parameters<buildConnector.connector>[0]["httpSocket"]> => {
    const literal = literalAddress(hostname);
    const list = literal === undefined ? await find(hostname) : [{ address: literal, family: isIP(literal) }];
    const open = list.filter(({ address }) => isPublic(address)).slice(0, mostTunnels);
    return open.length === 0
      ? undefined
      : tunnel(proxy, open, { host: origin.host, port: portOf(origin), timeout: options.timeout ?? 0 });
  };
  // The second look may not find more than the first: a name that has become public meanwhile would go past the proxy.
  const direct = buildConnector({
    ...options,
    lookup: lookupOf(async (host) => {
      const list = await find(host);
      if (list.some(({ address }) => isPublic(address))) throw notFound("the name has changed its address");
      return list;
    }),
  });
  return (target, callback) => {
    open(target.hostname).then(
      (socket) => (socket === undefined ? direct(target, callback) : secure({ ...target, httpSocket: socket }, callback)),
      (error: Error) => callback(error, null),
    );
  };
}
