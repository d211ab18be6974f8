// Where requests go: https only, and hosts that no one who fills in a form can bend.

import type { FieldManifest } from "../defaults.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import type { Piece, Text } from "../text.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";
import { hasHole, isHost, type StaticUrl, staticUrls } from "./static-url.ts";

const urlPlaces = new Set(["base_url", "authorization.url", "token.url"]);

const isUrl = (text: Text) => urlPlaces.has(text.place);

/** The first finding of each text: it mostly is the same in every environment. */
function* perText(
  checked: CheckedManifest,
  check: (url: StaticUrl, text: Text) => Omit<Found, "path"> | undefined,
): Iterable<Found> {
  for (const text of checked.texts.filter(isUrl)) {
    for (const url of staticUrls(checked, text)) {
      const found = check(url, text);
      if (!found) continue;
      yield { path: text.path, ...found };
      break;
    }
  }
}

/** Holes of `platform` stand for this platform itself, whose own URL may be plain http while it is tried out. */
const isPlatform = (piece: Piece | undefined) => piece?.expression.path?.[0] === "platform";

const notHttps = (checked: CheckedManifest) =>
  perText(checked, (url, text) => {
    if (isPlatform(url.origin)) return undefined;
    if (url.origin) return wholeUrlInField(checked, url.origin, text);
    if (isAllowedScheme(checked, url)) return undefined;
    const within = {
      start: 0,
      length: Math.max(1, /^[a-z0-9+.-]*:(\/\/)?/i.exec(text.source)?.[0].length ?? text.source.length),
    };
    const inEnvironment = text.source.startsWith("{{") ? ` in the environment \`${url.environment}\`` : "";
    return { within, message: `The URL does not begin with https://${inEnvironment}.` };
  });

const isAllowedScheme = (checked: CheckedManifest, { scheme, host }: StaticUrl): boolean =>
  scheme === "https" || (scheme === "http" && checked.plainHttp(host));

/** A field may hold a whole URL if its pattern insists on https. */
function wholeUrlInField(checked: CheckedManifest, origin: Piece, text: Text): Omit<Found, "path"> | undefined {
  const patterns = fieldsNamed(checked, origin, text).map(({ pattern }) => pattern ?? "");
  if (patterns.length > 0 && patterns.every((pattern) => /^\^https:(\/\/|\\\/\\\/)/.test(pattern))) return undefined;
  return {
    within: { start: origin.offset, length: origin.expression.source.length },
    message: "The URL begins with a hole, so that it need not be https.",
    hint: "Write https:// in front, or give the field a `pattern` that begins with ^https://.",
  };
}

const invalid = (checked: CheckedManifest) =>
  perText(checked, (url, text) => {
    if (url.origin || !isAllowedScheme(checked, url)) return undefined;
    if (url.userinfo !== undefined) return { message: "A user name or password stands in the URL." };
    if (url.fragment !== undefined) return { message: "A fragment stands in the URL; it is never sent." };
    if (url.query !== undefined && text.place === "base_url") {
      return {
        message: "A query stands in the URL that paths are joined to.",
        hint: "Write its parameters under `default_params.query`.",
      };
    }
    return isHost(url.host) ? undefined : { message: "The URL has no valid host." };
  });

function fieldsNamed(checked: CheckedManifest, piece: Piece, text: Text): FieldManifest[] {
  const names = piece.analysis.references.flatMap(({ path }) => (path[0] === "fields" && path[1] !== undefined ? [path[1]] : []));
  return checked.authsOf(text).flatMap(({ fields }) => fields.filter(({ name }) => names.includes(name)));
}

function* hostHoles(checked: CheckedManifest): Generator<{ piece: Piece; text: Text; fields: FieldManifest[] }> {
  for (const text of checked.texts) {
    if (!isUrl(text) && text.place !== "whitelist") continue;
    const [url] = staticUrls(checked, text);
    for (const piece of url?.hostHoles ?? []) {
      if (!isPlatform(piece)) yield { piece, text, fields: fieldsNamed(checked, piece, text) };
    }
  }
}

const withinPiece = (piece: Piece) => ({ start: piece.offset, length: piece.expression.source.length });

function* unbound(checked: CheckedManifest): Iterable<Found> {
  for (const { piece, text, fields } of hostHoles(checked)) {
    const free = fields.find(
      (field) => field.pattern === undefined && field.options === undefined && field.type !== "environment",
    );
    if (fields.length > 0 && !free) continue;
    const message = free
      ? `Anything can be typed into \`${free.name}\`, which is part of the host.`
      : "What this hole puts into the host is not limited.";
    yield { path: text.path, within: withinPiece(piece), message };
  }
}

