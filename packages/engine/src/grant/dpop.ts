// Tokens that are bound to a key (RFC 9449): the key, the proofs made with it, and the nonces that providers ask for.

import { createECDH, createHash } from "node:crypto";
import type { Auth } from "@jackfield/manifest";
import type { JWK } from "jose";
import type { EgressAnswer } from "../egress/egress.ts";
import { JackfieldError } from "../errors.ts";

/** A private key of P-256, as a JSON Web Key (RFC 7518 §6.2). Sealed with the credential. */
export interface ProofKey {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly d: string;
}

/** Who asks for a nonce: an authorization server and an API on one origin each have their own (RFC 9449 §8.2). */
type Role = "token" | "api";

/** The latest nonces of providers. */
/** An API's answer may not have been read yet. */
type Noted = Pick<EgressAnswer, "status" | "headers" | "url"> & { readonly body: unknown };

export interface Nonces {
  of(role: Role, url: string): string | undefined;
  /** Keeps what an answer brings; tells whether it asks for the request again, with that nonce. */
  note(role: Role, answer: Noted): boolean;
}

const mostNonces = 1000;

export function createNonces(): Nonces {
  const known = new Map<string, string>();
  const keyOf = (role: Role, url: string) => `${role} ${new URL(url).origin}`;
  return {
    of: (role, url) => known.get(keyOf(role, url)),
    note(role, answer) {
      const nonce = answer.headers["dpop-nonce"];
      if (typeof nonce !== "string" || !/^[\x21\x23-\x5b\x5d-\x7e]{1,1000}$/.test(nonce)) return false;
      const key = keyOf(role, answer.url);
      known.delete(key);
      known.set(key, nonce);
      if (known.size > mostNonces) known.delete(known.keys().next().value ?? "");
      return challenges[role](answer);
    },
  };
}

/** How the two tell that a proof lacks the nonce (RFC 9449 §8, §9). */
const challenges: { readonly [R in Role]: (answer: Noted) => boolean } = {
  token: ({ status, body }) => status >= 400 && status < 500 && /"use_dpop_nonce"/.test(String(body)),
  api: ({ status, headers }) =>
    status === 401 && [headers["www-authenticate"] ?? []].flat().some((challenge) => /\buse_dpop_nonce\b/.test(challenge)),
};

interface ProofContext {
  readonly clock: () => number;
  readonly random: (bytes: number) => Buffer;
  readonly nonces?: Nonces | undefined;
}

/** A new key. */
export function createProofKey({ random }: Pick<ProofContext, "random">): ProofKey {
  const ecdh = createECDH("prime256v1");
  const d = random(32);
  try {
    ecdh.setPrivateKey(d);
  } catch (cause) {
    // One number in four billion is beyond the curve's order.
    throw new JackfieldError("internal", { detail: "A key could not be made. Try again.", cause });
  }
  const point = ecdh.getPublicKey();
  const text = (bytes: Buffer) => bytes.toString("base64url");
  return { kty: "EC", crv: "P-256", x: text(point.subarray(1, 33)), y: text(point.subarray(33)), d: text(d) };
}

/** The proof for one request (RFC 9449 §4.2). At the API it is bound to the token, too. */
export async function proofOf(
  { clock, random, nonces }: ProofContext,
  key: ProofKey,
  request: { readonly role: Role; readonly method: string; readonly url: string; readonly token?: string | undefined },
): Promise<string> {
  const { kty, crv, x, y } = key;
  const { origin, pathname } = new URL(request.url);
  const nonce = nonces?.of(request.role, request.url);
  const claims = {
    jti: random(16).toString("base64url"),
    htm: request.method,
    htu: origin + pathname,
    iat: Math.floor(clock() / 1000),
    ...(request.token === undefined ? {} : { ath: createHash("sha256").update(request.token, "utf8").digest("base64url") }),
    ...(nonce === undefined ? {} : { nonce }),
  };
  // Loaded here, as few providers need it and it takes its time.
  const { importJWK, SignJWT } = await import("jose");
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } })
    .sign(await importJWK(key as JWK, "ES256"));
}

/** Whether a token is sent as RFC 6750 says, which is what DPoP takes the place of. */
export const sendsBearer = ({ apply }: Pick<Auth, "apply">): boolean =>
  apply.length === 1 && apply[0]?.value.source === "Bearer {{ token.access_token }}";

/** A bound token as one that an API takes which knows of no keys (RFC 9449 §7.2); undefined for a token that is not bound. */
export function withoutProofs<Token extends Typed>(token: Token | undefined): Token | undefined {
  return token?.proof_key === undefined || !isBound(token.token_type) ? undefined : { ...token, token_type: "Bearer" };
}

/** Whether a token is sent as a plain one although there is a key. */
export const isPlain = ({ proof_key, token_type }: Typed): boolean => proof_key !== undefined && !isBound(token_type);

interface Typed {
  readonly token_type: string;
  readonly proof_key?: ProofKey | undefined;
}

/** Whether a token of this type is bound to a key; the case does not count (RFC 6749 §5.1). */
export const isBound = (tokenType: string): boolean => /^dpop$/i.test(tokenType.trim());
