/** Tokens in the clear: in memory only, and sealed at rest. */
export interface Credential {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  readonly token_type: string;
  /** Milliseconds since the epoch; undefined when the token's end is unknown. */
  readonly expires_at: number | undefined;
  /** Milliseconds that the token lives, as far as it is known: what the leeway is a share of. */
  readonly lifetime: number | undefined;
  /** What was granted; undefined when the provider did not say, which means: as asked (RFC 6749 §5.1). */
  readonly scopes: readonly string[] | undefined;
}

/** The client at the provider. */
export interface Client {
  readonly client_id: string;
  /** Absent for public clients. */
  readonly client_secret: string | undefined;
}
