import type { ErrorCode, Problem, ProviderWords } from "./wire.ts";

/** What the client itself finds: no answer of Jackfield came, or none in time. */
export type ClientErrorCode = "unreachable" | "timed_out";

/** A problem document (RFC 9457), or what the client makes of an answer that is none. */
export interface ProblemDocument extends Omit<Problem, "code" | "status"> {
  readonly code: ErrorCode | ClientErrorCode;
  /** 0: there was no answer at all. */
  readonly status: number;
  /** Further members, such as `field` or `connection`. */
  readonly [member: string]: unknown;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Seconds, from the header `Retry-After`. */
  readonly retry_after?: number | undefined;
}

/**
 * What every call can throw. Its subclasses say what kind of thing is in the way, so that who can do something about it can be told;
 * `code` says what exactly.
 */
export class JackfieldError extends Error {
  readonly code: ErrorCode | ClientErrorCode;
  /** The HTTP status; 0: there was no answer at all. */
  readonly status: number;
  /** What is wrong here; the same as `message`. */
  readonly detail: string;
  /** What to do about it. */
  readonly hint: string;
  /** Who can do something about it: author, user, admin, provider or operator. */
  readonly audience: string;
  /** For the operator's log; an empty text where there was no answer. */
  readonly request_id: string;
  /** What the provider said, redacted and cut. */
  readonly provider: ProviderWords | undefined;
  /** After how many seconds trying again makes sense, where the server says so. */
  readonly retry_after: number | undefined;
  /** The whole problem document. */
  readonly problem: ProblemDocument;

  constructor(problem: ProblemDocument, { cause, retry_after }: ErrorOptions = {}) {
    super(problem.detail, cause === undefined ? undefined : { cause });
    // Of the class that was made, and readable also where names are made short.
    this.name = kinds.find(([, Kind]) => Kind === new.target)?.[0] ?? "JackfieldError";
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.hint = problem.hint;
    this.audience = problem.audience;
    this.request_id = problem.request_id;
    this.provider = problem.provider;
    this.retry_after = retry_after;
    this.problem = problem;
  }
}

/** The connection's person must sign in, for the first time, again or with further scopes: `connections.authorize` begins it. */
export class NeedsReauth extends JackfieldError {}

/** There was no answer of Jackfield: no network, the wrong address, or a proxy in front that answered in its place. */
export class Unreachable extends JackfieldError {
  /** Whether the request can not have arrived. */
  readonly unsent: boolean;

  constructor(problem: ProblemDocument, options: ErrorOptions & { readonly unsent?: boolean } = {}) {
    super(problem, options);
    this.unsent = options.unsent ?? false;
  }
}

/** The call's own `timeout` is over; `problem.sent` tells, where the server knows it, whether the provider may have done it. */
export class TimedOut extends JackfieldError {}

/** Too much at once; `retry_after` says how long to wait. */
export class RateLimited extends JackfieldError {}

/** The API key is missing, unknown or revoked. */
export class Unauthenticated extends JackfieldError {}

/** The key may not do this, or the person has refused. */
export class Forbidden extends JackfieldError {}

/** There is no such thing, or it is gone. */
export class NotFound extends JackfieldError {}

/** What was given is not acceptable; `problem.field` or `problem.input` names it, where it has a name. */
export class InvalidRequest extends JackfieldError {}

/** It cannot be done as things stand, such as connecting an account that is connected already. */
export class Conflict extends JackfieldError {}

/** The provider refused or failed; `provider` has its words. */
export class ProviderFailed extends JackfieldError {}

/** A connector, an app or the deployment must be corrected; `audience` says by whom. */
export class Misconfigured extends JackfieldError {}

/** Something is wrong with the server itself. */
export class ServerFailed extends JackfieldError {}

const signIn: ReadonlySet<string> = new Set([
  "needs_reauth",
  "not_connected",
  "scope_missing",
  "refresh_answer_lost",
  "auth_version_missing",
  "provider_unauthorized",
] satisfies ErrorCode[]);

const late: ReadonlySet<string> = new Set(["timed_out", "step_timeout"] satisfies (ErrorCode | ClientErrorCode)[]);

type Kind = new (problem: ProblemDocument, options?: ErrorOptions) => JackfieldError;

/** Where an admin is named who is to decide, and nothing to be corrected. */
const decided: ReadonlySet<string> = new Set(["forbidden", "admin_required", "app_in_use"] satisfies ErrorCode[]);

/** Which class a problem becomes: the first that fits. Codes that a newer server has find their place by status and audience. */
const kinds: readonly (readonly [name: string, kind: Kind, fits: (problem: ProblemDocument) => boolean])[] = [
  ["NeedsReauth", NeedsReauth, ({ code }) => signIn.has(code)],
  ["Unreachable", Unreachable, ({ code }) => code === "unreachable"],
  ["TimedOut", TimedOut, ({ code }) => late.has(code)],
  ["RateLimited", RateLimited, ({ status }) => status === 429],
  ["Unauthenticated", Unauthenticated, ({ status }) => status === 401],
  ["NotFound", NotFound, ({ status }) => status === 404 || status === 410],
  ["ServerFailed", ServerFailed, ({ status }) => status === 500 || status === 503],
  ["ProviderFailed", ProviderFailed, ({ audience, status }) => audience === "provider" || (audience === "user" && status >= 502)],
  ["Misconfigured", Misconfigured, ({ audience, code }) => audience !== "user" && !decided.has(code)],
  ["Forbidden", Forbidden, ({ status }) => status === 403],
  ["Conflict", Conflict, ({ status }) => status === 409],
  ["InvalidRequest", InvalidRequest, () => true],
];

/** The error of a problem document. */
export function errorOf(problem: ProblemDocument, options: ErrorOptions = {}): JackfieldError {
  const [, Kind = JackfieldError] = kinds.find(([, , fits]) => fits(problem)) ?? [];
  return new Kind(problem, options);
}

/** Whether a body is a problem document of the engine's, as the type of every one of them begins. */
export function isProblem(body: unknown): body is ProblemDocument {
  const { type, code, status } = (body ?? {}) as Partial<ProblemDocument>;
  return (
    typeof type === "string" && type.startsWith("urn:jackfield:error:") && typeof code === "string" && typeof status === "number"
  );
}
