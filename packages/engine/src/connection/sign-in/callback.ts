import { createHmac, timingSafeEqual } from "node:crypto";
import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import { bounded } from "../../grant/capture.ts";
import { type Names, text } from "../../request/hole.ts";

/** What a provider says at the redirect URL. Everything in it is untrusted. */
export interface Callback {
  readonly code: string | undefined;
  readonly state: string | undefined;
  readonly iss: string | undefined;
  readonly error: string | undefined;
  readonly error_description: string | undefined;
  readonly error_uri: string | undefined;
  /** The parameters, as they came. */
  readonly params: URLSearchParams;
  /** Parameters that count and are given more than once, which RFC 6749 §3.1 forbids. */
  readonly repeated: readonly string[];
  readonly query: string;
}

const known = ["iss", "error", "error_description", "error_uri"] as const;
const maxLength = 8192;

/** A list (`code[]=…`) is another parameter, not a code. Too long values count as absent. */
function read(params: URLSearchParams, name: string): string | undefined {
  const [value] = params.getAll(name);
  return value === undefined || value === "" || value.length > maxLength ? undefined : value;
}

/** What may be the state, under each of the names that it may come back by. */
export function readStates(query: string, names: readonly string[]): readonly string[] {
  const params = new URLSearchParams(query);
  return names.map((name) => read(params, name)).filter((state) => state !== undefined);
}

/** The names of the parameters that an auth block's callback brings. */
export interface CallbackNames {
  readonly code: string;
  readonly state: string;
  /** What stands for the state where the person said no. */
  readonly denied?: string;
  readonly scope?: string | undefined;
  readonly capture?: OAuth2["callback"]["capture"];
  readonly verify?: OAuth2["callback"]["verify"];
}

/** Everything that is read of a callback. */
function namesRead({ code, state, denied, scope, capture = {}, verify }: CallbackNames): readonly string[] {
  const captured = Object.values(capture).map(({ param }) => param);
  const names = [state, code, denied, ...known, scope, ...captured, verify?.param, verify?.timestamp];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** Reads the raw query. */
export function readCallback(query: string, names: CallbackNames): Callback {
  const params = new URLSearchParams(query);
  const denied = names.denied === undefined ? undefined : read(params, names.denied);
  return {
    code: read(params, names.code),
    state: read(params, names.state) ?? denied,
    iss: read(params, "iss"),
    error: read(params, "error") ?? (denied === undefined ? undefined : "access_denied"),
    error_description: read(params, "error_description")?.slice(0, 2000),
    error_uri: read(params, "error_uri")?.slice(0, 2000),
    params,
    repeated: namesRead(names).filter((name) => params.getAll(name).length > 1),
    query,
  };
}

/** What the manifest keeps of the callback. Throws `capture_missing`, `capture_refused`. */
export function captureCallback(auth: OAuth2, { params }: Callback): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, declared] of Object.entries(auth.callback.capture)) {
    const value = bounded(name, params.get(declared.param) ?? undefined, declared);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

type Signed = NonNullable<OAuth2["callback"]["verify"]>["signed"];

/** A separator within a name or a value is encoded, so that no two sets of parameters look alike. */
const separate = (text: string) => text.replaceAll("%", "%25").replaceAll("&", "%26");

/** The parameters that were signed, as a text. */
const signedTexts: { readonly [S in Signed]: (callback: Callback, param: string) => string } = {
  sorted_parameters: ({ params }, param) =>
    [...params]
      .filter(([name]) => name !== param)
      .map(([name, value]) => `${separate(name).replaceAll("=", "%3D")}=${separate(value)}`)
      .toSorted()
      .join("&"),
  query: ({ query }, param) =>
    query
      .split("&")
      .filter((pair) => pair.split("=", 1)[0] !== param)
      .join("&"),
};

/** Checks the provider's signature over the callback, in constant time. Throws `signature_invalid`. */
export async function verifyCallback(auth: OAuth2, callback: Callback, names: Names, now: number): Promise<void> {
  const { verify } = auth.callback;
  if (verify === undefined) return;
  const secret = await text(verify.secret, names);
  const given = callback.params.get(verify.param) ?? "";
  if (secret === undefined) throw new JackfieldError("signature_invalid", { detail: "There is no secret to check it with." });
  const expected = createHmac(verify.algorithm, secret)
    .update(signedTexts[verify.signed](callback, verify.param), "utf8")
    .digest();
  const actual = Buffer.from(given, verify.encoding);
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) throw new JackfieldError("signature_invalid");
  if (verify.timestamp === undefined) return;
  const at = Number(callback.params.get(verify.timestamp)) * 1000;
  if (!(Math.abs(now - at) <= verify.tolerance)) {
    throw new JackfieldError("signature_invalid", { detail: "The provider signed the callback too long ago." });
  }
}
