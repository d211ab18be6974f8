import { type Audience, errorTable } from "./error-table.ts";

export type { Audience };
export { errorTable };

export type ErrorCode = keyof typeof errorTable;

/** What a provider said, word for word but redacted and cut. */
export interface ProviderWords {
  readonly status?: number;
  readonly error?: string;
  readonly error_description?: string;
  readonly error_uri?: string;
}

export interface ErrorDetails {
  /** What is wrong here, beyond the table's message. Never a secret. */
  readonly detail?: string;
  readonly hint?: string;
  readonly provider?: ProviderWords;
  /** Further members of the problem document, such as `field` or `connection`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Milliseconds after which trying again makes sense. */
  readonly retry_after?: number;
}

/** The one error class: a code of `errorTable` and what is known of this case. */
export class JackfieldError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly audience: Audience;
  readonly hint: string;
  readonly provider: ProviderWords | undefined;
  readonly members: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const [status, audience, message, hint] = errorTable[code];
    super(details.detail ?? message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "JackfieldError";
    this.code = code;
    this.status = status;
    this.audience = audience;
    this.hint = details.hint ?? hint;
    this.provider = details.provider;
    this.members = details.members ?? {};
    this.retryAfter = details.retry_after;
  }
}
