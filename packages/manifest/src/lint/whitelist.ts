// What the whitelist allows, and whether it covers every request, as far as that can be told before anybody connects.

import type { Piece, Text } from "../text.ts";
import { boundsOf } from "./bounds.ts";
import { requestSites } from "./request-sites.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";
import { anySegment, hasHole, isHost, isPlatform, type StaticUrl, staticUrls } from "./static-url.ts";
import { isAllowedScheme, isHttps } from "./urls.ts";

const noStar = "A path covers what is below it; no `*` is needed.";

const isHttpsHole = (checked: CheckedManifest, text: Text, piece: Piece): boolean => {
  const bounds = boundsOf(checked, text, piece);
  return bounds.length > 0 && bounds.every(isHttps);
};

function* badEntries(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.at("whitelist")) {
    for (const url of staticUrls(checked, text)) {
      const message = reasonAgainstEntry(checked, url, text);
      if (!message) continue;
      yield { path: text.path, message };
      break;
    }
  }
}

function reasonAgainstEntry(checked: CheckedManifest, url: StaticUrl, text: Text): string | undefined {
  if (isPlatform(url.origin)) return undefined;
  const begins = url.origin ? isHttpsHole(checked, text, url.origin) : isAllowedScheme(checked, url);
  if (!begins) return "The entry does not begin with https://.";
  if (url.userinfo !== undefined) return "A user name or password stands in the entry.";
  if (url.query !== undefined || url.fragment !== undefined) return "An entry has no query and no fragment.";
  if (url.origin) return url.path.includes("*") ? noStar : undefined;
  const domain = url.host.startsWith("*.") ? url.host.slice(2) : url.host;
  if (domain.includes("*")) return "A `*` may only stand as the first part of a host, as in https://*.acme.example.";
  if (!isHost(domain)) return "The entry has no valid host.";
  if (domain !== url.host && !domain.includes(".") && !hasHole(domain)) return `The entry covers everything below .${domain}.`;
  return url.path.includes("*") ? noStar : undefined;
}

function* wildcards(checked: CheckedManifest): Iterable<Found> {
  for (const text of checked.at("whitelist")) {
    const url = staticUrls(checked, text).find(({ host }) => host.startsWith("*."));
    if (!url || reasonAgainstEntry(checked, url, text)) continue;
    yield { path: text.path, message: `The credential may be sent to every host below ${url.host.slice(2)}.` };
  }
}

type Decision = "covered" | "outside" | "unknown";

function* gaps(checked: CheckedManifest): Iterable<Found> {
  for (const auth of checked.auths) {
    const base = checked.textAt([...auth.path, "base_url"]) ?? checked.textAt(["base_url"]);
    if (base) yield* gapsOf(checked, auth, base);
  }
}

function* gapsOf(checked: CheckedManifest, auth: CheckedAuth, base: Text): Generator<Found> {
  const declared = checked.at("whitelist").filter(({ path }) => path[1] === auth.id);
  const entries = declared.length === 0 ? [base] : declared;
  for (const { target, isPath } of targetsOf(checked, auth)) {
    // Without a whitelist, `base_url` is what is covered, and with it every path below.
    if (declared.length === 0 && isPath) continue;
    const environment = outsideIn(checked, { base: isPath ? base : undefined, target, auth }, entries);
    if (environment === undefined) continue;
    yield { path: target.path, message: gapMessage(checked, auth, declared.length > 0, environment) };
  }
}

/** Where the requests go that carry the credential of an auth. */
function targetsOf(checked: CheckedManifest, auth: CheckedAuth): { target: Text; isPath: boolean }[] {
  return requestSites(checked).flatMap((site) => {
    if (!site.credential || !checked.authsOf(site).includes(auth)) return [];
    const isPath = site.request.url === undefined;
    const target = checked.textAt([...site.path, isPath ? "path" : "url"]);
    return target ? [{ target, isPath }] : [];
  });
}

function gapMessage({ environments }: CheckedManifest, { id }: CheckedAuth, declared: boolean, environment: string): string {
  const where = Object.keys(environments).length > 1 ? ` in the environment \`${environment}\`` : "";
  if (declared) return `The whitelist of auth.${id} does not cover this request${where}.`;
  return `auth.${id} has no whitelist, so that only \`base_url\` is covered, and this request is not below it${where}.`;
}

interface Target {
  /** What a path is joined to; undefined: the target is a whole URL. */
  readonly base: Text | undefined;
  readonly target: Text;
  readonly auth: CheckedAuth;
}

/** The first environment in which no entry covers the request. */
function outsideIn(checked: CheckedManifest, { base, target, auth }: Target, entries: readonly Text[]): string | undefined {
  const origins = staticUrls(checked, base ?? target);
  const targets = staticUrls(checked, target);
  const between = base === undefined ? [] : segmentsOfApply(auth);
  for (const [index, origin] of origins.entries()) {
    const url = targets[index];
    if (!url) continue;
    const rest = base === undefined ? [] : [...between, ...segmentsOf(url.path)];
    const segments = [...segmentsOf(origin.path), ...rest];
    const decisions = entries.map((entry) => decide(staticUrls(checked, entry)[index], origin, segments));
    if (decisions.every((decision) => decision === "outside")) return origin.environment;
  }
  return undefined;
}

/** A credential in the path stands between `base_url` and the request's own path. */
function segmentsOfApply({ auth }: CheckedAuth): string[] {
  const items = auth.apply === undefined ? [] : [auth.apply].flat();
  return items.filter((item) => item.in === "path").map(() => anySegment);
}

function decide(entry: StaticUrl | undefined, url: StaticUrl, segments: readonly string[]): Decision {
  if (entry === undefined) return "unknown";
  if (entry.origin || url.origin) {
    // Both begin with the same hole, or nobody knows.
    const same = entry.origin && url.origin && entry.origin.expression.source === url.origin.expression.source;
    return same ? decidePath(entry, segments) : "unknown";
  }
  if (entry.scheme === "" || url.scheme === "") return "unknown";
  if (entry.scheme !== url.scheme) return "outside";
  const host = decideHost(entry.host, url.host);
  if (host !== "covered") return host;
  return entry.port === url.port ? decidePath(entry, segments) : "outside";
}

function decidePath(entry: StaticUrl, segments: readonly string[]): Decision {
  for (const [index, segment] of segmentsOf(entry.path).entries()) {
    const given = segments[index];
    if (given === segment) continue;
    return given !== undefined && (hasHole(given) || hasHole(segment)) ? "unknown" : "outside";
  }
  return "covered";
}

function decideHost(entry: string, host: string): Decision {
  if (entry === host) return "covered";
  if (entry.startsWith("*.") && host.endsWith(entry.slice(1))) return "covered";
  return hasHole(entry) || hasHole(host) ? "unknown" : "outside";
}

const segmentsOf = (path: string) => path.split("/").filter((segment) => segment !== "");

export const whitelistRules: readonly Rule[] = [
  { code: "whitelist_invalid", check: badEntries },
  { code: "whitelist_wildcard", check: wildcards },
  { code: "whitelist_gap", check: gaps },
];
