const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  not_found: 404,
  limit_reached: 409,
  too_large: 413,
} as const;

/** A refusal that the caller gets as `{error, error_description}` (RFC 6749 §5.2). The message is always our own text. */
export class OAuthError extends Error {
  readonly error: keyof typeof statuses;
  readonly status: number;

  constructor(error: keyof typeof statuses, message: string) {
    super(message);
    this.name = "OAuthError";
    this.error = error;
    this.status = statuses[error];
  }
}
