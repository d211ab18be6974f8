// What a token is bound to, and what must hold of a token answer before anything is done with it.

import type { OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Credential } from "./credential.ts";
import { createProofKey, isBound, type ProofKey, sendsBearer } from "./dpop.ts";
import type { Claims } from "./id-token.ts";
import { type Offer, offerOf } from "./metadata.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import type { EndpointAnswer, EndpointRequest, GrantContext } from "./token-endpoint.ts";

/** What a token request follows from, beside its parameters. */
export interface Origin {
  /** What the provider offered when the sign-in began; null: nothing. Default: what it offers now. */
  readonly offer?: Offer | null | undefined;
  /** What the id token must hold. */
  readonly nonce?: string | undefined;
  /** The credential that is replaced. */
  readonly before?: Credential | undefined;
}

/** The key that the token shall be bound to: the one that there is already, or a new one where the provider can do it. */
export async function proofKeyOf(
  context: GrantContext,
  auth: OAuth2,
  { names }: Pick<EndpointRequest, "names">,
  { offer, before }: Origin,
): Promise<ProofKey | undefined> {
  // A refresh token that was handed out without a key goes on without one.
  if (before !== undefined) return before.proof_key;
  if (auth.dpop === "off" || context.metadata === undefined) return undefined;
  if (auth.dpop === "required") return createProofKey(context);
  const offered = offer === undefined ? await offerOf(context, auth, names) : offer;
  return offered?.dpop === true ? createProofKey(context) : undefined;
}

/** What must hold of an answer before anything is done with its token. Throws `token_type_unsupported`, `id_token_invalid`. */
export async function judgeFirst(
  context: GrantContext,
  auth: OAuth2,
  request: EndpointRequest,
  answered: EndpointAnswer,
  first: Credential,
  origin: Origin,
): Promise<Credential> {
  const { proof_key } = request;
  const { before } = origin;
  refuseUnusableType(auth, first, proof_key, context.metadata !== undefined);
  const claims = (await identify(context, auth, request, answered, first, origin)) ?? before?.claims;
  // Where the token is not bound, a refresh token may still be.
  const bound = isBound(first.token_type) ? proof_key : before?.proof_key;
  return { ...first, ...(claims === undefined ? {} : { claims }), ...(bound === undefined ? {} : { proof_key: bound }) };
}

/** Tokens that are of no use in a plain header. Others may be called whatever their provider likes (RFC 6749 §7.1). */
const unusableTypes: ReadonlySet<string> = new Set(["mac", "pop", "dpop", "n_a"]);

/** Throws `token_type_unsupported`; an auth block that says by itself how the token is sent, or of what type it is, knows better. */
function refuseUnusableType(auth: OAuth2, { token_type }: Credential, proofKey: ProofKey | undefined, isOnline: boolean): void {
  const type = token_type.trim().toLowerCase();
  const asBearer = sendsBearer(auth) && auth.token.response.token_type.source === "token_type";
  const isLacking = auth.dpop === "required" && isOnline && !isBound(type);
  const isUnusable = asBearer && unusableTypes.has(type) && !(isBound(type) && (proofKey !== undefined || !isOnline));
  if (!isLacking && !isUnusable) return;
  throw new JackfieldError("token_type_unsupported", {
    detail: isLacking
      ? "The provider answered with a token that is not bound to the connection's key (DPoP), which the manifest requires."
      : `The provider answered with a token of the type ${JSON.stringify(token_type.slice(0, 50))}, which cannot be sent as a bearer token.`,
  });
}

/** The claims of the answer's id token, where it was asked for. Throws `id_token_invalid`. */
async function identify(
  context: GrantContext,
  auth: OAuth2,
  { client, names }: EndpointRequest,
  { answer }: EndpointAnswer,
  { access_token }: Credential,
  { offer, nonce, before }: Origin,
): Promise<Claims | undefined> {
  const asked = before === undefined ? nonce !== undefined || asksIdentity(auth) : before.claims !== undefined;
  if (!asked || auth.issuer === undefined || context.metadata === undefined) return undefined;
  const body = parseTokenAnswer(answer);
  const idToken = body !== null && typeof body === "object" && "id_token" in body ? body.id_token : undefined;
  if (typeof idToken !== "string" || idToken === "") return undefined;
  const known = offer === undefined ? await offerOf(context, auth, names) : offer;
  if (!known) return undefined;
  const { claimsOf } = await import("./id-token.ts");
  return claimsOf(context, idToken, { issuer: auth.issuer, offer: known, client, nonce, access_token, before: before?.claims });
}

/** Whether an id token is asked for (OpenID Connect Core §3.1.2.1), of an issuer that it can be held against. */
export function asksIdentity(auth: OAuth2, scopes: readonly string[] = auth.scopes.required.map(({ name }) => name)): boolean {
  return auth.issuer !== undefined && scopes.includes("openid");
}
