// How each `auth_mode` becomes an auth block.

import { Inexpressible } from "../note.ts";
import { appInstallation } from "./app.ts";
import type { Draft } from "./draft.ts";
import { apiKey, basic, jwt, none, wsse } from "./key.ts";
import { authorizationCode, clientCredentials, oauth1 } from "./oauth.ts";
import { appStore, bill, tableau, twoStep } from "./session.ts";

/** What a mode makes: the block's id, its own keys, and what is sent where the source does not say. */
export interface Mode {
  readonly id: string;
  readonly auth: Readonly<Record<string, unknown>>;
  /** `Authorization` where no header of the source carries the credential. */
  readonly authorization?: string | undefined;
}

type ReadMode = (draft: Draft) => Mode;

const refuse =
  (reason: string): ReadMode =>
  () => {
    throw new Inexpressible(reason);
  };

/** Every mode there is. */
const modes: Readonly<Record<string, ReadMode>> = {
  OAUTH2: authorizationCode,
  MCP_OAUTH2: authorizationCode,
  CUSTOM: authorizationCode,
  OAUTH2_CC: clientCredentials,
  OAUTH1: oauth1,
  API_KEY: apiKey,
  BASIC: basic,
  TWO_STEP: twoStep,
  JWT: jwt,
  NONE: none,
  UNAUTHENTICATED: none,
  APP: appInstallation,
  APP_STORE: appStore,
  BILL: bill,
  TABLEAU: tableau,
  SIGNATURE: wsse,
  MCP_OAUTH2_GENERIC: refuse(
    "its endpoints are discovered from a server that the person names, and a manifest names its endpoints",
  ),
  AWS_SIGV4: refuse("requests are signed with AWS Signature Version 4 and keys of a role that is assumed first"),
  TBA: refuse("requests are signed with OAuth 1.0a and tokens that the person pastes; only tokens of a sign-in can sign"),
  INSTALL_PLUGIN: refuse("the connection is made on a page of the provider, without a callback that brings a credential"),
};

/** Throws `Inexpressible` for modes that have no counterpart. */
export function readMode(draft: Draft): Mode {
  const name = draft.takeText("auth_mode") ?? "NONE";
  const read = Object.hasOwn(modes, name) ? modes[name] : undefined;
  if (!read) throw new Inexpressible(`the auth mode \`${name}\` is not known`);
  return read(draft);
}
