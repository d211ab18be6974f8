import { JackfieldError } from "@jackfield/engine";
import { type Request, type Response, Router } from "express";
import type { Authenticator, Principal } from "../access/authenticate.ts";
import { requireRole } from "../access/roles.ts";
import { methodsOf } from "../api/openapi.ts";
import type { Answer, Body, Method, Route, Services } from "../api/route.ts";
import { type Check, checkOf, headersOf, queryOf } from "../api/validate.ts";
import { bodyText, parseJson, readBody, uploadOf } from "./body.ts";
import { notePattern, noteRoute } from "./request-log.ts";

const jsonLimit = 1024 * 1024;

/** Serves the routes of the table as their comment tells (api/route.ts). */
export function apiRouter(routes: readonly Route[], services: Services, authenticator: Authenticator): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const route of routes) {
    const serve = server(route, services, authenticator);
    if (route.anyMethod === true) router.all(pattern(route), serve);
    else for (const method of methodsOf(route)) router[verb[method]](pattern(route), serve);
  }
  for (const [path, allowed] of allowedMethods(routes)) router.all(path, refuseMethod(allowed));
  return router;
}

const verb = { GET: "get", POST: "post", PUT: "put", PATCH: "patch", DELETE: "delete", HEAD: "head" } as const satisfies Record<
  Method,
  string
>;

/** Express's own path, or a regular expression where the rest of the path must stay as it was sent. */
function pattern({ path, rest }: Route): string | RegExp {
  if (rest !== true) return path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
  const source = path.replace(/\/\{[a-z_]+\}$/, "").replaceAll(/\{([a-z_]+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^${source}(?:/.*)?$`);
}

function allowedMethods(routes: readonly Route[]): Map<string | RegExp, Method[]> {
  const paths = new Map<string, { readonly pattern: string | RegExp; readonly methods: Method[] }>();
  for (const route of routes) {
    const known = paths.get(route.path) ?? { pattern: pattern(route), methods: [] };
    known.methods.push(...methodsOf(route));
    paths.set(route.path, known);
  }
  return new Map([...paths.values()].map((each) => [each.pattern, each.methods]));
}

/** Middleware that answers 405 with the methods that there are. */
export function refuseMethod(allowed: readonly string[]) {
  return (request: Request, response: Response): never => {
    response.setHeader("Allow", allowed.join(", "));
    throw new JackfieldError("method_not_allowed", { detail: `${request.method} is not one of ${allowed.join(", ")}.` });
  };
}

interface Checks {
  readonly params: Check | undefined;
  readonly query: Check | undefined;
  readonly headers: Check | undefined;
  readonly body: Check | undefined;
}

function server(route: Route, services: Services, authenticator: Authenticator) {
  const checks: Checks = {
    // The rest of a path is not a parameter: it stays as it was sent.
    params: route.params === undefined || route.rest === true ? undefined : checkOf("path", route.params),
    query: route.query === undefined ? undefined : checkOf("query", route.query),
    headers: route.headers === undefined ? undefined : checkOf("header", route.headers),
    body: route.body?.kind === "json" ? checkOf("body", route.body.schema) : undefined,
  };
  return async (request: Request, response: Response): Promise<void> => {
    noteRoute(request, route.rest === true ? route.path : undefined);
    notePattern(request, route.path);
    if (route.path.startsWith("/v1/")) response.setHeader("Cache-Control", "no-store");
    const principal = await admit(route, authenticator, request, response);
    const params = checks.params?.({ ...request.params }) ?? { ...request.params };
    const query = checks.query?.(queryOf(request.url)) ?? {};
    const headers = route.headers === undefined ? {} : headersOf(route.headers, request.headers);
    checks.headers?.(headers);
    const body = await bodyOf(route.body, checks.body, request);
    const signal = gone(response);
    const result = await route.handle(services, { params, query, headers, body, signal, request, response }, principal);
    if (result !== "answered") send(response, result);
  };
}

async function admit(
  route: Route,
  authenticator: Authenticator,
  request: Request,
  response: Response,
): Promise<Principal | undefined> {
  if (route.roles === "public") return undefined;
  const principal = await authenticator.authenticate(request, response, { sameOrigin: route.sameOrigin === true });
  noteRoute(request, undefined, principal.actor.id);
  requireRole(principal.key.role, route.roles);
  return principal;
}

async function bodyOf(body: Body | undefined, check: Check | undefined, request: Request): Promise<unknown> {
  if (body === undefined) return undefined;
  if (body.kind === "stream") return uploadOf(request);
  const bytes = await readBody(request, body.limit ?? jsonLimit);
  if (body.kind === "raw") return bytes;
  const text = bodyText(request, bytes);
  return body.kind === "yaml" ? text : check?.(parseJson(request, text));
}

/** Ends when the client goes away before its answer is complete. */
function gone(response: Response): AbortSignal {
  const controller = new AbortController();
  // It may have gone while it was found out who it is.
  const abort = () => controller.abort(new JackfieldError("caller_gone"));
  if (response.destroyed) abort();
  response.once("close", () => {
    if (!response.writableFinished) abort();
  });
  return controller.signal;
}

function send(response: Response, { status, body, headers = {} }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) {
    response.writeHead(status);
    response.end();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}
