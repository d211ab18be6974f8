import type { OAuth2 } from "@jackfield/manifest";
import type { Values } from "../request/parameters.ts";
import { scopeParameters } from "./authorization-code.ts";
import type { Credential } from "./credential.ts";
import { type Moment, requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import type { GrantContext } from "./token-endpoint.ts";

/**
 * Asks for a token in the client's own name (RFC 6749 §4.4). Without scopes no `scope` is sent at all. It is refreshed by asking again:
 * a refresh token is not expected (§4.4.3). Throws as `requestToken`.
 */
export function obtainForClient(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest,
  moment: Moment = "exchange",
): Promise<Credential> {
  const values: Values = [["grant_type", "client_credentials"], ...requiredScopes(auth)];
  return requestToken(context, auth, tokenEndpoint(auth, request, values), moment);
}

/** Without a person there is nobody to ask for optional scopes. */
export function requiredScopes(auth: OAuth2): Values {
  return scopeParameters(
    auth,
    auth.scopes.required.map(({ name }) => name),
  );
}
