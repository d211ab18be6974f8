import type { Auth, OAuth2 } from "@jackfield/manifest";
import type { Names } from "../request/hole.ts";
import { type BegunAuthorization, beginAuthorization, exchangeCode } from "./authorization-code.ts";
import { obtainForClient } from "./client-credentials.ts";
import type { Client, Credential } from "./credential.ts";
import { obtainByRequest } from "./custom.ts";
import { beginOnDevice, exchangeDeviceCode } from "./device-code.ts";
import type { Moment, TokenRequest } from "./exchange.ts";
import { obtainWithAssertion } from "./jwt-bearer.ts";
import type { Offer } from "./metadata.ts";
import { beginSigned, exchangeVerifier } from "./oauth1.ts";
import { obtainWithPassword } from "./password.ts";
import type { GrantContext } from "./token-endpoint.ts";

type GrantName = OAuth2["grant"] | Exclude<Auth["type"], "oauth2">;

/** What a sign-in is begun with. */
export interface BeginRequest {
  readonly client: Client;
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

/** What came back from a sign-in. */
export interface ExchangeRequest extends TokenRequest {
  /** What the provider gave: to the browser, or for the second device. */
  readonly code: string;
  readonly state: string;
  readonly redirect_uri: string;
  readonly verifier: string | undefined;
  readonly secret: string | undefined;
  /** What `begin` gave. */
  readonly nonce?: string | undefined;
  readonly offer?: Offer | null | undefined;
}

/**
 * A way to obtain a credential. `begin` gives the URL where a person signs in, and `exchange` turns what came back into a credential; or
 * `obtain` gets one without a person. What a grant cannot do, it does not have: one without `begin` connects at once; one with neither
 * `exchange` nor `obtain` uses what the user typed. A grant is only ever given auth blocks of its own type.
 */
export interface Grant {
  begin?(context: GrantContext, auth: Auth, request: BeginRequest): Promise<BegunAuthorization>;
  exchange?(context: GrantContext, auth: Auth, request: ExchangeRequest): Promise<Credential>;
  obtain?(context: GrantContext, auth: Auth, request: TokenRequest, moment?: Moment): Promise<Credential>;
}

/** Where a grant's name in a manifest meets its code. */
const grants: { readonly [Name in GrantName]: Grant } = {
  authorization_code: { begin: beginAuthorization, exchange: exchangeCode },
  client_credentials: { obtain: obtainForClient },
  password: { obtain: obtainWithPassword },
  jwt_bearer: { obtain: obtainWithAssertion },
  device_code: { begin: beginOnDevice, exchange: exchangeDeviceCode },
  oauth1: { begin: beginSigned, exchange: exchangeVerifier },
  custom: { obtain: obtainByRequest },
  api_key: {},
  basic: {},
  bearer: {},
  none: {},
};

export function grantOf(auth: Auth): Grant {
  const grant = grants[auth.type === "oauth2" ? auth.grant : auth.type];
  return auth.type === "custom" && auth.token === undefined ? {} : grant;
}
