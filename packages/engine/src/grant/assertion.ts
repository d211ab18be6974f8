import { type Assertion, signJwt } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { type Names, text } from "../request/hole.ts";
import { renderValues } from "../request/parameters.ts";
import type { GrantContext } from "./token-endpoint.ts";

/**
 * A signed JSON Web Token (RFC 7523 §3): the engine's claims, over which the manifest's are laid; null removes one. Throws
 * `assertion_key_invalid`, `expression_error`.
 */
export async function signAssertion(
  context: Pick<GrantContext, "clock" | "random">,
  declared: Assertion,
  defaults: Readonly<Record<string, unknown>>,
  names: Names,
): Promise<string> {
  const now = Math.floor(context.clock() / 1000);
  const audience = declared.audience === undefined ? undefined : await text(declared.audience, names);
  const claims: Record<string, unknown> = {
    ...defaults,
    ...(audience === undefined ? {} : { aud: audience }),
    iat: now,
    exp: now + Math.floor(declared.lifetime / 1000),
    jti: context.random(16).toString("base64url"),
    ...Object.fromEntries(await renderValues(declared.claims, names)),
  };
  for (const [name, claim] of Object.entries(declared.claims)) if (claim === null) delete claims[name];
  const keyId = declared.key_id === undefined ? undefined : await text(declared.key_id, names);
  const header = {
    ...(keyId === undefined ? {} : { kid: keyId }),
    ...Object.fromEntries(await renderValues(declared.header, names)),
  };
  const key = await text(declared.key, names);
  if (key === undefined) {
    throw new JackfieldError("assertion_key_invalid", { detail: `The key for signing (${declared.key.source}) is missing.` });
  }
  try {
    return await signJwt(claims, key, declared.algorithm, header);
  } catch (cause) {
    throw new JackfieldError("assertion_key_invalid", {
      detail: `The key for signing cannot be used with ${declared.algorithm}.`,
      cause,
    });
  }
}
