// Requests: where they go, what they carry, and where the credential stands in them.

import type { ClientAuthentication } from "../connector.ts";
import { fitsEncoding } from "../content-type.ts";
import { encodings, methods } from "../schema/request.ts";
import type { Path } from "../source.ts";
import { listed } from "../suggestion.ts";
import type { Text } from "../text.ts";
import { boundsOf } from "./bounds.ts";
import { idle } from "./grants.ts";
import { requestSites } from "./request-sites.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";

function* targets(checked: CheckedManifest): Iterable<Found> {
  for (const { path, request } of requestSites(checked)) {
    if ((request.path === undefined) !== (request.url === undefined)) continue;
    yield request.path === undefined
      ? { path, on: "key", message: "The request has neither `path` nor `url`." }
      : { path: [...path, "url"], on: "key", message: "The request has both `path` and `url`." };
  }
}

function* bodiesOfGet(checked: CheckedManifest): Iterable<Found> {
  for (const { path, request } of requestSites(checked)) {
    const method = request.method ?? "GET";
    if (request.body === undefined || (method !== "GET" && method !== "HEAD")) continue;
    yield { path: [...path, "body"], on: "key", message: `A ${method} request has a body.` };
  }
}

function* withoutEffect(checked: CheckedManifest): Iterable<Found> {
  for (const { path, request } of requestSites(checked)) {
    if (request.encoding !== undefined && request.body === undefined && !bodyOf(checked, path)) {
      yield idle([...path, "encoding"], "there is no body");
    }
  }
}

/** Whether pages bring a body along. */
const bodyOf = ({ manifest }: CheckedManifest, [block, id]: Path): boolean =>
  block === "actions" && manifest.actions?.[String(id)]?.paginate?.send?.body !== undefined;

/** Headers that steer the connection, that tell who asked, or that a browser's session rests on. */
const reserved =
  /^(?:host|connection|transfer-encoding|content-length|te|trailer|upgrade|keep-alive|proxy-.*|expect|x-forwarded-.*|forwarded|cookie)$/i;

function* headers(checked: CheckedManifest): Generator<{ name: string; path: Path }> {
  const of = function* (map: object | string | undefined, path: Path) {
    // What a hole gives is judged when it is there.
    for (const name of typeof map === "object" ? Object.keys(map) : []) yield { name, path: [...path, name] };
  };
  for (const { path, request } of requestSites(checked)) yield* of(request.headers, [...path, "headers"]);
  for (const { auth, path } of checked.auths) {
    yield* of(auth.default_params?.headers, [...path, "default_params", "headers"]);
    if (auth.type !== "oauth2") continue;
    for (const block of ["token", "refresh", "revocation", "introspection"] as const) {
      yield* of(auth[block]?.headers, [...path, block, "headers"]);
    }
  }
  for (const [id, { paginate }] of Object.entries(checked.manifest.actions ?? {})) {
    yield* of(paginate?.send?.headers, ["actions", id, "paginate", "send", "headers"]);
  }
}

function* reservedHeaders(checked: CheckedManifest): Iterable<Found> {
  for (const { name, path } of headers(checked)) {
    if (reserved.test(name)) yield { path, on: "key", message: `The header \`${name}\` is the engine's own.` };
  }
  for (const { path, item } of applied(checked)) {
    const header = item.in === undefined || item.in === "header" ? item.name : undefined;
    if (header !== undefined && reserved.test(header) && !/^cookie$/i.test(header)) {
      yield { path: [...path, "name"], message: `The header \`${header}\` is the engine's own.` };
    }
  }
}

/** Where both are written as they are; what holes give is judged when it is there. */
function* contentTypes(checked: CheckedManifest): Iterable<Found> {
  for (const { path, request } of requestSites(checked)) {
    const { headers: given, encoding = "json", body } = request;
    if (body === undefined || typeof given !== "object") continue;
    const word = encodings.find((one) => one === encoding);
    for (const [name, type] of Object.entries(given)) {
      if (word === undefined || !/^content-type$/i.test(name) || typeof type !== "string" || type.includes("{{")) continue;
      if (!fitsEncoding(type, word))
        yield { path: [...path, "headers", name], message: `The body is sent as ${word}, and not as ${type}.` };
    }
  }
}

