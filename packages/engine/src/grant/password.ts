import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Values } from "../request/parameters.ts";
import { scopesOf } from "./client-credentials.ts";
import type { Credential } from "./credential.ts";
import { type Moment, requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import type { GrantContext } from "./token-endpoint.ts";

/**
 * Spends a person's user name and password (RFC 6749 §4.3), which the manifest asks for in its fields; for servers that know nothing
 * else. Throws `grant_disabled` where the deployment takes no passwords, and as `requestToken`.
 */
export async function obtainWithPassword(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest,
  moment: Moment = "exchange",
): Promise<Credential> {
  if (context.policy?.passwordGrant === false) throw new JackfieldError("grant_disabled");
  const { username, password } = (request.names.fields ?? {}) as { username?: unknown; password?: unknown };
  const values: Values = [
    ["grant_type", "password"],
    ...(username === undefined ? [] : [["username", username] as const]),
    ...(password === undefined ? [] : [["password", password] as const]),
    ...scopesOf(auth, request),
  ];
  return requestToken(context, auth, tokenEndpoint(auth, request, values), moment);
}
