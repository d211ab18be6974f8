// The authorization request goes to the provider directly; the browser carries only a reference to it (RFC 9126).

import type { OAuth2 } from "@jackfield/manifest";
import { type ErrorCode, JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import type { Entries } from "../request/parameters.ts";
import type { Client } from "./credential.ts";
import type { Offer } from "./metadata.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { callEndpoint, type GrantContext } from "./token-endpoint.ts";
import { tokenFailure } from "./token-failure.ts";

/** An authorization request that can be pushed. It is plain data, so that it can be kept until a browser comes for it. */
export interface Push {
  readonly url: string;
  /** Whether there is no other way: as the manifest says, or the provider. */
  readonly required: boolean;
  /** Where the browser is sent then. */
  readonly endpoint: string;
  readonly parameters: Entries;
}

/** How a request is pushed, if it is at all. Throws `metadata_lacking`. */
export function pushOf(
  { metadata }: Pick<GrantContext, "metadata">,
  auth: OAuth2,
  offer: Offer | undefined,
  endpoint: string,
  parameters: Entries,
): Push | undefined {
  const wanted = auth.authorization?.par ?? "off";
  if (wanted === "off" || metadata === undefined) return undefined;
  if (offer?.par) return { url: offer.par.url, required: wanted === "required" || offer.par.required, endpoint, parameters };
  if (wanted === "if_offered") return undefined;
  throw new JackfieldError("metadata_lacking", {
    detail: "The provider's metadata names no endpoint for pushed authorization requests (PAR) that may be used.",
  });
}

/**
 * Pushes a request. Gives what the browser carries instead of its parameters, or undefined where the provider does not take it and need
 * not. Throws `authorization_failed`, `client_refused`, `scope_refused`, …, and as `callEndpoint`, where it must.
 */
export async function pushAuthorization(
  context: GrantContext,
  auth: OAuth2,
  push: Push,
  request: { readonly client: Client; readonly names: Names },
): Promise<Entries | undefined> {
  try {
    return await pushed(context, auth, push, request);
  } catch (cause) {
    if (push.required || !(cause instanceof JackfieldError)) throw cause;
    return undefined;
  }
}

/** What is wrong with a request whether it asks for a token or for a person's consent. */
const sameAtBoth: ReadonlySet<ErrorCode> = new Set([
  "client_refused",
  "scope_refused",
  "redirect_uri_mismatch",
  "provider_unavailable",
  "provider_rate_limited",
]);

async function pushed(
  context: GrantContext,
  auth: OAuth2,
  { url, parameters }: Push,
  { client, names }: { readonly client: Client; readonly names: Names },
): Promise<Entries> {
  const { answer, redact } = await callEndpoint(context, auth, {
    url,
    method: "POST",
    encoding: "form",
    headers: {},
    params: {},
    values: parameters,
    authentication: auth.client.authentication,
    client,
    names,
  });
  const body = parseTokenAnswer(answer);
  const read = (name: string): string | undefined => {
    const value = body !== null && typeof body === "object" ? (body as Readonly<Record<string, unknown>>)[name] : undefined;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const reference = read("request_uri");
  const isTaken = answer.status >= 200 && answer.status <= 299 && reference !== undefined && reference.length <= 2000;
  const id = auth.authorization?.rename.client_id ?? auth.client.id_param;
  if (isTaken) return [...parameters.filter(([name]) => name === id), ["request_uri", reference]];
  const [error, error_description] = [read("error"), read("error_description")].map(
    (said) => said && redact(said).slice(0, 2000),
  );
  const provider = {
    status: answer.status,
    ...(error === undefined ? {} : { error }),
    ...(error_description === undefined ? {} : { error_description }),
  };
  const { code, message } = tokenFailure(provider, undefined);
  throw new JackfieldError(sameAtBoth.has(code) ? code : "authorization_failed", {
    provider,
    ...(error === undefined ? {} : { detail: message }),
  });
}
