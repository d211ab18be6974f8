import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { obtainForClient } from "./client-credentials.ts";
import type { Client, Credential } from "./credential.ts";
import { type GrantContext, requestToken } from "./token-endpoint.ts";

export interface RefreshRequest {
  readonly credential: Credential;
  readonly client: Client;
  readonly names: Names;
}

type Strategy = OAuth2["refresh"]["strategy"];

/** How a credential is replaced, by the manifest's strategy; undefined where it cannot be. */
const strategies: {
  readonly [S in Strategy]: ((context: GrantContext, auth: OAuth2, request: RefreshRequest) => Promise<Credential>) | undefined;
} = {
  refresh_token: spendRefreshToken,
  reissue: obtainForClient,
  none: undefined,
};

/** Whether a credential can be replaced without its user. */
export function isRenewable(auth: OAuth2, credential: Credential): boolean {
  const { strategy } = auth.refresh;
  return strategies[strategy] !== undefined && (strategy !== "refresh_token" || credential.refresh_token !== undefined);
}

/** Replaces a credential. Throws `not_renewable`, and as `requestToken`. */
export function refreshCredential(context: GrantContext, auth: OAuth2, request: RefreshRequest): Promise<Credential> {
  const strategy = strategies[auth.refresh.strategy];
  if (strategy === undefined) throw new JackfieldError("not_renewable");
  return strategy(context, auth, request);
}

/**
 * Spends the refresh token (RFC 6749 §6). What the answer leaves out stays as it was: the old refresh token when none comes back, the
 * granted scopes when none are named.
 */
async function spendRefreshToken(
  context: GrantContext,
  auth: OAuth2,
  { credential, client, names }: RefreshRequest,
): Promise<Credential> {
  if (credential.refresh_token === undefined) throw new JackfieldError("not_renewable");
  const answer = await requestToken(context, auth, {
    url: auth.refresh.url,
    params: auth.refresh.params,
    grant: [
      ["grant_type", "refresh_token"],
      ["refresh_token", credential.refresh_token],
    ],
    client,
    names,
  });
  return {
    ...answer,
    refresh_token: answer.refresh_token ?? credential.refresh_token,
    scopes: answer.scopes ?? credential.scopes,
  };
}
