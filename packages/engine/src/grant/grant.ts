import type { Auth, OAuth2 } from "@jackfield/manifest";
import { beginAuthorization, exchangeCode } from "./authorization-code.ts";
import { obtainForClient } from "./client-credentials.ts";
import { refreshCredential } from "./refresh.ts";

type GrantName = OAuth2["grant"] | Exclude<Auth["type"], "oauth2">;

/**
 * A way to obtain a credential. Its life: 1) `begin` gives the URL where a person signs in, and `exchange` turns what came back into a
 * credential; or `obtain` gets one without a person; 2) `refresh` replaces the credential before it expires, as often as needed. What a
 * grant cannot do, it does not have: one without `begin` connects at once; one with neither `exchange` nor `obtain` uses what the user
 * typed; one without `refresh` lasts as long as its credential.
 */
export interface Grant {
  readonly begin?: typeof beginAuthorization;
  readonly exchange?: typeof exchangeCode;
  readonly obtain?: typeof obtainForClient;
  readonly refresh?: typeof refreshCredential;
}

/** Where a grant's name in a manifest meets its code. */
const grants: { readonly [Name in GrantName]: Grant } = {
  authorization_code: { begin: beginAuthorization, exchange: exchangeCode, refresh: refreshCredential },
  client_credentials: { obtain: obtainForClient, refresh: refreshCredential },
  api_key: {},
  basic: {},
  bearer: {},
  none: {},
};

export function grantOf(auth: Auth): Grant {
  return grants[auth.type === "oauth2" ? auth.grant : auth.type];
}