/** The words of which a hole chooses one, by the key that it stands under. */
function choices(checked: CheckedManifest): { text: Text; words: readonly string[] }[] {
  const ofRequests = requestSites(checked).flatMap(({ path }) => [
    { text: checked.textAt([...path, "method"]), words: methods },
    { text: checked.textAt([...path, "encoding"]), words: encodings },
  ]);
  const ofClients = checked.at("client.authentication").map((text) => ({ text, words: bySecret }));
  return [...ofRequests, ...ofClients].flatMap(({ text, words }) => (text === undefined ? [] : [{ text, words }]));
}

/** Client authentications that need nothing of the manifest beside ID and secret. */
const bySecret: readonly ClientAuthentication[] = [
  "client_secret_post",
  "client_secret_basic",
  "client_secret_basic_raw",
  "none",
  "query",
  "bearer",
];

function* unboundChoices(checked: CheckedManifest): Iterable<Found> {
  for (const { text, words } of choices(checked)) {
    const [piece] = text.pieces;
    if (text.error || piece === undefined) continue;
    const within = { start: piece.offset, length: piece.expression.source.length };
    const bounds = boundsOf(checked, text, piece);
    const options = bounds.flatMap((bound) => bound.options ?? []);
    const stray = options.find((option) => !words.includes(option));
    if (piece.expression.path !== undefined && bounds.length > 0 && bounds.every((bound) => bound.options) && stray === undefined)
      continue;
    const key = String(text.path.at(-1));
    const message = stray === undefined ? `What \`${key}\` may be is not said.` : `\`${stray}\` cannot be chosen as \`${key}\`.`;
    yield { path: text.path, within, message, hint: `Name a field or an input whose \`options\` are among ${listed(words)}.` };
  }
}

type Item = Exclude<NonNullable<CheckedManifest["auths"][number]["auth"]["apply"]>, readonly unknown[]>;

function* applied({ auths }: CheckedManifest): Generator<{ path: Path; item: Item; auth: string }> {
  for (const { id, auth, path } of auths) {
    if (Array.isArray(auth.apply)) {
      for (const [index, item] of auth.apply.entries()) yield { path: [...path, "apply", index], item, auth: id };
    } else if (auth.apply) yield { path: [...path, "apply"], item: auth.apply as Item, auth: id };
  }
}

function* applyNames(checked: CheckedManifest): Iterable<Found> {
  for (const { path, item } of applied(checked)) {
    if ((item.in !== "query" && item.in !== "body") || item.name !== undefined) continue;
    yield { path: [...path, "in"], message: "The parameter's name is missing.", hint: "Give it with `apply.name`." };
  }
}

function* applyTwice(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const { path, item, auth } of applied(checked)) {
    const place = item.in ?? "header";
    if (place === "path") continue;
    const name = item.name ?? "Authorization";
    const key = `${auth} ${place} ${place === "header" ? name.toLowerCase() : name}`;
    if (seen.has(key)) yield { path, message: `The ${place === "header" ? "header" : "parameter"} \`${name}\` is sent already.` };
    seen.add(key);
  }
}

const outside: ReadonlySet<string> = new Set(["token", "fields", "app", "connection", "callback"]);

function* applyNothing(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of checked.auths) {
    const values = [...applied(checked)].flatMap(({ path: at }) =>
      at[1] === path[1] ? (checked.textAt([...at, "value"]) ?? []) : [],
    );
    if (auth.apply === undefined || values.some(({ error }) => error)) continue;
    const names = values.flatMap(({ pieces }) =>
      pieces.flatMap(({ analysis }) => analysis.references.map((reference) => reference.path[0] ?? "")),
    );
    const everything = values.some(({ pieces }) => pieces.some(({ analysis }) => analysis.everything));
    if (everything || names.some((name) => outside.has(name))) continue;
    yield { path: [...path, "apply"], on: "key", message: "Every connection would send the same: no credential is named." };
  }
}

export const requestRules: readonly Rule[] = [
  { code: "request_target", check: targets },
  { code: "body_with_get", check: bodiesOfGet },
  { code: "key_without_effect", check: withoutEffect },
  { code: "choice_unbound", check: unboundChoices },
  { code: "header_reserved", check: reservedHeaders },
  { code: "content_type_differs", check: contentTypes },
  { code: "missing_apply", check: applyNames },
  { code: "apply_twice", check: applyTwice },
  { code: "apply_without_credential", check: applyNothing },
];
