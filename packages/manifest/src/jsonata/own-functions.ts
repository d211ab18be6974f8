import { createHash, createHmac } from "node:crypto";
import { jwtClaims, SigningError, signJwt, signText } from "../jwt.ts";
import { type Focus, LimitError } from "./budget.ts";
import { copyIn } from "./plain-data.ts";

interface OwnFunction {
  readonly signature: string;
  readonly implementation: (this: Focus, ...args: never[]) => unknown;
}

type Encoding = "hex" | "base64" | "base64url";
type Maybe = string | undefined;

const encodings = new Set<string>(["hex", "base64", "base64url"]);
const keyEncodings = new Set<string>(["utf8", "hex", "base64"]);
const digests = ["md5", "sha1", "sha256", "sha384", "sha512"] as const;
const digestNames = new Set<string>(digests);

function checked<T extends string>(what: string, allowed: ReadonlySet<string>, name: string): T {
  if (!allowed.has(name)) throw new LimitError("expression_type", `the ${what} must be one of ${[...allowed].join(", ")}`);
  return name as T;
}

const asEncoding = (name: string) => checked<Encoding>("encoding", encodings, name);

/** `undefined` in gives `undefined` out, as with JSONata's own functions. */
const encode = (text: Maybe, encoding: Encoding) =>
  text === undefined ? undefined : Buffer.from(text, "utf8").toString(encoding);

const digest = (name: string): OwnFunction => ({
  signature: "<ss?:s>",
  implementation: (text?: string, encoding = "hex") =>
    text === undefined ? undefined : createHash(name).update(text, "utf8").digest(asEncoding(encoding)),
});

function hmac(text: Maybe, key: Maybe, algorithm = "sha256", encoding = "hex", keyEncoding = "utf8"): Maybe {
  if (text === undefined || key === undefined) return undefined;
  const bytes = Buffer.from(key, checked<BufferEncoding>("encoding of the key", keyEncodings, keyEncoding));
  return createHmac(checked("algorithm", digestNames, algorithm), bytes)
    .update(text, "utf8")
    .digest(asEncoding(encoding));
}

/** What cannot be signed is the author's to see, without the key. */
function signing<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof SigningError ? new LimitError("expression_failed", error.message) : error;
  }
}

type Data = Readonly<Record<string, unknown>>;

function jwt(this: Focus, claims?: Data, key?: string, algorithm = "RS256", header: Data = {}): Maybe {
  if (claims === undefined || key === undefined) return undefined;
  const { budget } = this.environment.base;
  budget.text(budget.size(claims) + budget.size(header));
  return signing(() => signJwt(claims, key, algorithm, header));
}

/** RFC 9562 §5.4. */
function uuid(this: Focus): string {
  const bytes = Buffer.from(this.environment.base.ambient.random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function form(this: Focus, pairs?: Data): Maybe {
  if (pairs === undefined) return undefined;
  const { budget } = this.environment.base;
  budget.text(budget.size(pairs));
  const entries = Object.entries(pairs).flatMap(([name, value]) => [value].flat().map((item) => [name, item] as const));
  const texts = entries
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]): [string, string] => {
      if (typeof value !== "object") return [name, String(value)];
      throw new LimitError("expression_type", "$form takes texts, numbers, booleans and lists of them");
    });
  return new URLSearchParams(texts).toString();
}

function parse(text?: string): unknown {
  if (text === undefined) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  return copyIn(data, undefined);
}

function jsonAscii(this: Focus, value?: unknown): Maybe {
  if (value === undefined) return undefined;
  const { budget } = this.environment.base;
  budget.text(budget.size(value) * 6);
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * What Jackfield adds to JSONata. Texts are UTF-8. An `encoding` is `hex` (default), `base64` or `base64url`.
 *
 * - `$base64(text)`, `$base64url(text)`: encodes a text.
 * - `$md5`, `$sha1`, `$sha256`, `$sha384`, `$sha512` `(text, encoding?)`: the digest of a text.
 * - `$hmac(text, key, algorithm?, encoding?, key_encoding?)`: the keyed digest of a text with `sha256` (default) or another of the
 *   digests; the key is written in `utf8` (default), `hex` or `base64`.
 * - `$sign(text, key, algorithm?, encoding?)`: the signature over a text with an algorithm of RFC 7518, `RS256` by default.
 * - `$jwt(claims, key, algorithm?, header?)`: a signed JSON Web Token; keys of RSA, EC and Ed25519 are PEM, PKCS #8 or PKCS #1.
 * - `$jwtClaims(token)`: the payload of a JSON Web Token, unverified; nothing for anything else.
 * - `$uuid()`: a random UUID.
 * - `$form(object)`: its pairs as `application/x-www-form-urlencoded`.
 * - `$parse(text)`: the data of a JSON text; nothing for what is none.
 * - `$jsonAscii(value)`: JSON with everything beyond ASCII escaped, as headers need it.
 *
 * All but `$uuid`, ECDSA and PSS give the same for the same; time and chance come with the evaluation (`Ambient`).
 */
export const ownFunctions: Readonly<Record<string, OwnFunction>> = {
  base64: { signature: "<s-:s>", implementation: (text?: string) => encode(text, "base64") },
  base64url: { signature: "<s-:s>", implementation: (text?: string) => encode(text, "base64url") },
  ...Object.fromEntries(digests.map((name) => [name, digest(name)])),
  hmac: { signature: "<sss?s?s?:s>", implementation: hmac },
  sign: {
    signature: "<sss?s?:s>",
    implementation: (text?: string, key?: string, algorithm = "RS256", encoding = "base64") =>
      text === undefined || key === undefined
        ? undefined
        : signing(() => signText(text, key, algorithm)).toString(asEncoding(encoding)),
  },
  jwt: { signature: "<oss?o?:s>", implementation: jwt },
  jwtClaims: {
    signature: "<x:o>",
    implementation: (token?: unknown) => (typeof token === "string" ? jwtClaims(token) : undefined),
  },
  uuid: { signature: "<:s>", implementation: uuid },
  form: { signature: "<o:s>", implementation: form },
  parse: { signature: "<s:x>", implementation: parse },
  jsonAscii: { signature: "<x:s>", implementation: jsonAscii },
};
