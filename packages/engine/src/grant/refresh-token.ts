import type { OAuth2 } from "@jackfield/manifest";
import type { Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";
import { type GrantContext, requestToken } from "./token-endpoint.ts";

/**
 * Spends the refresh token (RFC 6749 §6). What the answer leaves out stays as it was: the old refresh token when none comes back, the
 * granted scopes when none are named. Throws as `requestToken`.
 */
export async function refreshCredential(
  context: GrantContext,
  auth: OAuth2,
  request: {
    readonly credential: Credential & { readonly refresh_token: string };
    readonly client: Client;
    readonly names: Names;
  },
): Promise<Credential> {
  const { credential } = request;
  const answer = await requestToken(context, auth, {
    url: auth.refresh.url,
    params: auth.refresh.params,
    grant: [
      ["grant_type", "refresh_token"],
      ["refresh_token", credential.refresh_token],
    ],
    client: request.client,
    names: request.names,
  });
  return {
    ...answer,
    refresh_token: answer.refresh_token ?? credential.refresh_token,
    scopes: answer.scopes ?? credential.scopes,
  };
}
