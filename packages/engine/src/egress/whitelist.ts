import { isIP } from "node:net";
import { domainToASCII, domainToUnicode } from "node:url";
import { JackfieldError } from "../errors.ts";

/*
 * Which URLs a credential may ever be sent to. A text is refused before it is parsed if two parsers could read it differently (the
 * WHATWG parser drops tabs and line ends and takes `\` for `/`); it is then parsed once, and from there on only the parsed URL is
 * compared and sent. Nothing here compares URLs as texts.
 */

/** A compiled entry of a whitelist. */
export interface Rule {
  /** `http:` only where the entry says so; whether plain http is fine at the address it leads to is judged when connecting. */
  readonly protocol: "https:" | "http:";
  /** Lower case and punycoded, without a trailing dot; an IPv6 literal keeps its brackets. For a wildcard, what follows `*.`. */
  readonly host: string;
  /** One or more further labels must stand before `host`. */
  readonly wildcard: boolean;
  readonly port: string;
  /** Without a trailing slash; empty when every path is allowed. */
  readonly path: string;
}

const maxBytes = 4096;
const maxHost = 253;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const ambiguous = /[\u0000-\u0020\u007f-\u009f\\]/;
const absolute = /^https?:\/\/[^/]/;
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** What a server behind the first one may decode a second time: `/ \ . NUL %`, and `..;`, which some read as `..`. */
const decodedAgain = /%(?:2f|5c|2e|00|25)|\/\.{1,2};/i;
const defaultPorts = { "https:": "443", "http:": "80" } as const;

function refuse(detail: string, cause?: unknown): JackfieldError {
  return new JackfieldError("url_invalid", { detail, cause });
}

/** The text between `//` and the path, query or fragment. */
function authority(text: string): string {
  const start = text.indexOf("//") + 2;
  const length = text.slice(start).search(/[/?#]/);
  return length === -1 ? text.slice(start) : text.slice(start, start + length);
}

/** The address of an IP literal as a URL's hostname, without brackets; undefined for a name. */
export function literalAddress(hostname: string): string | undefined {
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return isIP(address) === 0 ? undefined : address;
}

/** Not every version of Node refuses a label that only looks encoded; other software may read it as another name. */
function isPunycode(name: string): boolean {
  const decoded = domainToUnicode(name);
  return !decoded.split(".").some((part) => part.startsWith("xn--")) && domainToASCII(decoded) === name;
}

function checkHost(url: URL): void {
  if (literalAddress(url.hostname) !== undefined) return;
  const name = url.hostname.endsWith(".") ? url.hostname.slice(0, -1) : url.hostname;
  if (name.length > maxHost || !name.split(".").every((part) => label.test(part)))
    throw refuse("The URL's host is not a valid host name.");
  if (name.includes("xn--") && !isPunycode(name)) throw refuse("The URL's host is not valid Punycode.");
  // The dot is not sent either, so that the Host header and the certificate's name fit.
  url.hostname = name;
}

/**
 * Reads an absolute http or https URL of at most 4 KB. Control characters, white space, backslashes, user names and unusual hosts are
 * refused; one trailing dot of the host is taken away; IP literals come out in their one canonical form.
 * Throws `url_invalid`; its detail never repeats the text.
 */
export function parseUrl(text: string): URL {
  if (typeof text !== "string" || Buffer.byteLength(text) > maxBytes)
    throw refuse(`A URL is a text of at most ${maxBytes} bytes.`);
  if (ambiguous.test(text)) throw refuse("The URL contains white space, a control character or a backslash.");
  if (!absolute.test(text)) throw refuse("The URL must begin with https:// and a host.");
  // An empty user name counts too, and does not show in the parsed URL.
  if (authority(text).includes("@")) throw refuse("The URL contains a user name or password.");
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    // The parser's error repeats the text in a member.
    throw refuse("The URL cannot be parsed.", new Error((cause as Error).message));
  }
  if (url.port === "0") throw refuse("The URL's port is 0.");
  checkHost(url);
  return url;
}

/**
 * Reads a URL that an answer names, by itself or relative to the one that answered. What has a scheme or a host must be well formed by
 * itself: the parser would mend `https:host` and `///host`. Throws `url_invalid`.
 */
export function parseReference(text: string, base: URL): URL {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return parseUrl(text);
  if (/^[/\\]{2}/.test(text)) return parseUrl(base.protocol + text);
  if (ambiguous.test(text)) throw refuse("The URL contains white space, a control character or a backslash.");
  return parseUrl(new URL(text, base).href);
}

/**
 * Compiles `https://host[:port][/path-prefix]`, or the same with `*.suffix` as the host, which means one or more labels before the
 * suffix and never the suffix itself. Throws `url_invalid`.
 */
export function compileRule(text: string): Rule {
  const wildcard = /^https?:\/\/\*\./.test(text);
  const url = parseUrl(wildcard ? text.replace("*.", "") : text);
  if (url.search !== "" || url.hash !== "" || /[?#]/.test(text)) throw refuse("A whitelist entry has no query and no fragment.");
  if (decodedAgain.test(url.pathname)) throw refuse("A whitelist entry's path contains an encoded slash, dot or per cent sign.");
  if (wildcard && (literalAddress(url.hostname) !== undefined || !url.hostname.includes(".")))
    throw refuse("A wildcard needs a domain of two or more labels after it.");
  const protocol = url.protocol === "http:" ? "http:" : "https:";
  return {
    protocol,
    host: url.hostname,
    wildcard,
    port: url.port || defaultPorts[protocol],
    path: url.pathname.endsWith("/") ? url.pathname.slice(0, -1) : url.pathname,
  };
}

function hostFits(rule: Rule, hostname: string): boolean {
  return rule.wildcard ? hostname.endsWith(`.${rule.host}`) && hostname.length > rule.host.length + 1 : hostname === rule.host;
}

function pathFits(rule: Rule, pathname: string): boolean {
  if (rule.path === "") return true;
  if (decodedAgain.test(pathname)) return false;
  return pathname === rule.path || pathname.startsWith(`${rule.path}/`);
}

/** Whether one of the rules covers a URL that came from `parseUrl`. No rules allow nothing. */
export function allows(rules: readonly Rule[], url: URL): boolean {
  if (url.username !== "" || url.password !== "") return false;
  const { protocol, hostname, pathname } = url;
  return rules.some(
    (rule) =>
      rule.protocol === protocol &&
      rule.port === (url.port || defaultPorts[rule.protocol]) &&
      hostFits(rule, hostname) &&
      pathFits(rule, pathname),
  );
}
