// What the placeholders of the source name, in the words of the manifest.

import { Inexpressible } from "../note.ts";
import { assertionExpression, jwtExpression } from "./assertion.ts";
import { timeExpression } from "./clock.ts";
import type { Draft } from "./draft.ts";
import type { FieldSource } from "./fields.ts";
import { wsseToken } from "./key.ts";
import type { Placeholder } from "./placeholder.ts";
import { expressionOf, isPiece, joined, type Piece, piece, propertyPath, type Value } from "./value.ts";

/** Throws `Inexpressible` for names and functions that mean nothing here. */
export function resolve(draft: Draft, placeholder: Placeholder, key: string): Piece {
  return placeholder.kind === "call" ? resolveCall(draft, placeholder, key) : resolveName(draft, placeholder.path, key);
}

type Resolve = (draft: Draft, rest: readonly string[], key: string) => Piece;

const requestPart = (expression: string) => () => piece(expression, { private: true });
const secretPart = (expression: string) => () => piece(expression, { secret: true });

/** Every root of a name. */
const roots: Readonly<Record<string, Resolve>> = {
  connectionConfig: (draft, rest) => configured(draft, rest.join(".")),
  credentials: credential,
  assertionOption: (draft, rest) => asked(draft, "assertion_option", rest.join(".")),
  apiKey: (draft) => asked(draft, "credentials", "apiKey"),
  username: (draft) => asked(draft, "credentials", "username"),
  password: (draft) => asked(draft, "credentials", "password"),
  accessToken: (draft, _rest, key) => credentialOf(draft, key),
  sessionToken: secretPart("token.access_token"),
  sessionId: secretPart("token.access_token"),
  devKey: (draft) => asked(draft, "credentials", "dev_key"),
  token: (draft, _rest, key) =>
    draft.entry.token === undefined || draft.entry.auth_mode === "SIGNATURE"
      ? credentialOf(draft, key)
      : jwtExpression(draft, key),
  refresh_token: secretPart("token.refresh_token"),
  refreshToken: secretPart("token.refresh_token"),
  clientId: (draft) => client(draft, "client_id"),
  clientSecret: (draft) => client(draft, "client_secret"),
  now: (_draft, [offset = "", format = ""]) => piece(timeExpression(offset, format, "request.timestamp"), { private: true }),
  random: requestPart("request.id"),
  endpoint: requestPart("request.path"),
  path: requestPart("request.path"),
  method: requestPart("request.method"),
  host: requestPart('$substringBefore($substringAfter(request.url, "://"), "/")'),
  body: requestPart("request.body"),
};

/** Modes whose token is made for each request. */
const made: Readonly<Record<string, (draft: Draft, key: string) => Piece>> = { JWT: jwtExpression, SIGNATURE: wsseToken };

/** The token that was obtained, or the one that is made. */
const credentialOf = (draft: Draft, key: string): Piece =>
  made[String(draft.entry.auth_mode)]?.(draft, key) ?? piece("token.access_token", { secret: true });

const urlKeys = new Set(["authorization_url", "token_url", "refresh_url", "proxy.base_url"]);

function resolveName(draft: Draft, path: readonly string[], key: string): Piece {
  const [root = "", ...rest] = path;
  const known = Object.hasOwn(roots, root) ? roots[root] : undefined;
  if (known) return known(draft, rest, key);
  if (/^step[0-9]+$/.test(root)) return fromStep(draft, Number(root.slice(4)), rest);
  for (const source of ["connection_config", "credentials"] as const) {
    if (draft.fields.schema(source, path.join("."))) {
      return source === "connection_config" ? configured(draft, path.join(".")) : asked(draft, source, path.join("."));
    }
  }
  // In URLs, the prefix may be left out.
  if (path.length === 1 && urlKeys.has(key)) return configured(draft, root);
  throw new Inexpressible(`\`\${${path.join(".")}}\` in ${key} has no counterpart`);
}

