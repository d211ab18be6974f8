import { createHash } from "node:crypto";
import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { type Entries, overlay, renderParameters } from "../request/parameters.ts";
import { renderUrl, withQuery } from "../request/url.ts";
import type { Client, Credential } from "./credential.ts";
import { type GrantContext, requestToken } from "./token-endpoint.ts";

/** What a sign-in needs to be begun. */
export interface AuthorizationRequest {
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly scopes: readonly string[];
  readonly state: string;
  readonly names: Names;
}

/** What must be kept, sealed, until the callback. */
export interface BegunAuthorization {
  readonly url: string;
  /** RFC 7636 §4.1; undefined where the manifest switches PKCE off. */
  readonly verifier: string | undefined;
}

/** The authorization URL (RFC 6749 §4.1.1, RFC 7636 §4.3), merged into the endpoint's own query. */
export async function beginAuthorization(
  context: GrantContext,
  auth: OAuth2,
  request: AuthorizationRequest,
): Promise<BegunAuthorization> {
  const { authorization } = auth;
  if (authorization === undefined) throw new JackfieldError("no_user_step");
  const verifier = authorization.pkce === "S256" ? context.random(32).toString("base64url") : undefined;
  const scope = request.scopes.join(auth.scopes.separator);
  const audience = await renderParameters({ audience: auth.audience ?? null, resource: auth.resource ?? null }, request.names);
  const defaults: Entries = [
    ["response_type", "code"],
    ["client_id", request.client_id],
    ["redirect_uri", request.redirect_uri],
    ...(scope === "" ? [] : [[auth.scopes.param, scope] as const]),
    ["state", request.state],
    ...(verifier === undefined
      ? []
      : ([
          ["code_challenge", challenge(verifier)],
          ["code_challenge_method", "S256"],
        ] as const)),
    ...audience,
  ];
  const url = await renderUrl(authorization.url, request.names);
  return { url: withQuery(url, await overlay(defaults, authorization.params, request.names)), verifier };
}

/** RFC 7636 §4.2, S256. */
function challenge(verifier: string): string {
  return createHash("sha256").update(verifier, "ascii").digest("base64url");
}

/** Exchanges the code, once (RFC 6749 §4.1.3). Throws as `requestToken`. */
export function exchangeCode(
  context: GrantContext,
  auth: OAuth2,
  request: {
    readonly code: string;
    readonly redirect_uri: string;
    readonly verifier: string | undefined;
    readonly client: Client;
    readonly names: Names;
  },
): Promise<Credential> {
  return requestToken(context, auth, {
    url: auth.token.url,
    params: auth.token.params,
    grant: [
      ["grant_type", "authorization_code"],
      ["code", request.code],
      ["redirect_uri", request.redirect_uri],
      ...(request.verifier === undefined ? [] : [["code_verifier", request.verifier] as const]),
    ],
    client: request.client,
    names: request.names,
  });
}
