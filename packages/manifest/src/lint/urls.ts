// Where requests go: https only, to URLs and paths that can be read one way only.

import type { Piece, Text } from "../text.ts";
import { type Bound, boundsOf } from "./bounds.ts";
import { insistsOnHttps } from "./host-probes.ts";
import { requestSites } from "./request-sites.ts";
import { type CheckedManifest, derived, type Found, type Rule } from "./rule.ts";
import { isHost, isPlatform, type StaticUrl, staticUrls } from "./static-url.ts";

/** Every text that is a whole URL; those of requests last. */
export const urlTexts = derived((checked: CheckedManifest): readonly Text[] => {
  const endpoints = [...checked.at("authorization.url"), ...checked.at("token.url")];
  return [...checked.at("base_url"), ...endpoints.filter(({ path }) => path.at(-1) === "url"), ...requestUrls(checked)];
});

const requestTexts = (key: "url" | "path") =>
  derived((checked: CheckedManifest): readonly Text[] =>
    requestSites(checked).flatMap(({ path, request }) => {
      const text = request[key] === undefined ? undefined : checked.textAt([...path, key]);
      return text ? [text] : [];
    }),
  );

const requestUrls = requestTexts("url");
const requestPaths = requestTexts("path");

/** The first finding of each text: it mostly is the same in every environment. */
function* perText(
  checked: CheckedManifest,
  check: (url: StaticUrl, text: Text) => Omit<Found, "path"> | undefined,
): Iterable<Found> {
  for (const text of urlTexts(checked)) {
    for (const url of staticUrls(checked, text)) {
      const found = check(url, text);
      if (!found) continue;
      yield { path: text.path, ...found };
      break;
    }
  }
}

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

export const isAllowedScheme = (checked: CheckedManifest, { scheme, host }: StaticUrl): boolean =>
  scheme === "https" || (/^http$/.test(scheme) && checked.plainHttp(host));

/** What makes sure that a whole URL is an https one. */
const cureOf = (root: Bound["root"]): string => {
  const pattern = "`pattern` that begins with ^https://";
  return root === "fields" || root === "input"
    ? `give the ${declaredAs[root]} the \`type: url\` or a ${pattern}`
    : `give the ${declaredAs[root]} a ${pattern}`;
};

const declaredAs: Readonly<Record<Bound["root"], string>> = {
  fields: "field",
  input: "input",
  callback: "capture",
  token: "capture",
  connection: "capture",
};

/** What comes from outside may be a whole URL if it can only be an https one. */
function wholeUrlInField(checked: CheckedManifest, origin: Piece, text: Text): Omit<Found, "path"> | undefined {
  const bounds = boundsOf(checked, text, origin);
  if (bounds.length > 0 ? bounds.every(isHttps) : comesLater(origin)) return undefined;
  return {
    within: { start: origin.offset, length: origin.expression.source.length },
    message: "The URL begins with a hole, so that it need not be https.",
    hint: `Write https:// in front, or ${cureOf(bounds[0]?.root ?? "fields")}.`,
  };
}

export const isHttps = ({ pattern, options, type }: Bound): boolean => type === "url" || isHttpsText({ pattern, options });

const isHttpsText = ({ pattern, options }: Pick<Bound, "pattern" | "options">): boolean =>
  options ? options.every((value) => value.startsWith("https://")) : insistsOnHttps(pattern ?? "");

/** What an answer or an event brings along is compared with the whitelist when it is there. */
const comesLater = ({ analysis }: Piece): boolean =>
  analysis.references.length > 0 && analysis.references.every(({ path }) => later.has(path[0] ?? ""));

const later = new Set(["subscription", "event", "body", "response", "page", "item"]);

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

function* invalidPaths(checked: CheckedManifest): Iterable<Found> {
  for (const text of requestPaths(checked)) {
    const first = text.parts[0];
    if (isWholePath(checked, text)) continue;
    const lead = typeof first === "string" ? first : "";
    const message = reasonAgainstPath(lead, text);
    const hint = /^[a-z]+:\/\//i.test(lead) ? "A whole URL stands under `url` instead of `path`." : undefined;
    if (message) yield { path: text.path, message, hint };
  }
}

/** A field or an input of type `path` is checked where it is given, so that it may stand for the whole. */
function isWholePath(checked: CheckedManifest, text: Text): boolean {
  const [piece] = text.pieces;
  if (text.parts.length !== 1 || piece === undefined) return false;
  const bounds = boundsOf(checked, text, piece);
  return bounds.length > 0 && bounds.every(({ type }) => type === "path");
}

function reasonAgainstPath(lead: string, { parts }: Text): string | undefined {
  if (!lead.startsWith("/")) return "The path does not begin with a slash.";
  if (lead.startsWith("//") || lead.includes("\\")) return "The path could be taken for another host.";
  const climbs = parts.some((part) => typeof part === "string" && /(^|\/)\.\.?(\/|$)/.test(part));
  return climbs ? "The path holds `.` or `..`." : undefined;
}

function* pathQueries(checked: CheckedManifest): Iterable<Found> {
  for (const text of [...requestPaths(checked), ...requestUrls(checked)]) {
    const literal = text.parts.find((part) => typeof part === "string" && /[?#]/.test(part));
    if (typeof literal !== "string") continue;
    const start = text.source.indexOf(literal) + literal.search(/[?#]/);
    yield {
      path: text.path,
      within: { start, length: 1 },
      message: `A query stands in the ${text.path.at(-1) === "url" ? "URL" : "path"}.`,
    };
  }
}

export const urlRules: readonly Rule[] = [
  { code: "url_not_https", check: notHttps },
  { code: "url_invalid", check: invalid },
  { code: "path_invalid", check: invalidPaths },
  { code: "path_query", check: pathQueries },
];
