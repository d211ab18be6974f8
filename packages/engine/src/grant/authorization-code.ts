import { createHash } from "node:crypto";
import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { type Names, text } from "../request/hole.ts";
import { asEntries, type Entries, overlay, renderParameters, type Values } from "../request/parameters.ts";
import { renderUrl, withQuery } from "../request/url.ts";
import type { Credential } from "./credential.ts";
import type { DeviceCode } from "./device-code.ts";
import { requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import { asksIdentity } from "./judge.ts";
import { type Offer, offerOf } from "./metadata.ts";
import { type Push, pushOf } from "./pushed-authorization.ts";
import type { GrantContext } from "./token-endpoint.ts";

/** What a sign-in needs to be begun. */
export interface AuthorizationRequest {
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly scopes: readonly string[];
  readonly state: string;
  /** RFC 7636 §4.1. Default: a random one. */
  readonly verifier?: string | undefined;
  /** OpenID Connect Core §3.1.2.1, where an id token is asked for. Default: a random one. */
  readonly nonce?: string | undefined;
  readonly names: Names;
}

/** What must be kept, sealed, until the callback. */
export interface BegunAuthorization {
  readonly url: string;
  /** RFC 7636 §4.1; undefined where the manifest switches PKCE off. */
  readonly verifier: string | undefined;
  /** What comes back instead of the state that was given. */
  readonly state?: string;
  /** What a signature needs at the exchange; for a second device, the code that is asked about. */
  readonly secret?: string;
  /** What the id token must hold. */
  readonly nonce?: string | undefined;
  /** What the provider offers, as it was known then. */
  readonly offer?: Offer | undefined;
  /** How the request is pushed when a browser comes for it; `url` stands in for what cannot be pushed. */
  readonly push?: Push | undefined;
  /** Where the person confirms on another device, and nothing comes back by a browser. */
  readonly device?: DeviceCode;
}

type Pkce = NonNullable<OAuth2["authorization"]>["pkce"];

const digest = (verifier: string, encoding: "base64url" | "hex") =>
  createHash("sha256").update(verifier, "ascii").digest(encoding);

/** What a verifier becomes in the authorization request (RFC 7636 §4.2), and the method's name; undefined: no PKCE. */
const challenges: { readonly [P in Pkce]: ((verifier: string) => readonly [challenge: string, method: string]) | undefined } = {
  S256: (verifier) => [digest(verifier, "base64url"), "S256"],
  "S256-hex": (verifier) => [digest(verifier, "hex"), "S256"],
  plain: (verifier) => [verifier, "plain"],
  none: undefined,
};

/**
 * The authorization URL (RFC 6749 §4.1.1, RFC 7636 §4.3), merged into the endpoint's own query. Throws `metadata_lacking`, `url_invalid`.
 */
export async function beginAuthorization(
  context: GrantContext,
  auth: OAuth2,
  request: AuthorizationRequest,
): Promise<BegunAuthorization> {
  const { authorization } = auth;
  if (authorization === undefined) throw new JackfieldError("no_user_step");
  const challenge = challenges[authorization.pkce];
  const verifier = challenge === undefined ? undefined : (request.verifier ?? context.random(32).toString("base64url"));
  const [code_challenge, method] = (verifier === undefined ? undefined : challenge?.(verifier)) ?? [];
  const nonce = asksIdentity(auth, request.scopes) ? (request.nonce ?? nonceOf(context)) : undefined;
  const defaults: Values = [
    ["response_type", "code"],
    [auth.client.id_param, request.client_id],
    ["redirect_uri", await redirectUriOf(auth, request)],
    ...scopeParameters(auth, request.scopes),
    ["state", request.state],
    ...(code_challenge === undefined
      ? []
      : ([
          ["code_challenge", code_challenge],
          ["code_challenge_method", method],
        ] as const)),
    ...(await renderParameters({ audience: auth.audience ?? null, resource: auth.resource ?? null }, request.names)),
    ...(nonce === undefined ? [] : [["nonce", nonce] as const]),
  ];
  const { rename, params, order } = authorization;
  // The client's ID may be called one way here and another at the token endpoint.
  const id = auth.client.id_param;
  const spelled = defaults.map(([name, value]) => [rename[name === id ? "client_id" : name] ?? name, value] as const);
  const entries = asEntries(await overlay(spelled, params, request.names));
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const sorted = entries.toSorted(([a], [b]) => rank(a) - rank(b));
  const endpoint = await renderUrl(authorization.url, request.names);
  const offer = await offerOf(context, auth, request.names);
  return {
    url: authorizationUrl(auth, endpoint, sorted),
    verifier,
    // The author may send one of another making, or none.
    nonce: nonce === undefined ? undefined : entries.find(([name]) => name === (rename.nonce ?? "nonce"))?.[1],
    offer,
    push: pushOf(context, auth, offer, endpoint, sorted),
  };
}

/** Where nobody can be asked for keys, no id token is checked, and none need hold anything. */
function nonceOf({ metadata, random }: GrantContext): string | undefined {
  return metadata === undefined ? undefined : random(16).toString("base64url");
}

/** The authorization endpoint with its parameters, where its page looks for them. */
export function authorizationUrl({ authorization }: OAuth2, endpoint: string, parameters: Entries): string {
  const { route, fragment } = authorization ?? {};
  const url = route === undefined ? withQuery(endpoint, parameters) : `${endpoint}${withQuery(`#${route}`, parameters)}`;
  return fragment === undefined ? url : `${url}#${fragment}`;
}

/** What the provider knows our redirect URL by. */
export async function redirectUriOf(auth: OAuth2, { redirect_uri, names }: Pick<AuthorizationRequest, "redirect_uri" | "names">) {
  const { redirect_uri: declared } = auth.callback;
  return declared === undefined ? redirect_uri : ((await text(declared, names)) ?? redirect_uri);
}

/** The scopes of a request; optional ones stand apart where the provider wants it so. */
export function scopeParameters(auth: OAuth2, scopes: readonly string[]): Values {
  const { separator, param, optional_param, optional } = auth.scopes;
  const apart = optional_param === undefined ? [] : optional.map(({ name }) => name);
  const asked = scopes.filter((scope) => !apart.includes(scope));
  return [
    ...(asked.length === 0 ? [] : [[param, asked.join(separator)] as const]),
    ...(optional_param === undefined || apart.length === 0 ? [] : [[optional_param, apart.join(separator)] as const]),
  ];
}

/** Exchanges the code, once (RFC 6749 §4.1.3). Throws as `requestToken`. */
export async function exchangeCode(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest & {
    readonly code: string;
    readonly redirect_uri: string;
    readonly verifier: string | undefined;
    readonly nonce?: string | undefined;
    readonly offer?: Offer | null | undefined;
  },
): Promise<Credential> {
  const { nonce, offer } = request;
  const values: Values = [
    ["grant_type", "authorization_code"],
    ["code", request.code],
    ["redirect_uri", await redirectUriOf(auth, request)],
    ...(request.verifier === undefined ? [] : [["code_verifier", request.verifier] as const]),
  ];
  return requestToken(context, auth, tokenEndpoint(auth, request, values), "exchange", { nonce, offer });
}
