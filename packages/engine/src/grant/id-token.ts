// Whose token it is, as the provider signs it (OpenID Connect Core §3.1.3.7, §12.2). Loaded where there is an id token: jose takes its time.

import { createHash } from "node:crypto";
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from "jose";
import { JackfieldError } from "../errors.ts";
import { isDeeper } from "../request/depth.ts";
import type { Client } from "./credential.ts";
import { isIssuer, type Metadata, type Offer } from "./metadata.ts";

/** The claims of a valid id token. None of them is secret. */
export type Claims = Readonly<Record<string, unknown>>;

/** What an id token is held against. */
export interface Expected {
  readonly issuer: string;
  readonly offer: Offer;
  readonly client: Client;
  /** Undefined: none was sent, and none is looked for. */
  readonly nonce: string | undefined;
  readonly access_token: string;
  /** Of the id token that came before, whose account it must be. */
  readonly before: Claims | undefined;
}

/** Seconds that clocks may differ. */
const tolerance = 60;

/** More is no identity any more, and would be kept with every connection. */
const longest = 64 * 1024;
const maxDepth = 32;

/** With `none` or a public key as an HMAC's secret anybody could sign. */
const algorithms = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

/** The claims of an id token; undefined where its provider's keys cannot be had. Throws `id_token_invalid`. */
export async function claimsOf(
  { metadata, clock }: { readonly metadata?: Metadata | undefined; readonly clock: () => number },
  idToken: string,
  expected: Expected,
): Promise<Claims | undefined> {
  const { offer, client } = expected;
  const options = {
    audience: client.client_id,
    clockTolerance: tolerance,
    currentDate: new Date(clock()),
    requiredClaims: ["iss", "sub", "aud", "exp", "iat"],
  };
  try {
    if (idToken.length > longest) throw new Wrong("it is longer than 64 KB");
    const alg = decodeProtectedHeader(idToken).alg ?? "none";
    const verified = offer.hmac.includes(alg)
      ? await verifyWithSecret(idToken, client, { ...options, algorithms: [alg] })
      : await verifyWithKeys(metadata, idToken, offer.jwks_uri, { ...options, algorithms: [...algorithms] });
    if (verified === undefined) return undefined;
    if (isDeeper(verified.payload, maxDepth)) throw new Wrong("it is nested too deeply");
    refuseOther(verified, expected, Math.floor(clock() / 1000));
    return verified.payload;
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError || cause instanceof TypeError || cause instanceof Wrong)) throw cause;
    throw new JackfieldError("id_token_invalid", { detail: `The provider's id token is not valid: ${reasonOf(cause)}.`, cause });
  }
}

/** A claim that does not hold. */
class Wrong extends Error {}

/** What jose says of itself holds no value of the token's; some of it a person need not read. */
function reasonOf(cause: Error): string {
  if (cause instanceof Wrong) return cause.message;
  if (cause instanceof errors.JWTExpired) return "it has expired";
  if (cause instanceof errors.JWTClaimValidationFailed) return `its \`${cause.claim}\` is not what it must be`;
  if (cause instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not one that can be trusted";
  if (cause instanceof errors.JWKSNoMatchingKey) return "the provider has no such key";
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it cannot be read";
}

/** Shared secrets sign only where the provider's metadata says so, and the secret is the client's own. */
async function verifyWithSecret(idToken: string, client: Client, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
  const { client_secret, previous } = client;
  if (client_secret === undefined) throw new Wrong("its algorithm needs a client secret");
  try {
    return await jwtVerify(idToken, new TextEncoder().encode(client_secret), options);
  } catch (cause) {
    // A provider that takes the new secret may sign with the one before it for a while.
    if (previous === undefined || !(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause;
    return jwtVerify(idToken, new TextEncoder().encode(previous.client_secret), options);
  }
}

async function verifyWithKeys(
  metadata: Metadata | undefined,
  idToken: string,
  jwksUri: string | null,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult | undefined> {
  const { kid, alg } = decodeProtectedHeader(idToken);
  // What no key could make right is refused even where there are none.
  if (!(algorithms as readonly unknown[]).includes(alg)) throw new Wrong("its algorithm is not one that can be trusted");
  const isKnown = ({ keys }: JSONWebKeySet) => kid === undefined || keys.some((key) => key.kid === kid);
  const keys = jwksUri === null ? undefined : await metadata?.keys(jwksUri, isKnown);
  if (keys === undefined) return undefined;
  try {
    return await jwtVerify(idToken, createLocalJWKSet(keys), options);
  } catch (cause) {
    if (!(cause instanceof errors.JWKSMultipleMatchingKeys)) throw cause;
    return verifyWithOneOf(cause, idToken, options);
  }
}

/** Without a `kid` every key that fits is tried. */
async function verifyWithOneOf(
  keys: errors.JWKSMultipleMatchingKeys,
  idToken: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  for await (const key of keys) {
    try {
      return await jwtVerify(idToken, key, options);
    } catch (cause) {
      if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function refuseOther({ payload, protectedHeader }: JWTVerifyResult, expected: Expected, now: number): void {
  const { client, nonce, access_token, before } = expected;
  const { aud, azp, at_hash } = payload;
  if (!isIssuerOf(payload, expected)) throw new Wrong("its `iss` is another issuer");
  if ((payload.iat ?? 0) > now + tolerance) throw new Wrong("its `iat` is in the future");
  if (azp === undefined ? Array.isArray(aud) && aud.length > 1 : azp !== client.client_id)
    throw new Wrong("its `azp` is another client");
  if (nonce !== undefined && payload.nonce !== nonce) throw new Wrong("its `nonce` is not the one of this sign-in");
  if (at_hash !== undefined && at_hash !== leftHalf(protectedHeader.alg, access_token))
    throw new Wrong("its `at_hash` is of another access token");
  if (before !== undefined) refuseOtherThan(before, payload);
}

/** The issuer of the metadata; where that has a hole, the tenant that the token names (`tid`) stands in it. */
function isIssuerOf({ iss, tid }: JWTPayload, { issuer, offer }: Expected): boolean {
  if (offer.issuer === issuer) return iss === issuer;
  if (!isIssuer(offer.issuer, iss ?? "")) return false;
  return tid === undefined || iss === offer.issuer.replace(/\{[^}]*\}/, () => String(tid));
}

/** OpenID Connect Core §12.2. */
function refuseOtherThan(before: Claims, payload: JWTPayload): void {
  const written = (value: unknown) => JSON.stringify([value ?? []].flat().toSorted());
  const other =
    (["iss", "sub", "aud"] as const).find((name) => written(before[name]) !== written(payload[name])) ??
    (["auth_time", "nonce"] as const).find(
      (name) => before[name] !== undefined && payload[name] !== undefined && before[name] !== payload[name],
    );
  if (other !== undefined) throw new Wrong(`its \`${other}\` is not that of the sign-in`);
}

/** OpenID Connect Core §3.1.3.6. */
function leftHalf(alg: string, token: string): string {
  const digest = createHash(`sha${/256|384|512/.exec(alg)?.[0] ?? "512"}`)
    .update(token, "ascii")
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}
