import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/*
 * Which addresses may be connected to: global unicast ones, and private ones that the operator allowed. An address is judged after
 * DNS, in the form it is connected to.
 */

type Address = ipaddr.IPv4 | ipaddr.IPv6;

interface Range {
  readonly network: Address;
  readonly bits: number;
}

/** Where a connection would go. */
export interface Target {
  /** The URL's host as it stands there, an IPv6 literal without brackets. */
  readonly host: string;
  readonly port: number;
  /** The resolved address. */
  readonly address: string;
}

/** Whether the operator lets this target be reached although it is private. */
export type Allowance = (target: Target) => boolean;

/** Why a target is refused, or `ok`. `plain`: http to a public address. `literal`: a public address instead of a name. */
export type Verdict = "ok" | "private" | "plain" | "literal";

function parse(address: string): Address | undefined {
  // The zone of a link-local address would be dropped by some readers and kept by others.
  if (isIP(address) === 0 || address.includes("%")) return undefined;
  // ipaddr.js reads ::127.0.0.1 as ::ffff:127.0.0.1; in hexadecimal it is what it says.
  const dotted = address.includes(":") && address.includes(".");
  const parsed = ipaddr.parse(dotted ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address);
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

function range(text: string): Range {
  const slash = text.indexOf("/");
  const network = parse(slash === -1 ? text : text.slice(0, slash));
  if (network === undefined) throw notAnEntry(text);
  const full = network.kind() === "ipv4" ? 32 : 128;
  if (slash === -1) return { network, bits: full };
  const digits = text.slice(slash + 1);
  // A mapped network counts its bits as IPv6 does.
  const mapped = full === 32 && text.includes(":") ? 96 : 0;
  const bits = /^\d{1,3}$/.test(digits) ? Number(digits) - mapped : -1;
  if (bits < 0 || bits > full) throw notAnEntry(text);
  return { network, bits };
}

function within({ network, bits }: Range, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

function notAnEntry(text: string): TypeError {
  return new TypeError(`"${text}" is neither an address, a CIDR such as 10.0.0.0/8, nor host:port.`);
}

/**
 * What the clouds' metadata services answer on. 168.63.129.16 lies in a public range, 100.100.100.200 in one that operators of
 * private networks allow; none of them is ever covered by an allowed range, only by itself.
 */
const metadata = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
].map(range);

/** Names that lead there. */
const metadataNames: ReadonlySet<string> = new Set(["metadata.google.internal", "metadata.goog"]);

/** Not global, whatever the library's table says of them. 64:ff9b:1::/48 embeds IPv4 at a place that only its network knows. */
const refused = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "64:ff9b:1::/48",
  "2001::/23",
  "2001:db8::/32",
  "3fff::/20",
].map(range);

/** All that is handed out of IPv6 so far; what lies outside (::/96, 5f00::/16, fc00::/7, fe80::/10, …) is never global unicast. */
const globalUnicast = range("2000::/3");

/** IPv6 networks that carry an IPv4 address: the byte at which it begins. */
const embedding: readonly (readonly [Range, number])[] = [
  [range("64:ff9b::/96"), 12],
  [range("2002::/16"), 2],
];

function isPublicAddress(address: Address): boolean {
  if ([...metadata, ...refused].some((each) => within(each, address))) return false;
  if (address instanceof ipaddr.IPv4) return address.range() === "unicast";
  const carrier = embedding.find(([each]) => within(each, address));
  if (carrier !== undefined) return isPublicAddress(new ipaddr.IPv4(address.toByteArray().slice(carrier[1], carrier[1] + 4)));
  return within(globalUnicast, address) && address.range() === "unicast";
}

/** Whether an address, in text as `node:net` writes it, is global unicast. An IPv4 address inside an IPv6 one is judged itself. */
export function isPublic(address: string): boolean {
  const parsed = parse(address);
  return parsed !== undefined && isPublicAddress(parsed);
}

const loopback = [range("127.0.0.0/8"), range("::1")];

function allowRange(text: string): (address: Address) => boolean {
  const allowed = range(text);
  const single = allowed.bits === (allowed.network.kind() === "ipv4" ? 32 : 128);
  return (address) => within(allowed, address) && (single || !metadata.some((each) => within(each, address)));
}

/** `host:port`: a name must be the URL's own host, so that no other name that leads to the same place is let in with it. */
function allowListener(text: string): Allowance {
  const parts = /^(?:\[(?<literal>[^\]]+)\]|(?<name>[^:/\s[\]]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const host = (parts?.literal ?? parts?.name ?? "").toLowerCase();
  const port = Number(parts?.port);
  if (host === "" || !(port > 0 && port < 65_536)) throw notAnEntry(text);
  if (isIP(host) !== 0) {
    const allowed = allowRange(host);
    return (target) => target.port === port && reaches(target, allowed);
  }
  const anywhere = (address: Address): boolean => !metadata.some((each) => within(each, address));
  const here = (address: Address): boolean => loopback.some((each) => within(each, address));
  if (host === "localhost")
    return (target) => target.port === port && (target.host === host || isIP(target.host) !== 0) && reaches(target, here);
  return (target) => target.port === port && target.host === host && reaches(target, anywhere);
}

function reaches(target: Target, allowed: (address: Address) => boolean): boolean {
  const address = parse(target.address);
  return address !== undefined && allowed(address);
}

/**
 * Compiles the operator's list: addresses, CIDRs, and `host:port` of one listener (`localhost:3000` is port 3000 of the loopback
 * addresses). A range never covers a metadata service; naming its address does. Throws `TypeError` for anything else.
 */
export function compileAllowance(allowPrivate: readonly string[]): Allowance {
  const entries = allowPrivate.map((entry): Allowance => {
    const text = entry.trim();
    if (isIP(text) === 0 && !text.includes("/")) return allowListener(text);
    const allowed = allowRange(text);
    return (target) => reaches(target, allowed);
  });
  return (target) => entries.some((entry) => entry(target));
}

/**
 * Whether an operator's list allows plain http to a host, as far as that can be told without DNS: of an address, whether it is on the
 * list; of `localhost`, whether the loopback addresses are; of another name, whether there is a list at all. What is resolved is judged
 * again when it is connected to.
 */
export function allowsPlainHttp(allowPrivate: readonly string[]): (host: string) => boolean {
  const ranges = allowPrivate
    .filter((entry) => isIP(entry.trim()) !== 0 || entry.includes("/"))
    .map((entry) => allowRange(entry.trim()));
  const covered = (text: string): boolean => {
    const address = parse(text);
    return address !== undefined && !isPublic(text) && ranges.some((allowed) => allowed(address));
  };
  return (host) => {
    const bare = host.replace(/^\[|\]$/g, "");
    if (bare === "localhost") return covered("127.0.0.1") || covered("::1");
    return isIP(bare) === 0 ? ranges.length > 0 : covered(bare);
  };
}

/** Whether a host name is that of a metadata service. It is refused without asking the DNS, which may answer anything for it. */
export function isMetadataName(host: string): boolean {
  return metadataNames.has(host);
}

/** Judges one resolved address of a URL. Plain http is for allowed private addresses only. */
export function judgeAddress(allowance: Allowance, protocol: string, target: Target): Verdict {
  const open = isPublic(target.address);
  const allowed = allowance(target);
  if (!open) return allowed ? "ok" : "private";
  if (protocol !== "https:") return "plain";
  return isIP(target.host) === 0 || allowed ? "ok" : "literal";
}
