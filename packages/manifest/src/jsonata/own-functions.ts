import { createHash, createHmac } from "node:crypto";
import { LimitError } from "./budget.ts";

interface OwnFunction {
  readonly signature: string;
  readonly implementation: (...args: never[]) => unknown;
}

type Encoding = "hex" | "base64" | "base64url";

const encodings = new Set<string>(["hex", "base64", "base64url"]);
const algorithms = new Set<string>(["sha1", "sha256", "sha384", "sha512"]);

function checked<T extends string>(what: string, allowed: ReadonlySet<string>, name: string): T {
  if (!allowed.has(name)) throw new LimitError("expression_type", `the ${what} must be one of ${[...allowed].join(", ")}`);
  return name as T;
}

/** `undefined` in gives `undefined` out, as with JSONata's own functions. */
const encode = (text: string | undefined, encoding: Encoding | "utf8") =>
  text === undefined ? undefined : Buffer.from(text, "utf8").toString(encoding);

/**
 * What Jackfield adds to JSONata. All of it is pure, and texts are UTF-8.
 *
 * - `$base64(text)`, `$base64url(text)`: encodes a text.
 * - `$sha256(text, encoding?)`: the digest of a text; `hex` (default), `base64` or `base64url`.
 * - `$hmac(text, key, algorithm?, encoding?)`: the keyed digest of a text; `sha256` (default), `sha1`, `sha384` or `sha512`.
 */
export const ownFunctions: Readonly<Record<string, OwnFunction>> = {
  base64: { signature: "<s-:s>", implementation: (text?: string) => encode(text, "base64") },
  base64url: { signature: "<s-:s>", implementation: (text?: string) => encode(text, "base64url") },
  sha256: {
    signature: "<s-s?:s>",
    implementation: (text?: string, encoding = "hex") =>
      text === undefined
        ? undefined
        : createHash("sha256")
            .update(text, "utf8")
            .digest(checked<Encoding>("encoding", encodings, encoding)),
  },
  hmac: {
    signature: "<sss?s?:s>",
    implementation: (text?: string, key?: string, algorithm = "sha256", encoding = "hex") =>
      text === undefined || key === undefined
        ? undefined
        : createHmac(checked("algorithm", algorithms, algorithm), key)
            .update(text, "utf8")
            .digest(checked<Encoding>("encoding", encodings, encoding)),
  },
};
