import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

const ids = new WeakMap<IncomingMessage, string>();

/** The id that stands in every line of the log and in every problem: the caller's own, if it is harmless, or a new one. */
export function requestId(request: IncomingMessage): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const given = request.headers["x-request-id"];
  const id = typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomUUID();
  ids.set(request, id);
  return id;
}

export function echoRequestId(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("X-Request-Id", requestId(request));
}
