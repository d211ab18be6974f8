import type { Template } from "@jackfield/manifest";
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
  for (const part of template.parts) {
    if (typeof part === "string") {
      url += part;
    } else {
      const value = await hole(part, names);
      if (value === undefined) throw invalid(`A value for {{ ${part.source} }} in "${template.source}" is missing.`);
      url += encoders[at](textOf(value, part.source), part.source);
    }
    at = positionAfter(url, position);
  }
  refuseDotSegments(url, template.source);
  return url;
}

/** Where what follows `url` stands. */
export function positionAfter(url: string, begun: Position): Position {
  if (begun === "start" && !url.includes("://")) return "start";
  const rest = begun === "start" ? url.slice(url.indexOf("://") + 3) : url;
  if (rest.includes("?")) return "query";
  return begun === "path" || rest.includes("/") ? "path" : "host";
}

/** A whole origin with an optional path, as deployments give it (`platform.*`, `env.*`). */
function origin(value: string, source: string): string {
  if (!/^https?:\/\/[A-Za-z0-9.[\]:-]+(\/[A-Za-z0-9._~/-]*)?$/.test(value))
    throw invalid(`{{ ${source} }} is not the beginning of a URL.`);
  return value.replace(/\/+$/, "");
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
  for (let [text, times] = [value, 0]; times <= decodings; times += 1) {
    if (climbing.test(text)) throw invalid(`{{ ${source} }} would climb out of its place in the path.`);
    text = text.replace(/%[0-7][0-9a-f]/gi, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));
  }
  return encoded(value);
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
