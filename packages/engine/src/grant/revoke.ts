import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError, type ProviderWords } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { callEndpoint, type GrantContext } from "./token-endpoint.ts";

type Revocation = NonNullable<OAuth2["revocation"]>;

/**
 * Revokes a credential: by default the refresh token first, then the access token (RFC 7009 §2.1). A token that the server does not know
 * is answered with 200 and counts as revoked (§2.2); a kind of token that it cannot revoke is passed over, if the other one can be
 * (§2.2.1). Gives the provider's words when it refused. Throws as `callEndpoint`.
 */
export async function revokeCredential(
  context: GrantContext,
  auth: OAuth2,
  request: { readonly credential: Credential; readonly client: Client; readonly names: Names },
): Promise<ProviderWords | undefined> {
  const { revocation } = auth;
  if (revocation?.url === undefined) throw new JackfieldError("internal");
  let unsupported: ProviderWords | undefined;
  let revoked = false;
  for (const hint of revocation.tokens) {
    const token = request.credential[hint];
    if (token === undefined) continue;
    const refusal = await revokeToken(context, auth, { ...revocation, url: revocation.url }, request, token, hint);
    if (refusal === undefined) revoked = true;
    else if (refusal.error === "unsupported_token_type") unsupported = refusal;
    else return refusal;
  }
  return revoked ? undefined : unsupported;
}

async function revokeToken(
  context: GrantContext,
  auth: OAuth2,
  revocation: Revocation & { readonly url: NonNullable<Revocation["url"]> },
  { client, names }: { readonly client: Client; readonly names: Names },
  token: string,
  hint: string,
): Promise<ProviderWords | undefined> {
  const values = [
    ["token", token],
    ["token_type_hint", hint],
  ] as const;
  const { url, method, encoding, headers, params, authentication } = revocation;
  const endpoint = { url, method, encoding, headers, params, authentication, values, client, names };
  const { answer, redact } = await callEndpoint(context, auth, endpoint);
  if (answer.status >= 200 && answer.status <= 299) return undefined;
  const body = parseTokenAnswer(answer);
  const said = body !== null && typeof body === "object" && "error" in body ? body.error : undefined;
  return { status: answer.status, ...(typeof said === "string" ? { error: redact(said).slice(0, 2000) } : {}) };
}
