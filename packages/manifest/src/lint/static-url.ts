// A URL template as far as it is known before anybody connects: variables of environments are filled in, other holes are marked.

import type { Piece, Text } from "../text.ts";
import type { CheckedManifest } from "./rule.ts";

/** What a URL template becomes in one environment. */
export interface StaticUrl {
  readonly environment: string;
  /** Lower case; empty if the text does not begin with one. */
  readonly scheme: string;
  readonly userinfo: string | undefined;
  /** Holes are marked. */
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly fragment: string | undefined;
  /** The hole that the text begins with. */
  readonly origin: Piece | undefined;
  /** The holes in the host. */
  readonly hostHoles: readonly Piece[];
}

const open = "\ue000";
const close = "\ue001";
const marker = /\ue000([0-9]+)\ue001/g;

/** A segment of a path that nobody knows beforehand. */
export const anySegment = `${open}${close}`;

/** Whether a hole is in this part of a URL. */
export const hasHole = (part: string): boolean => part.includes(open);

const form = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#\\]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is;

const known = new WeakMap<Text, readonly StaticUrl[]>();

/** The URL in each environment. A text that does not compile has none. */
export function staticUrls(checked: CheckedManifest, text: Text): readonly StaticUrl[] {
  if (text.error) return [];
  let urls = known.get(text);
  if (!urls) {
    urls = Object.entries(checked.environments).map(([environment, variables]) =>
      parse(environment, marked(text, { ...variables, name: environment }), text),
    );
    known.set(text, urls);
  }
  return urls;
}

/** Fills in the environment's variables. Marks carry what stands in the hole, so that the same hole in two texts is the same. */
function marked(text: Text, variables: Readonly<Record<string, string>>): string {
  return text.parts.map((part) => (typeof part === "string" ? part : holeText(text, part, variables))).join("");
}

function holeText(text: Text, number: number, variables: Readonly<Record<string, string>>): string {
  const piece = text.pieces[number];
  const path = piece?.expression.path;
  if (path?.length === 2 && path[0] === "env") return variables[path[1] ?? ""] ?? "missing";
  return `${open}${number}${close}`;
}

function parse(environment: string, url: string, text: Text): StaticUrl {
  const originNumber = url.startsWith(open) ? Number(url.slice(1, url.indexOf(close))) : undefined;
  const [, scheme = "", authority = "", path = "", query, fragment] = form.exec(url) ?? [];
  const at = authority.lastIndexOf("@");
  const [, host = "", port = ""] = /^(.*?)(?::([0-9]*))?$/s.exec(authority.slice(at + 1)) ?? [];
  return {
    environment,
    scheme: scheme.toLowerCase(),
    userinfo: at < 0 ? undefined : authority.slice(0, at),
    host: spelled(host, text).toLowerCase(),
    port: port === "443" ? "" : port,
    path: spelled(path, text),
    query,
    fragment,
    origin: originNumber === undefined ? undefined : text.pieces[originNumber],
    hostHoles: [...host.matchAll(marker)].flatMap(([, number]) => text.pieces[Number(number)] ?? []),
  };
}

/** Replaces the numbers in marks, which mean something in one text only, by the expressions. */
function spelled(part: string, text: Text): string {
  return part.replace(marker, (_, number: string) => `${open}${text.pieces[Number(number)]?.expression.source ?? ""}${close}`);
}

/** Holes of `platform` stand for this platform itself, whose own URL may be plain http while it is tried out. */
export const isPlatform = (piece: Piece | undefined) => piece?.expression.path?.[0] === "platform";

const label = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i;

/** Whether the host is written as one: labels of letters, digits and hyphens, or an IP address. Holes count as letters. */
export function isHost(host: string): boolean {
  const plain = host.replace(/\ue000[^\ue001]*\ue001/g, "a");
  if (/^\[[0-9a-f:.]+\]$/i.test(plain)) return true;
  return plain.length > 0 && plain.length <= 253 && plain.split(".").every((part) => label.test(part));
}
