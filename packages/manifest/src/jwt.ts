// JSON Web Tokens and bare signatures (RFC 7515, RFC 7518, RFC 8037). Straight on node:crypto: only signing is needed, with one key in
// the form in which providers hand it out (PKCS #1 too), and it must end within the time of an evaluation. The libraries for JOSE are
// asynchronous, and take neither PKCS #1 nor a key whose line ends were lost on the way.

import { constants, createHmac, createPrivateKey, type KeyObject, type SignKeyObjectInput, sign } from "node:crypto";

/** The algorithm or the key does not fit; the message holds nothing of the key. */
export class SigningError extends Error {}

type Signer = (text: string, key: string) => Buffer;

/** The longest RSA key that is used, in bits: signing takes the cube of it. */
const longestModulus = 8192;

const hmac =
  (digest: string): Signer =>
  (text, key) => {
    if (key === "") throw new SigningError("the key is empty");
    return createHmac(digest, key).update(text, "utf8").digest();
  };

const signer =
  (digest: string | null, fits: (key: KeyObject) => boolean, options: Omit<SignKeyObjectInput, "key"> = {}): Signer =>
  (text, pem) => {
    const key = privateKey(pem);
    if (!fits(key)) throw new SigningError("the key is of another kind than the algorithm needs");
    return sign(digest, Buffer.from(text, "utf8"), { key, ...options });
  };

const rsa = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) =>
  (type === "rsa" || type === "rsa-pss") && (details?.modulusLength ?? 0) <= longestModulus;
const curve = (name: string) => (key: KeyObject) => key.asymmetricKeyDetails?.namedCurve === name;
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
/** RFC 7518 §3.4: both numbers side by side, not in ASN.1. */
const bare = { dsaEncoding: "ieee-p1363" } as const;

const signers: Readonly<Record<string, Signer>> = {
  HS256: hmac("sha256"),
  HS384: hmac("sha384"),
  HS512: hmac("sha512"),
  RS256: signer("sha256", rsa),
  RS384: signer("sha384", rsa),
  RS512: signer("sha512", rsa),
  PS256: signer("sha256", rsa, pss),
  ES256: signer("sha256", curve("prime256v1"), bare),
  ES384: signer("sha384", curve("secp384r1"), bare),
  EdDSA: signer(null, (key) => key.asymmetricKeyType === "ed25519"),
};

const pemPattern = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----/;

/** A PEM's lines may have been lost on the way to us, or written as `\n`. */
function privateKey(pem: string): KeyObject {
  const [, kind, body] = pemPattern.exec(pem.replace(/\\r|\\n/g, "\n")) ?? [];
  if (kind === undefined || body === undefined) throw new SigningError("the key is no private key in PEM");
  const lines = body.replace(/\s+/g, "").match(/.{1,64}/g) ?? [];
  try {
    return createPrivateKey([`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ""].join("\n"));
  } catch (cause) {
    throw new SigningError("the private key cannot be read", { cause });
  }
}

/** The signature over a text in UTF-8, with an algorithm named as in RFC 7518. Throws `SigningError`. */
export function signText(text: string, key: string, algorithm: string): Buffer {
  const signText = Object.hasOwn(signers, algorithm) ? signers[algorithm] : undefined;
  if (!signText) throw new SigningError(`the algorithm must be one of ${Object.keys(signers).join(", ")}`);
  try {
    return signText(text, key);
  } catch (cause) {
    throw cause instanceof SigningError ? cause : new SigningError("the key cannot be used", { cause });
  }
}

const encode = (data: unknown) => Buffer.from(JSON.stringify(data), "utf8").toString("base64url");

/** A signed JSON Web Token in compact form (RFC 7519). `header` may take `typ` away with null. Throws `SigningError`. */
export function signJwt(
  claims: Readonly<Record<string, unknown>>,
  key: string,
  algorithm = "RS256",
  header: Readonly<Record<string, unknown>> = {},
): string {
  const entries = Object.entries({ ...{ alg: algorithm, typ: "JWT" }, ...header, alg: algorithm });
  const signed = `${encode(Object.fromEntries(entries.filter(([, value]) => value !== null)))}.${encode(claims)}`;
  return `${signed}.${signText(signed, key, algorithm).toString("base64url")}`;
}

/** The payload of a JSON Web Token, which nothing here verifies; undefined for anything else. */
export function jwtClaims(token: string): Record<string, unknown> | undefined {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null && !Array.isArray(claims)
      ? (claims as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
