// Hosts that nobody can bend who fills in a form, follows a link or answers a request.

import { names } from "../names.ts";
import type { Path } from "../source.ts";
import type { Piece, Text } from "../text.ts";
import { type Bound, boundsOf } from "./bounds.ts";
import { endOfHost, strangerAsHost, strangerAsUrl } from "./host-probes.ts";
import { requestSites } from "./request-sites.ts";
import { type CheckedManifest, derived, type Found, type Rule } from "./rule.ts";
import { hasHole, isHost, isPlatform, staticUrls } from "./static-url.ts";
import { urlTexts } from "./urls.ts";

interface HostHole {
  readonly text: Text;
  readonly piece: Piece;
  readonly bounds: readonly Bound[];
  /** How much of the URL the hole stands for. */
  readonly part: "label" | "host" | "url";
}

const hostHoles = derived((checked: CheckedManifest): readonly HostHole[] =>
  [...urlTexts(checked), ...checked.at("whitelist")].flatMap((text) => [...holesOf(checked, text)]),
);

function* holesOf(checked: CheckedManifest, text: Text): Generator<HostHole> {
  const [url] = staticUrls(checked, text);
  if (!url) return;
  const { origin } = url;
  if (origin && !isPlatform(origin)) yield { text, piece: origin, bounds: boundsOf(checked, text, origin), part: "url" };
  const alone = url.hostHoles.length === 1 && hasHole(url.host) && isOneHole(url.host);
  for (const piece of url.hostHoles) {
    if (isPlatform(piece)) continue;
    yield { text, piece, bounds: boundsOf(checked, text, piece), part: alone ? "host" : "label" };
  }
}

const isOneHole = (host: string): boolean => /^\ue000[^\ue001]*\ue001$/.test(host);

const withinPiece = (piece: Piece) => ({ start: piece.offset, length: piece.expression.source.length });

const captured: ReadonlySet<Bound["root"]> = new Set<Bound["root"]>(["callback", "token", "connection"]);

/** A request with the credential whose host comes from an answer or an event: the whitelist decides, each time. */
const leftToWhitelist = (checked: CheckedManifest, { text, bounds }: HostHole): boolean =>
  bounds.length === 0 && requestSites(checked).some(({ path, credential }) => credential && isWithin(text.path, path));

/** What is declared nowhere is reported where it is named. */
const isUndeclared = ({ piece, bounds }: HostHole): boolean =>
  bounds.length === 0 &&
  piece.analysis.references.some(({ path: [root = "", name] }) => {
    const own = Object.hasOwn(names, root) ? (names[root as keyof typeof names] as readonly string[] | undefined) : undefined;
    return declaredRoots.has(root) && name !== undefined && own?.includes(name) !== true;
  });

const declaredRoots: ReadonlySet<string> = new Set<Bound["root"]>(["fields", "input", "callback", "token", "connection"]);

const isWithin = (path: Path, outer: Path) => outer.every((step, index) => path[index] === step);

function* unbound(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const hole of hostHoles(checked)) {
    const { text, piece, bounds, part } = hole;
    if (part === "url" || leftToWhitelist(checked, hole) || isUndeclared(hole)) continue;
    // Captures without bounds are the business of `capture_bounds`.
    const free = bounds.find(({ root, pattern, enumerated }) => pattern === undefined && !enumerated && !captured.has(root));
    if (bounds.length > 0 && !free) continue;
    // One field that lacks its pattern is one problem, however many hosts it is part of.
    const once = (free?.path ?? text.path).join("\n");
    if (!seen.has(once)) yield { path: text.path, within: withinPiece(piece), ...unboundWords(free) };
    seen.add(once);
  }
}

function unboundWords(free: Bound | undefined): Pick<Found, "message" | "hint"> {
  if (!free) return { message: "What this hole puts into the host is not limited." };
  if (free.root !== "input") return { message: `Anything can be typed into \`${free.name}\`, which is part of the host.` };
  return {
    message: `Anything can be given as \`${free.name}\`, which is part of the host.`,
    hint: "Give the input a `pattern` that allows host characters only.",
  };
}

