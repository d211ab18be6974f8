import type { OAuth2 } from "@jackfield/manifest";
import type { Values } from "../request/parameters.ts";
import { scopeParameters } from "./authorization-code.ts";
import type { Credential } from "./credential.ts";
import { type Moment, requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import type { GrantContext } from "./token-endpoint.ts";

/**
 * Asks for a token in the client's own name (RFC 6749 §4.4). Without scopes no `scope` is sent at all. It is refreshed by asking again:
 * a refresh token is not expected (§4.4.3). Connections that ask for the same share a token. Throws as `requestToken`.
 */
export function obtainForClient(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest,
  moment: Moment = "exchange",
): Promise<Credential> {
  const values: Values = [["grant_type", "client_credentials"], ...scopesOf(auth, request)];
  const obtain = () => requestToken(context, auth, tokenEndpoint(auth, request, values), moment);
  return context.pool === undefined ? obtain() : context.pool.share(auth, request, moment, obtain);
}

/** The scopes that a grant without a person asks for. */
export function scopesOf(auth: OAuth2, { scopes }: Pick<TokenRequest, "scopes">): Values {
  return scopeParameters(auth, scopes ?? auth.scopes.required.map(({ name }) => name));
}
