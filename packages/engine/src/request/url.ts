import type { Expression, Template } from "@jackfield/manifest";
import { parseReference, parseUrl } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import { hole, type Names, textOf } from "./hole.ts";

/*
 * A hole is encoded by where it stands in the URL, so that a value can never move from one part into another: a host name stays a host
 * name, a path segment stays one segment.
 */

export type Position = "start" | "host" | "path" | "query";

const encoders: Record<Position, (value: string, source: string) => string> = {
  start: origin,
  host: hostName,
  path: segment,
  query: (value) => encoded(value),
};

/** Renders a URL or a part of one. `position` is where the text begins. Throws `url_invalid`. */
export async function renderUrl(template: Template, names: Names, position: Position = "start"): Promise<string> {
  let url = "";
  let at = position;
  const alone = template.parts.length === 1 && (position === "start" || position === "path");
  for (const part of template.parts) {
    if (typeof part === "string") {
      url += part;
    } else if (alone) {
      // What stands for the whole was given as one.
      return wholes[at === "path" ? "path" : "url"](await given(part, names, template), part.source);
    } else {
      url += encoders[at](await given(part, names, template), part.source);
    }
    at = positionAfter(url, position);
  }
  refuseDotSegments(url, template.source);
  return url;
}

async function given(part: Expression, names: Names, template: Template): Promise<string> {
  const value = await hole(part, names);
  if (value === undefined) throw invalid(`A value for {{ ${part.source} }} in "${template.source}" is missing.`);
  return textOf(value, part.source);
}

/**
 * The URLs of a template whose only hole may give a list of them or nothing; any other gives exactly one. Throws `url_invalid`.
 */
export async function renderUrls(template: Template, names: Names): Promise<string[]> {
  const [part] = template.parts;
  if (template.parts.length !== 1 || part === undefined || typeof part === "string") return [await renderUrl(template, names)];
  const value = await hole(part, names);
  const items = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return items.map((item) => wholeUrl(textOf(item, part.source), part.source));
}

const wholes = { url: wholeUrl, path: wholePath } as const;

/** A URL that somebody gave as one: with a query, if it has one, and in its one canonical form. */
function wholeUrl(value: string, source: string): string {
  try {
    return canonicalUrl(value);
  } catch (cause) {
    throw new JackfieldError("url_invalid", { detail: `{{ ${source} }} is not a URL: ${(cause as Error).message}`, cause });
  }
}

/** An absolute URL without user info and fragment, parsed once and written out again. Throws `url_invalid`. */
export function canonicalUrl(text: string): string {
  const url = parseUrl(text);
  if (text.includes("#")) throw invalid("The URL has a fragment, which is never sent.");
  if (climbs(url.pathname)) throw invalid("The URL's path could climb out of its place.");
  return url.href;
}

/**
 * A URL that an answer names, relative to the one that answered or by itself, as it is called next: without a fragment, and unable to climb
 * however often it is decoded. Throws `url_invalid`.
 */
export function followedUrl(text: string, from: string): string {
  const url = parseReference(text, new URL(from));
  url.hash = "";
  if (climbs(url.pathname)) throw invalid("The URL's path could climb out of its place.");
  return url.href;
}

const pathForm = /^\/(?!\/)[^?#\\\p{Cc}]*$/u;

/** Why a text is no path below a base URL; undefined: it is one. */
export function reasonAgainstPath(text: string): string | undefined {
  if (!text.startsWith("/")) return "must begin with a slash.";
  if (/[?#]/.test(text)) return "must have no query and no fragment.";
  if (!pathForm.test(text)) return "must be a path such as /v1/items.";
  return climbs(text) ? "must not climb with `.` or `..`." : undefined;
}

/** A path that somebody gave as one: slashes stay, what is encoded already stays encoded, and it cannot climb. */
function wholePath(value: string, source: string): string {
  const reason = reasonAgainstPath(value);
  if (reason !== undefined) throw invalid(`{{ ${source} }} ${reason}`);
  return value
    .split(/(%[0-9a-f]{2}|[/:@!$&'()*+,;=])/i)
    .map((part, index) => (index % 2 === 1 ? part : encoded(part)))
    .join("");
}

/** Where what follows `url` stands. */
export function positionAfter(url: string, begun: Position): Position {
  if (begun === "start" && !url.includes("://")) return "start";
  const rest = begun === "start" ? url.slice(url.indexOf("://") + 3) : url;
  if (rest.includes("?")) return "query";
  return begun === "path" || rest.includes("/") ? "path" : "host";
}

/** The beginning of a URL, which more is joined to. */
function origin(value: string, source: string): string {
  const url = wholeUrl(value, source);
  if (url.includes("?")) throw invalid(`{{ ${source} }} has a query, but stands at the beginning of a URL.`);
  return url.replace(/\/+$/, "");
}

function hostName(value: string, source: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?$/.test(value)) {
    throw invalid(`{{ ${source} }} is not a host name.`);
  }
  return value;
}

/** A dot segment, also one with a path parameter behind it, or a NUL. */
const climbing = /(^|[\\/])\.{1,2}([\\/;]|$)|\0/;

/** How often a value is decoded to see what a server, and whatever stands in front of it, could make of it. */
const decodings = 3;

function segment(value: string, source: string): string {
  if (value === "") throw invalid(`{{ ${source} }} is empty, but stands in a path.`);
  if (climbs(value)) throw invalid(`{{ ${source} }} would climb out of its place in the path.`);
  return encoded(value);
}

function climbs(value: string): boolean {
  for (let [text, times] = [value, 0]; times <= decodings; times += 1) {
    if (climbing.test(text)) return true;
    text = text.replace(/%[0-7][0-9a-f]/gi, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));
  }
  return false;
}

/** `.` and `..` would climb out of the path that the author wrote, however they are spelled. */
function refuseDotSegments(url: string, source: string): void {
  const path = (url.split(/[?#]/, 1)[0] ?? "").replace(/^[a-z]+:\/\//i, "");
  for (const part of path.split("/")) {
    if (/^(\.|%2e){1,2}$/i.test(part)) throw invalid(`The path of "${source}" would contain "${part}".`);
  }
}

/** Joins `base_url` and a path without a double slash. */
export function joinUrl(base: string, path: string): string {
  return base.replace(/\/+$/, "") + path;
}

/** Appends parameters to a URL, keeping its own query; a parameter that is there already is replaced, never doubled. */
export function withQuery(url: string, entries: readonly (readonly [string, string])[]): string {
  if (entries.length === 0) return url;
  const [front = "", ...rest] = url.split("?");
  const taken = new Set(entries.map(([name]) => name));
  const kept = rest
    .join("?")
    .split("&")
    .filter((pair) => pair !== "" && !taken.has(decodeName(pair)));
  const added = entries.map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return `${front}?${[...kept, ...added].join("&")}`;
}

/** Percent-encoded UTF-8. Half a surrogate pair, which no URL can carry, becomes the replacement character. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text, "utf8").toString("utf8"));
}

function decodeName(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0] ?? "";
}

function invalid(detail: string): JackfieldError {
  return new JackfieldError("url_invalid", { detail });
}
