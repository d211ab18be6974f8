import type { Log } from "@jackfield/engine";
import type { NextFunction, Request, Response } from "express";
import { requestLine } from "../log.ts";
import { requestId } from "./request-id.ts";

/*
 * One line for each request. Queries are never logged: callbacks and sign-in links hold secrets there. Nor are paths that hold one.
 */

interface Note {
  /** What is logged instead of the path. */
  route?: string;
  actor?: string;
  /** The route as it is declared, its parameters in braces. */
  pattern?: string;
  trace?: string;
}

const notes = new WeakMap<object, Note>();

/** Tells the log what stands for the path, and who asks. */
export function noteRoute(request: object, route: string | undefined, actor?: string): void {
  const note = notes.get(request) ?? {};
  if (route !== undefined) note.route = route;
  if (actor !== undefined) note.actor = actor;
  notes.set(request, note);
}

/** Tells which declared route serves a request. */
export function notePattern(request: object, pattern: string): void {
  notes.set(request, { ...notes.get(request), pattern });
}

/** Tells the log which trace a request belongs to. */
export function noteTrace(request: object, trace: string): void {
  notes.set(request, { ...notes.get(request), trace });
}

/** The pattern of the route that served a request; undefined where none did. Never holds what a caller sent. */
export function patternOf(request: Request): string | undefined {
  const path: unknown = request.route?.path;
  return notes.get(request)?.pattern ?? (typeof path === "string" ? path.replaceAll(/:([a-z_]+)/g, "{$1}") : undefined);
}

/** Paths whose last part is a secret, whatever route answers them. */
const secretPaths: readonly (readonly [RegExp, string])[] = [
  [/^\/oauth\/authorize\/.*/i, "/oauth/authorize/{ticket}"],
  [/^\/oauth\/done\/.*/i, "/oauth/done/{outcome}"],
  [/^\/connect\/(?!session\/[^/]+$).*/i, "/connect/{token}"],
];

/** A path as it may be shown: without what in it is a secret. */
export function publicPath(path: string): string {
  return secretPaths.find(([pattern]) => pattern.test(path))?.[1] ?? path;
}

function shownPath(request: Request, note: Note): string {
  return note.route ?? publicPath((request.originalUrl.split("?")[0] ?? "").slice(0, 500));
}

export function requestLog(log: Log, clock: () => number) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = clock();
    response.once("close", () => {
      const note = notes.get(request) ?? {};
      log("info", requestLine, {
        request_id: requestId(request),
        method: request.method,
        path: shownPath(request, note),
        status: response.statusCode,
        duration_ms: clock() - started,
        ...(note.actor === undefined ? {} : { actor: note.actor }),
        ...(note.trace === undefined ? {} : { trace_id: note.trace }),
        ...(response.writableFinished ? {} : { cut: true }),
      });
    });
    next();
  };
}
