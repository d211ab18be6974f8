import type { ServerResponse } from "node:http";
import { type ErrorCode, errorTable, JackfieldError } from "@jackfield/engine";

/** RFC 9457, with what this table knows beside it. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  /** Who can do something about it. */
  readonly audience: string;
  readonly request_id: string;
  readonly [member: string]: unknown;
}

/**
 * The error that is answered: one of the table as it is; what express itself refuses (a path with a broken escape, a file name that
 * leaves its folder) as the request's fault; anything else as `internal` with its cause.
 */
export function toJackfieldError(error: unknown): JackfieldError {
  if (error instanceof JackfieldError) return error;
  const status = error instanceof Error && "status" in error ? Number(error.status) : undefined;
  if (status === 404) return new JackfieldError("not_found", { cause: error });
  if (status !== undefined && status >= 400 && status < 500)
    return new JackfieldError("request_invalid", { detail: "The address is not well formed.", cause: error });
  return new JackfieldError("internal", { cause: error });
}

/** The only place where an error becomes an answer. */
export function problemDocument(error: JackfieldError, requestId: string): ProblemDocument {
  return {
    ...error.members,
    type: `urn:jackfield:error:${error.code}`,
    title: errorTable[error.code][2],
    status: error.status,
    code: error.code,
    // What an internal error says may quote anything.
    detail: error.code === "internal" ? errorTable.internal[2] : error.message,
    hint: error.hint,
    audience: error.audience,
    request_id: requestId,
    ...(error.provider === undefined ? {} : { provider: error.provider }),
  };
}

/** Answers with the problem document, unless an answer has begun: then the connection is cut, so that it cannot look complete. */
export function sendProblem(response: ServerResponse, error: JackfieldError, requestId: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(problemDocument(error, requestId));
  if (error.code === "unauthenticated") response.setHeader("WWW-Authenticate", "Bearer");
  if (error.retryAfter !== undefined) response.setHeader("Retry-After", String(Math.max(1, Math.ceil(error.retryAfter / 1000))));
  response.writeHead(error.status, {
    "Content-Type": "application/problem+json",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
  });
  response.end(text);
}
