// JSON Web Tokens that are signed for a request: `token` (header, payload, signing key) and `assertion` of the type jwt.

import { Inexpressible } from "../note.ts";
import type { Draft } from "./draft.ts";
import { expressionOf, isPiece, joined, type Piece, quoted, type Value } from "./value.ts";

interface Signed {
  readonly key: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly header: Readonly<Record<string, unknown>>;
  readonly signingKey: unknown;
  readonly seconds: number;
  readonly keyEncoding: string;
}

/** The token of `token`, by whose help a credential is obtained or which is the credential itself. */
export function jwtExpression(draft: Draft, key: string): Piece {
  const token = draft.takeMap("token") as { payload?: object; header?: object; signing_key?: unknown; expires_in_ms?: number };
  const signature = draft.takeMap("signature");
  const protocol = String(signature.protocol ?? "RSA");
  const ownEncoding = signature.hmac_secret_encoding ?? (protocol === "HMAC" ? "hex" : "utf8");
  return signed(draft, {
    key,
    payload: (token.payload ?? {}) as Record<string, unknown>,
    header: (token.header ?? {}) as Record<string, unknown>,
    signingKey: token.signing_key,
    seconds: Math.round((token.expires_in_ms ?? 3_600_000) / 1000),
    keyEncoding: protocol === "HMAC" ? String(ownEncoding) : "utf8",
  });
}

/** The assertion that `assertion` describes. Throws `Inexpressible` for those that are no JSON Web Token. */
export function assertionExpression(draft: Draft, key: string): Piece {
  const assertion = draft.takeMap("assertion");
  if (assertion.type !== "jwt") {
    throw new Inexpressible(
      `it signs an assertion of the type \`${String(assertion.type)}\`, and only JSON Web Tokens can be signed`,
    );
  }
  return signed(draft, {
    key,
    payload: (assertion.payload ?? {}) as Record<string, unknown>,
    header: (assertion.header ?? {}) as Record<string, unknown>,
    signingKey: assertion.key,
    seconds: Number(assertion.lifetimeInSeconds ?? 3600),
    keyEncoding: "utf8",
  });
}

function signed(draft: Draft, { key, payload, header, signingKey, seconds, keyEncoding }: Signed): Piece {
  const pieces: Piece[] = [];
  const write = (value: unknown): string => object(draft, value, key, pieces);
  const { alg = "RS256", typ: _always, ...further } = header;
  const now = "$floor(request.timestamp / 1000)";
  const claims = `$merge([${write(payload)}, {"iat": ${now}, "exp": ${now} + ${seconds}}])`;
  const value = draft.text(signingKey ?? "", key);
  pieces.push(...value.filter(isPiece));
  const secret = expressionOf(value);
  const algorithm = String(alg);
  const expression =
    keyEncoding === "utf8"
      ? `$jwt(${claims}, ${secret}, ${quoted(algorithm)}${Object.keys(further).length > 0 ? `, ${write(further)}` : ""})`
      : byHand(claims, secret, algorithm, write({ ...further, alg: algorithm, typ: "JWT" }), keyEncoding);
  return { ...joined(expression, pieces), secret: true };
}

/** `$jwt` takes keys as text; a key in hex or base64 goes through `$hmac`. */
function byHand(claims: string, key: string, algorithm: string, header: string, encoding: string): string {
  const digest = /^HS(256|384|512)$/.exec(algorithm)?.[1];
  if (digest === undefined) throw new Inexpressible(`a key in ${encoding} cannot be used with ${algorithm}`);
  const signature = `$hmac($signed, ${key}, "sha${digest}", "base64url", ${quoted(encoding)})`;
  return `($signed := $base64url($string(${header})) & "." & $base64url($string(${claims})); $signed & "." & ${signature})`;
}

/** A value as JSONata writes it. */
function object(draft: Draft, value: unknown, key: string, pieces: Piece[]): string {
  if (Array.isArray(value)) return `[${value.map((item) => object(draft, item, key, pieces)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([name, inner]) => `${quoted(name)}: ${object(draft, inner, key, pieces)}`);
    return `{${entries.join(", ")}}`;
  }
  if (typeof value !== "string") return JSON.stringify(value ?? null);
  const text: Value = draft.text(value, key);
  pieces.push(...text.filter(isPiece));
  return expressionOf(text);
}