function* loose(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const { bounds, part } of hostHoles(checked)) {
    for (const bound of bounds) {
      const key = bound.path.join("\n");
      const found = seen.has(key) ? undefined : looseness(bound, part);
      if (!found) continue;
      seen.add(key);
      yield found;
    }
  }
}

function looseness(bound: Bound, part: HostHole["part"]): Found | undefined {
  // Whether whole URLs are https is the business of `url_not_https`.
  if (bound.options) return part === "url" ? undefined : looseOption(bound, bound.options);
  const { pattern } = bound;
  if (pattern === undefined) return undefined;
  const path = [...bound.path, "pattern"];
  const end = part === "url" ? "" : endOfHost(pattern);
  if (end !== "") return { path, message: `The pattern lets \`${end}\` through, which would make another host of it.` };
  if (part === "label" || !captured.has(bound.root)) return undefined;
  const stranger = part === "host" ? strangerAsHost(pattern) : strangerAsUrl(pattern);
  if (stranger === "") return undefined;
  const message = `The pattern lets \`${stranger}\` through, which may be anybody's host.`;
  return {
    path,
    message,
    hint: `Name the provider's domain in the pattern, as in ${part === "host" ? "" : "https://"}[a-z0-9-]+\\.acme\\.example.`,
  };
}

function looseOption({ root, path }: Bound, options: readonly string[]): Found | undefined {
  const index = options.findIndex((value) => !isHost(value));
  if (index < 0) return undefined;
  const at = [...path, "options", index, ...(root === "fields" || root === "input" ? ["value"] : [])];
  return {
    path: at,
    message: `\`${options[index]}\` cannot be part of a host.`,
    hint: "Use letters, digits, hyphens and dots only.",
  };
}

/** The client's secret goes there, and anybody can make somebody else follow a link with other values. */
function* capturedTokenHosts(checked: CheckedManifest): Iterable<Found> {
  const exchanges = requestSites(checked).flatMap(({ path, credential }) => {
    const url = credential ? undefined : checked.textAt([...path, "url"]);
    return url ? [url] : [];
  });
  const texts = new Set([...checked.at("token.url"), ...exchanges]);
  for (const { text, piece, bounds } of hostHoles(checked)) {
    const free = texts.has(text) ? bounds.find(({ root, enumerated }) => root === "callback" && !enumerated) : undefined;
    if (!free) continue;
    const message = `The client's secret would go to a host that the callback names as \`${free.name}\`.`;
    yield { path: text.path, within: withinPiece(piece), message };
  }
}

/** Client authentications that send no secret. */
const provesOtherwise: ReadonlySet<string> = new Set(["none", "private_key_jwt", "client_secret_jwt", "tls_client_auth"]);

/** The admin's secret is for one provider; a user who types another host would be sent it. */
function* secretsForAnyHost(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const { text, piece, bounds, part } of hostHoles(checked)) {
    const [of] = text.place === "token.url" ? checked.authsOf(text) : [];
    if (part === "label" || of?.auth.type !== "oauth2" || seen.has(of.id)) continue;
    const { source = "app", authentication = "client_secret_post" } = of.auth.client ?? {};
    if ((source !== "app" && source !== "either") || provesOtherwise.has(authentication)) continue;
    const stranger = part === "host" ? strangerAsHost : strangerAsUrl;
    const free = bounds.find(
      ({ root, pattern, enumerated, type }) =>
        root === "fields" && !enumerated && (pattern ? stranger(pattern) !== "" : type === "url"),
    );
    if (!free) continue;
    seen.add(of.id);
    const message = `Whoever connects can have the admin's client secret sent to any host, with \`${free.name}\`.`;
    yield { path: text.path, within: withinPiece(piece), message };
  }
}

export const hostRules: readonly Rule[] = [
  { code: "host_hole_unbound", check: unbound },
  { code: "host_pattern_loose", check: loose },
  { code: "token_host_captured", check: capturedTokenHosts },
  { code: "token_host_typed", check: secretsForAnyHost },
];
