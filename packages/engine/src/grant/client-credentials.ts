import type { OAuth2 } from "@jackfield/manifest";
import type { Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";
import { type GrantContext, requestToken } from "./token-endpoint.ts";

/**
 * Asks for a token in the client's own name (RFC 6749 §4.4). Without scopes no `scope` is sent at all. It is refreshed by asking again:
 * a refresh token is not expected (§4.4.3). Throws as `requestToken`.
 */
export function obtainForClient(
  context: GrantContext,
  auth: OAuth2,
  request: { readonly client: Client; readonly names: Names },
): Promise<Credential> {
  const scope = auth.scopes.required.map(({ name }) => name).join(auth.scopes.separator);
  return requestToken(context, auth, {
    url: auth.token.url,
    params: auth.token.params,
    grant: [["grant_type", "client_credentials"], ...(scope === "" ? [] : [[auth.scopes.param, scope] as const])],
    client: request.client,
    names: request.names,
  });
}
