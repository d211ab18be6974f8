import type { Auth, OAuth2 } from "@jackfield/manifest";
import { beginAuthorization, exchangeCode } from "./authorization-code.ts";
import { refreshCredential } from "./refresh-token.ts";

type GrantName = OAuth2["grant"] | Exclude<Auth["type"], "oauth2">;

/**
 * A way to obtain a credential. Its life: 1) `begin` gives the URL where a person signs in; 2) `exchange` turns what came back into a
 * credential; 3) `refresh` replaces the credential before it expires, as often as needed. What a grant cannot do, it does not have:
 * one without `begin` connects at once, with what the user typed; one without `refresh` lasts as long as its credential.
 */
export interface Grant {
  readonly begin?: typeof beginAuthorization;
  readonly exchange?: typeof exchangeCode;
  readonly refresh?: typeof refreshCredential;
}

/** Where a grant's name in a manifest meets its code. */
const grants: { readonly [Name in GrantName]: Grant } = {
  authorization_code: { begin: beginAuthorization, exchange: exchangeCode, refresh: refreshCredential },
  api_key: {},
  basic: {},
  bearer: {},
  none: {},
};

export function grantOf(auth: Auth): Grant {
  return grants[auth.type === "oauth2" ? auth.grant : auth.type];
}