const inside = ["/", "?", "#", "@", "\\", " ", "%2f"];
const lengths = [0, 1, 2, 4, 8, 16, 32];

/** A value that the pattern lets through although it would change which host is meant. */
function loophole(pattern: Pattern): string | undefined {
  for (const character of inside) {
    for (const before of lengths) {
      for (const after of lengths) {
        const value = "a".repeat(before) + character + "b".repeat(after);
        if (pattern.matches(value)) return value;
      }
    }
  }
  return undefined;
}

function* loose(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<FieldManifest>();
  for (const { text, fields } of hostHoles(checked)) {
    for (const field of fields) {
      if (field.pattern === undefined || field.options !== undefined || seen.has(field)) continue;
      seen.add(field);
      const value = loophole(compilePattern(field.pattern));
      if (value === undefined) continue;
      const auth = checked.authsOf(text).find(({ auth }) => auth.fields?.includes(field));
      if (!auth) continue;
      const path = [...auth.path, "fields", auth.auth.fields?.indexOf(field) ?? 0, "pattern"];
      yield { path, message: `The pattern lets \`${value}\` through, which would make another host of it.` };
    }
  }
}

const isPath = (text: Text) => text.path.at(-1) === "path" && (text.place === "test.request" || text.place === "action.request");

function* invalidPaths(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.texts.filter(isPath)) {
    const first = text.parts[0];
    const lead = typeof first === "string" ? first : "";
    const message = !lead.startsWith("/")
      ? "The path does not begin with a slash."
      : lead.startsWith("//") || lead.includes("\\")
        ? "The path could be taken for another host."
        : text.parts.some((part) => typeof part === "string" && /(^|\/)\.\.?(\/|$)/.test(part))
          ? "The path holds `.` or `..`."
          : undefined;
    if (message) yield { path: text.path, message };
  }
}

function* pathQueries(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.texts.filter(isPath)) {
    const literal = text.parts.find((part) => typeof part === "string" && /[?#]/.test(part));
    if (typeof literal !== "string") continue;
    const start = text.source.indexOf(literal) + literal.search(/[?#]/);
    yield { path: text.path, within: { start, length: 1 }, message: "A query stands in the path." };
  }
}

function* badEntries(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.texts.filter(({ place }) => place === "whitelist")) {
    for (const url of staticUrls(checked, text)) {
      const message = reasonAgainstEntry(checked, url);
      if (!message) continue;
      yield { path: text.path, message };
      break;
    }
  }
}

function reasonAgainstEntry(checked: CheckedManifest, url: StaticUrl): string | undefined {
  if (isPlatform(url.origin)) return undefined;
  if (url.origin || !isAllowedScheme(checked, url)) return "The entry does not begin with https://.";
  if (url.userinfo !== undefined) return "A user name or password stands in the entry.";
  if (url.query !== undefined || url.fragment !== undefined) return "An entry has no query and no fragment.";
  const domain = url.host.startsWith("*.") ? url.host.slice(2) : url.host;
  if (domain.includes("*")) return "A `*` may only stand as the first part of a host, as in https://*.acme.example.";
  if (!isHost(domain)) return "The entry has no valid host.";
  if (domain !== url.host && !domain.includes(".") && !hasHole(domain)) return `The entry covers everything below .${domain}.`;
  return url.path.includes("*") ? "A path covers what is below it; no `*` is needed." : undefined;
}

function* wildcards(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.texts.filter(({ place }) => place === "whitelist")) {
    const url = staticUrls(checked, text).find(({ host }) => host.startsWith("*."));
    if (!url || reasonAgainstEntry(checked, url)) continue;
    yield { path: text.path, message: `The credential may be sent to every host below ${url.host.slice(2)}.` };
  }
}

export const urlRules: readonly Rule[] = [
  { code: "url_not_https", check: notHttps },
  { code: "url_invalid", check: invalid },
  { code: "host_hole_unbound", check: unbound },
  { code: "host_pattern_loose", check: loose },
  { code: "path_invalid", check: invalidPaths },
  { code: "path_query", check: pathQueries },
  { code: "whitelist_invalid", check: badEntries },
  { code: "whitelist_wildcard", check: wildcards },
];
