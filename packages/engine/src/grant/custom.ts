import type { Custom } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { bareApi, renderRequest } from "../request/render.ts";
import { type Client, type Credential, tokenNames } from "./credential.ts";
import { type Moment, type Reading, readCredential, type TokenRequest } from "./exchange.ts";
import { secretsOf } from "./secrets.ts";
import { callFreely, type GrantContext } from "./token-endpoint.ts";

type TokenBlock = NonNullable<Custom["token"]>;

/** Gets a token by the manifest's own request. Throws as `requestToken`. */
export async function obtainByRequest(
  context: GrantContext,
  auth: Custom,
  { client, names }: TokenRequest,
  moment: Moment = "exchange",
): Promise<Credential> {
  const token = tokenOf(auth);
  const rendered = await renderRequest(token.request, names, bareApi(auth));
  const answered = await callFreely(context, rendered, secretsOf(auth, { client, names }));
  return readCredential(context, answered, readingOf(auth, token, moment), { auth, client, names });
}

/** Gets a token with the one before it. Throws as `requestToken`. */
export async function refreshByRequest(
  context: GrantContext,
  auth: Custom,
  { credential, client, names }: TokenRequest & { readonly client: Client; readonly credential: Credential },
): Promise<Credential> {
  const token = tokenOf(auth);
  const inReach: Names = { ...names, token: tokenNames(credential) };
  const rendered = await renderRequest(auth.refresh.request ?? token.request, inReach, bareApi(auth));
  const answered = await callFreely(context, rendered, secretsOf(auth, { client, names: inReach }));
  return readCredential(context, answered, readingOf(auth, token, "refresh"), { auth, client, names });
}

function tokenOf(auth: Custom): TokenBlock {
  if (auth.token === undefined) throw new JackfieldError("not_renewable");
  return auth.token;
}

function readingOf(auth: Custom, { capture, errors, then, response }: TokenBlock, moment: Moment): Reading {
  const read = moment === "refresh" && auth.refresh.request !== undefined ? auth.refresh.response : response;
  return { capture, errors, then, response: read, moment, default_lifetime: auth.refresh.default_lifetime };
}
