import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "@jackfield/engine";

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

const current = new AsyncLocalStorage<string>();

/** Calls `next` so that whatever is logged on the request's behalf, also deep in the engine, can be told to belong to it. */
export function withinRequest(request: IncomingMessage, next: () => void): void {
  current.run(requestId(request), next);
}

/** A log whose lines name the request that they were written for. */
export function logOfRequests(log: Log): Log {
  return (level, message, fields) => {
    const id = current.getStore();
    log(level, message, id === undefined ? fields : { request_id: id, ...fields });
  };
}
