// Whether the whitelist covers every request, as far as that can be told before anybody connects.

import type { Text } from "../text.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";
import { hasHole, type StaticUrl, staticUrls } from "./static-url.ts";

type Decision = "covered" | "outside" | "unknown";

function* gaps(checked: CheckedManifest): Iterable<Found> {
  const base = checked.texts.find(({ place }) => place === "base_url");
  if (!base) return;
  for (const auth of checked.auths) {
    const entries = checked.texts.filter((text) => text.place === "whitelist" && text.path[1] === auth.id);
    if (entries.length === 0) continue;
    for (const text of requestPaths(checked, auth)) {
      const environment = outsideIn(checked, base, text, entries);
      if (environment === undefined) continue;
      const where = Object.keys(checked.environments).length > 1 ? ` in the environment \`${environment}\`` : "";
      const message = `The whitelist of auth.${auth.id} does not cover this request${where}.`;
      yield { path: text.path, message };
    }
  }
}

function requestPaths(checked: CheckedManifest, auth: CheckedAuth): Text[] {
  return checked.texts.filter(
    (text) =>
      text.path.at(-1) === "path" &&
      ((text.place === "test.request" && text.path[1] === auth.id) || text.place === "action.request"),
  );
}

/** The first environment in which no entry covers the request. */
function outsideIn(checked: CheckedManifest, base: Text, path: Text, entries: readonly Text[]): string | undefined {
  const bases = staticUrls(checked, base);
  const paths = staticUrls(checked, path);
  const allowed = entries.map((entry) => staticUrls(checked, entry));
  for (const [index, url] of bases.entries()) {
    const request = paths[index];
    if (!request || url.scheme === "") continue;
    const segments = [...segmentsOf(url.path), ...segmentsOf(request.path)];
    const decisions = allowed.map((urls) => decide(urls[index], url, segments));
    if (decisions.every((decision) => decision === "outside")) return url.environment;
  }
  return undefined;
}

function decide(entry: StaticUrl | undefined, url: StaticUrl, segments: readonly string[]): Decision {
  if (entry === undefined || entry.scheme === "") return "unknown";
  if (entry.scheme !== url.scheme) return "outside";
  const host = decideHost(entry.host, url.host);
  if (host !== "covered") return host;
  if (entry.port !== url.port) return "outside";
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

export const whitelistRules: readonly Rule[] = [{ code: "whitelist_gap", check: gaps }];