/** A field, or the value that is captured in its stead. */
function configured(draft: Draft, key: string): Piece {
  const schema = draft.fields.schema("connection_config", key);
  const capture = draft.captures.find(key);
  const isAsked = schema !== undefined && schema.automated !== true && schema.automated !== "true";
  const isIn = (url: string) => String(draft.entry[url] ?? "").includes(`connectionConfig.${key}}`);
  // Anybody can make somebody follow a link, and with it choose what the callback says.
  const wouldNameHost = capture?.source === "callback" && isIn("token_url");
  if (wouldNameHost && !isAsked)
    draft.notes.add(key, "the person is asked for it: a callback must not say where the client's secret goes");
  if (capture && !wouldNameHost && !(isAsked && isIn("authorization_url"))) {
    capture.used = true;
    return piece(propertyPath(capture.source, capture.name), { captures: [capture] });
  }
  if (capture) capture.isAsked = true;
  if (schema !== undefined && !isAsked && !wouldNameHost) {
    draft.notes.add(`connection_config.${key}`, "filled in by a script there; here the person is asked for it");
  }
  return asked(draft, "connection_config", key);
}

const fromToken: Readonly<Record<string, string>> = {
  token: "token.access_token",
  accessToken: "token.access_token",
  access_token: "token.access_token",
  refresh_token: "token.refresh_token",
};

function credential(draft: Draft, rest: readonly string[], key: string): Piece {
  const [name = ""] = rest;
  if (name === "raw") return piece(propertyPath("token", ...rest), { secret: true });
  const declared = draft.fields.schema("credentials", rest.join("."));
  if (name === "assertion" && draft.entry.assertion !== undefined) return assertionExpression(draft, key);
  const ofToken = Object.hasOwn(fromToken, name) ? fromToken[name] : undefined;
  if (ofToken !== undefined && declared === undefined) return piece(ofToken, { secret: true });
  const ofClient = clientNames[name];
  if (ofClient !== undefined && draft.entry.auth_mode === "OAUTH2_CC") return client(draft, ofClient);
  return asked(draft, "credentials", rest.join("."));
}

const clientNames: Readonly<Record<string, "client_id" | "client_secret">> = {
  client_id: "client_id",
  client_secret: "client_secret",
};

/** The client is the app's, or the user's own. */
function client(draft: Draft, name: "client_id" | "client_secret"): Piece {
  const root = draft.client === "app" ? "app" : "fields";
  return piece(`${root}.${name}`, name === "client_secret" ? { secret: true } : { private: root === "app" });
}

function asked(draft: Draft, source: FieldSource, key: string): Piece {
  const field = draft.fields.get(source, key);
  return piece(`fields.${field.name}`, { fields: [field] });
}

/** What an earlier step answered: the last one is at hand as a whole, others would have to be captured. */
function fromStep(draft: Draft, step: number, rest: readonly string[]): Piece {
  if (step !== draft.step) throw new Inexpressible(`step ${draft.step + 1} needs the answer of step ${step}, which is not kept`);
  const capture = draft.captures.find(rest.join("."));
  if (!capture) return piece(propertyPath("token", "raw", ...rest), { secret: true });
  capture.used = true;
  return piece(propertyPath("token", capture.name), { captures: [capture] });
}

/** Every function, by its name. */
const functions: Readonly<Record<string, (text: string) => string>> = {
  base64: (text) => `$base64(${text})`,
  base64Url: (text) => `$base64url(${text})`,
  base64url: (text) => `$base64url(${text})`,
  sha1Hex: (text) => `$sha1(${text})`,
  sha1Base64: (text) => `$sha1(${text}, "base64")`,
  sha256Hex: (text) => `$sha256(${text})`,
  sha256Base64: (text) => `$sha256(${text}, "base64")`,
  sha512Hex: (text) => `$sha512(${text})`,
  sha512Base64: (text) => `$sha512(${text}, "base64")`,
  md5Hex: (text) => `$md5(${text})`,
  md5: (text) => `$md5(${text})`,
  uppercase: (text) => `$uppercase(${text})`,
  lowercase: (text) => `$lowercase(${text})`,
  encodeURIComponent: (text) => `$encodeUrlComponent(${text})`,
};

function resolveCall(draft: Draft, { name, argument }: Extract<Placeholder, { kind: "call" }>, key: string): Piece {
  const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!known) throw new Inexpressible(`the function \`${name}\` in ${key} has no counterpart`);
  const value: Value = argument.map((part) => draft.part(part, key));
  return joined(known(expressionOf(value)), value.filter(isPiece));
}
