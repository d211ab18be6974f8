import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";
import { lifetimeOf } from "./lifetime.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { callEndpoint, type GrantContext } from "./token-endpoint.ts";

/** What a provider says of a token (RFC 7662 §2.2). */
export interface Introspected {
  readonly active: boolean;
  /** Milliseconds since the epoch; undefined: not told. */
  readonly expires_at: number | undefined;
  readonly scope: unknown;
}

interface Question {
  readonly token: string;
  readonly hint: "access_token" | "refresh_token";
  readonly client: Client;
  readonly names: Names;
}

/** Asks the provider what the access token is worth. Throws as `introspectToken`. */
export function introspectCredential(
  context: GrantContext,
  auth: OAuth2,
  { credential, client, names }: { readonly credential: Credential; readonly client: Client; readonly names: Names },
): Promise<Introspected> {
  return introspectToken(context, auth, { token: credential.access_token, hint: "access_token", client, names });
}

/** Asks the provider what a token is worth (RFC 7662). Throws `token_answer_invalid`, and as `callEndpoint`. */
export async function introspectToken(
  context: GrantContext,
  auth: OAuth2,
  { token, hint, client, names }: Question,
): Promise<Introspected> {
  const { introspection } = auth;
  if (introspection === undefined) throw new JackfieldError("internal");
  const { url, method, encoding, headers, params, authentication } = introspection;
  const values = [
    ["token", token],
    ["token_type_hint", hint],
  ] as const;
  const endpoint = { url, method, encoding, headers, params, authentication, values, client, names };
  const { answer } = await callEndpoint(context, auth, endpoint);
  const body = parseTokenAnswer(answer);
  if (answer.status < 200 || answer.status > 299 || typeof body !== "object")
    throw new JackfieldError("token_answer_invalid", { provider: { status: answer.status } });
  const lifetime = lifetimeOf(await evaluate(introspection.expires_at, body), undefined, answer.sentAt);
  return {
    active: (await evaluate(introspection.active, body)) === true,
    expires_at: lifetime === undefined ? undefined : answer.sentAt + lifetime,
    scope: await evaluate(introspection.scope, body),
  };
}
