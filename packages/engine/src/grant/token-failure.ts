import { type ErrorCode, JackfieldError, type ProviderWords } from "../errors.ts";

/**
 * What a failure at the token endpoint means for the connection.
 * - `retry`: nothing is known against the credential; try again later.
 * - `reauthorize`: the credential is dead; its user must sign in again.
 * - `configuration`: the app or the manifest is wrong; the credential is not to blame.
 * - `ambiguous`: a refusal without a readable reason, as some servers give to the loser of a race or while they are ill. It counts as
 *   `reauthorize` only if it stays.
 */
export type FailureKind = "retry" | "reauthorize" | "configuration" | "ambiguous";

/** `error` codes of RFC 6749 §5.2 and its relatives → what they mean, and the code that people read. */
const byError: Readonly<Record<string, readonly [FailureKind, ErrorCode]>> = {
  invalid_grant: ["reauthorize", "grant_refused"],
  expired_token: ["reauthorize", "grant_refused"],
  interaction_required: ["reauthorize", "grant_refused"],
  login_required: ["reauthorize", "grant_refused"],
  consent_required: ["reauthorize", "grant_refused"],
  account_selection_required: ["reauthorize", "grant_refused"],
  access_denied: ["configuration", "grant_refused"],
  invalid_client: ["configuration", "client_refused"],
  unauthorized_client: ["configuration", "client_refused"],
  invalid_request: ["configuration", "token_request_refused"],
  invalid_scope: ["configuration", "scope_refused"],
  invalid_target: ["configuration", "token_request_refused"],
  unsupported_grant_type: ["configuration", "token_request_refused"],
  unsupported_response_type: ["configuration", "token_request_refused"],
  redirect_uri_mismatch: ["configuration", "redirect_uri_mismatch"],
  temporarily_unavailable: ["retry", "provider_unavailable"],
  server_error: ["retry", "provider_unavailable"],
  slow_down: ["retry", "provider_rate_limited"],
  authorization_pending: ["retry", "grant_refused"],
};

const transientStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A refusal by the token endpoint. */
export class TokenFailure extends JackfieldError {
  readonly kind: FailureKind;
  /** The `error` that counted: of RFC 6749 and its relatives where one of theirs was said, or else the provider's own. */
  readonly error: string | undefined;
  constructor(
    kind: FailureKind,
    code: ErrorCode,
    provider: ProviderWords,
    retryAfter: number | undefined,
    error: string | undefined = provider.error,
  ) {
    const words = provider.error_description ?? provider.error;
    const hint = kind === "configuration" ? hintFor(code, words) : undefined;
    super(code, {
      provider,
      ...(words === undefined ? {} : { detail: `The provider answered: ${words}` }),
      ...(hint === undefined ? {} : { hint }),
      ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    });
    this.name = "TokenFailure";
    this.kind = kind;
    this.error = error;
  }
}

/** What to do about a refusal that is nobody's in person: the provider's words may name what an author can add. */
function hintFor(code: ErrorCode, words = ""): string | undefined {
  if (code !== "grant_refused" && code !== "token_request_refused") return undefined;
  const missing = /\baudience\b/i.test(words) ? "an audience" : /\bscope\b/i.test(words) ? "a scope" : undefined;
  if (missing !== undefined) return `This provider seems to require ${missing}; ask the connector's author.`;
  return code === "grant_refused" ? "Press Connect again; if it stays so, check the app's settings at the provider." : undefined;
}

/** The code that people read where the manifest says what the provider's own error code means. */
const byKind: { readonly [K in FailureKind]: ErrorCode } = {
  retry: "provider_unavailable",
  reauthorize: "grant_refused",
  configuration: "grant_refused",
  ambiguous: "token_answer_invalid",
};

/** Statuses by which a token endpoint refuses (RFC 6749 §5.2). */
const refusals = new Set([400, 401, 403]);

/**
 * Reads a refusal: what the manifest declares of the provider's error code counts first, then the `error` of RFC 6749 where it is known
 * (`standard`, where the provider's own code stands before it), otherwise the HTTP status.
 */
export function tokenFailure(
  provider: ProviderWords,
  retryAfter: number | undefined,
  declared?: FailureKind | undefined,
  standard?: string | undefined,
): TokenFailure {
  const status = provider.status ?? 0;
  const error = [provider.error, standard].find((code) => code !== undefined && Object.hasOwn(byError, code));
  const failure = (kind: FailureKind, code: ErrorCode) =>
    new TokenFailure(kind, code, provider, retryAfter, error ?? provider.error);
  if (declared !== undefined) return failure(declared, byKind[declared]);
  const known = error === undefined ? undefined : byError[error];
  if (known) return failure(...known);
  if (transientStatuses.has(status)) return failure("retry", status === 429 ? "provider_rate_limited" : "provider_unavailable");
  if (provider.error !== undefined) return failure("configuration", "grant_refused");
  return failure(refusals.has(status) ? "ambiguous" : "retry", "token_answer_invalid");
}
