import type { Auth, Custom, OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import type { Values } from "../request/parameters.ts";
import { type Client, type Credential, nothingKnown } from "./credential.ts";
import { refreshByRequest } from "./custom.ts";
import { isPlain, withoutProofs } from "./dpop.ts";
import { followAll, type Moment, readingOf, requestToken } from "./exchange.ts";
import { type Grant, grantOf } from "./grant.ts";
import type { EndpointRequest, GrantContext } from "./token-endpoint.ts";
import { TokenFailure } from "./token-failure.ts";

export interface RefreshRequest {
  readonly credential: Credential;
  readonly client: Client;
  readonly names: Names;
  /** What is asked for where the credential is obtained anew. Default: the required scopes. */
  readonly scopes?: readonly string[] | undefined;
}

/** The types whose credential has an end. */
type Renewable = OAuth2 | Custom;
type Strategy = Renewable["refresh"]["strategy"];
type Refresh = (context: GrantContext, auth: Renewable, request: RefreshRequest) => Promise<Credential>;

/** How a credential is replaced, by the manifest's strategy; undefined where it cannot be. */
const strategies: { readonly [S in Strategy]: Refresh | undefined } = {
  refresh_token: exchangeToken,
  reissue,
  none: undefined,
};

/** Whether an auth block says how its credential is replaced. */
export function hasRefresh(auth: Auth): auth is Renewable {
  return auth.type === "oauth2" || auth.type === "custom";
}

/** Whether a credential can be replaced without its user. */
export function isRenewable(auth: Auth, credential: Credential): boolean {
  if (!hasRefresh(auth) || strategies[auth.refresh.strategy] === undefined) return false;
  return auth.refresh.strategy !== "refresh_token" || hasToSpend(auth, credential) || isObtainedAgain(auth);
}

/**
 * Whether the provider takes the refresh token a single time: a request whose answer was lost must then not be made again, unless within the
 * provider's grace.
 */
export function spendsOnce(auth: Auth, credential: Credential): boolean {
  if (!hasRefresh(auth) || auth.refresh.strategy !== "refresh_token" || auth.refresh.rotation !== "always") return false;
  return hasToSpend(auth, credential) && !isObtainedAgain(auth);
}

/** Whether there is a token that a new one is given for. */
const hasToSpend = (auth: Renewable, { refresh_token }: Credential) => spendsAccessToken(auth) || refresh_token !== undefined;

/** Whether what is stored is enough for another token as at first. */
const isObtainedAgain = (auth: Renewable) =>
  auth.refresh.on_invalid_grant === "reauthenticate" && grantOf(auth).obtain !== undefined;

const spendsAccessToken = (auth: Renewable) => auth.type === "oauth2" && auth.refresh.subject === "access_token";

/** Replaces a credential. Throws `not_renewable`, and as `requestToken`. */
export async function refreshCredential(context: GrantContext, auth: Renewable, request: RefreshRequest): Promise<Credential> {
  const strategy = strategies[auth.refresh.strategy];
  if (strategy === undefined) throw new JackfieldError("not_renewable");
  const { known = nothingKnown } = request.credential;
  const renewed = await strategy(context, auth, request);
  // An API that did not know what to do with a bound token goes on getting plain ones.
  const answer = isPlain(request.credential) ? (withoutProofs(renewed) ?? renewed) : renewed;
  // What was captured at the sign-in stays known; what the token answer tells anew replaces it.
  return { ...answer, known: { ...known, token: { ...known.token, ...answer.known?.token } } };
}

async function exchangeToken(context: GrantContext, auth: Renewable, request: RefreshRequest): Promise<Credential> {
  const again = () => obtain(grantOf(auth), context, auth, request, "exchange");
  if (!hasToSpend(auth, request.credential) && isObtainedAgain(auth)) return again();
  try {
    return await spend(context, auth, request);
  } catch (cause) {
    const dead = cause instanceof TokenFailure && cause.kind === "reauthorize";
    if (!dead || !isObtainedAgain(auth) || isForbidden(context, auth)) throw cause;
    return again();
  }
}

/** A deployment that takes no passwords spends no stored one either. */
const isForbidden = ({ policy }: GrantContext, auth: Renewable) =>
  policy?.passwordGrant === false && auth.type === "oauth2" && auth.grant === "password";

/** As at first; where that took a person, the exchanges that follow from what is stored. */
function reissue(context: GrantContext, auth: Renewable, request: RefreshRequest): Promise<Credential> {
  const grant = grantOf(auth);
  if (grant.obtain !== undefined || auth.type !== "oauth2") return obtain(grant, context, auth, request, "refresh");
  return followAll(context, readingOf(auth, "refresh"), request.credential, { auth, ...request });
}

function obtain(
  grant: Grant,
  context: GrantContext,
  auth: Renewable,
  { client, names, scopes }: RefreshRequest,
  moment: Moment,
): Promise<Credential> {
  if (grant.obtain === undefined) throw new JackfieldError("not_renewable");
  return grant.obtain(context, auth, { client, names, scopes }, moment);
}

/**
 * Spends the refresh token (RFC 6749 §6), or what stands for one. What the answer leaves out stays as it was: the old refresh token when
 * none comes back, the granted scopes when none are named.
 */
async function spend(context: GrantContext, auth: Renewable, request: RefreshRequest): Promise<Credential> {
  const { credential } = request;
  if (!isRenewable(auth, credential)) throw new JackfieldError("not_renewable");
  const answer =
    auth.type === "custom"
      ? await refreshByRequest(context, auth, request)
      : await requestToken(context, auth, refreshEndpoint(auth, request), "refresh", { before: credential });
  return {
    ...answer,
    refresh_token: answer.refresh_token ?? credential.refresh_token,
    refresh_expires_at: answer.refresh_expires_at ?? credential.refresh_expires_at,
    scopes: answer.scopes ?? credential.scopes,
  };
}

function refreshEndpoint(auth: OAuth2, { credential, client, names }: RefreshRequest): EndpointRequest {
  const { url, method, encoding, headers, params, omit } = auth.refresh;
  const values: Values = spendsAccessToken(auth)
    ? []
    : [
        ["grant_type", "refresh_token"],
        ["refresh_token", credential.refresh_token ?? ""],
      ];
  const { rename } = auth.token;
  const authentication = auth.client.authentication;
  return { url, method, encoding, headers, params, omit, rename, values, authentication, client, names };
}
