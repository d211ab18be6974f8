import type { ProofKey } from "./dpop.ts";
import type { Claims } from "./id-token.ts";

/** What was captured with a pattern from outside, by the namespace in which templates find it. None of it is secret. */
export interface Known {
  readonly callback: Readonly<Record<string, string>>;
  readonly token: Readonly<Record<string, string>>;
  readonly connection: Readonly<Record<string, string>>;
}

export const nothingKnown: Known = { callback: {}, token: {}, connection: {} };

/** Tokens in the clear: in memory only, and sealed at rest. */
export interface Credential {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  /** OAuth 1.0a only: the other half of the token (RFC 5849 §2.3). */
  readonly token_secret?: string | undefined;
  readonly token_type: string;
  /** Milliseconds since the epoch; undefined when the token's end is unknown. */
  readonly expires_at: number | undefined;
  /** Milliseconds that the token lives, as far as it is known: what the leeway is a share of. */
  readonly lifetime: number | undefined;
  /** Milliseconds since the epoch, when the refresh token ends; undefined: unknown. */
  readonly refresh_expires_at?: number | undefined;
  /** What was granted; undefined when the provider did not say, which means: as asked (RFC 6749 §5.1). */
  readonly scopes: readonly string[] | undefined;
  /** The provider's whole answer, where it is small. */
  readonly raw?: unknown;
  /** Of the id token that came with it, proven to be the provider's; undefined where none was, or nobody could prove it. */
  readonly claims?: Claims | undefined;
  /** The key that the tokens are bound to (RFC 9449). Proofs go to the API only where `token_type` says so, too. */
  readonly proof_key?: ProofKey | undefined;
  readonly known?: Known | undefined;
}

/** The client at the provider. */
export interface Client {
  readonly client_id: string;
  /** Absent for public clients. */
  readonly client_secret: string | undefined;
  /** The secret before this one, while both are held: a provider may not know the new one yet. */
  readonly previous?: PreviousSecret | undefined;
  /** What else the admin entered with the app that is no secret. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
}

export interface PreviousSecret {
  readonly client_secret: string;
  /** Told when the provider took this one and not the new one. */
  readonly used: () => Promise<void>;
}

/** The same client with the secret before this one. Undefined where none is held. */
export function withPreviousSecret({ previous, ...client }: Client): Client | undefined {
  return previous && { ...client, client_secret: previous.client_secret };
}

/** The client as templates name it. */
export function appNames({ client_id, client_secret, extra, secrets }: Client): Readonly<Record<string, unknown>> {
  return { ...extra, ...secrets, client_id, client_secret };
}

/** A credential as templates name it: its parts, and what was captured of its answer. */
export function tokenNames(credential: Credential): Readonly<Record<string, unknown>> {
  const { known, scopes, refresh_token, proof_key: _, ...parts } = credential;
  return { ...known?.token, ...parts, refresh_token, scope: scopes?.join(" ") };
}
