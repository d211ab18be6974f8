import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Values } from "../request/parameters.ts";
import { renderUrl } from "../request/url.ts";
import { signAssertion } from "./assertion.ts";
import { scopesOf } from "./client-credentials.ts";
import { appNames, type Credential } from "./credential.ts";
import { type Moment, requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import type { GrantContext } from "./token-endpoint.ts";

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Spends an assertion that the engine signs (RFC 7523 §2.1). Throws as `requestToken` and `signAssertion`. */
export async function obtainWithAssertion(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest,
  moment: Moment = "exchange",
): Promise<Credential> {
  if (auth.assertion === undefined) throw new JackfieldError("internal");
  const names = { ...request.names, app: appNames(request.client) };
  const claims = { iss: request.client.client_id, aud: await renderUrl(auth.token.url, names) };
  const assertion = await signAssertion(context, auth.assertion, claims, names);
  const values: Values = [["grant_type", grantType], ["assertion", assertion], ...scopesOf(auth, request)];
  return requestToken(context, auth, tokenEndpoint(auth, request, values), moment);
}
