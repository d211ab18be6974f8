import { type Engine, JackfieldError, type Log, type Registry, type Sealer } from "@jackfield/engine";
import { type NextFunction, type Request, type Response, Router } from "express";
import type { Access } from "../access/access.ts";
import type { Authenticator } from "../access/authenticate.ts";
import { randomToken } from "../access/tokens.ts";
import { refuseMethod } from "../http/api-router.ts";
import type { Cookies } from "../http/cookies.ts";
import { sendProblem, toJackfieldError } from "../http/problem.ts";
import { requestId } from "../http/request-id.ts";
import { donePage, donePath, errorPage, expiredPage, readOutcome, sessionPath } from "./done.ts";
import { sendPage } from "./page.ts";

export interface BrowserPagesOptions {
  readonly engine: Pick<Engine, "authorization">;
  readonly connectors: Pick<Registry, "get">;
  readonly access: Access;
  readonly authenticator: Authenticator;
  readonly cookies: Cookies;
  readonly sealer: Sealer;
  readonly log: Log;
  readonly clock: () => number;
}

/** The addresses that browsers come to by a link or from a provider. Each does something when it is opened, so only GET opens it. */
export function browserPages(options: BrowserPagesOptions): Router {
  const router = Router({ caseSensitive: true });
  const pages = {
    "/connect/:token": connect,
    "/oauth/authorize/:ticket": authorize,
    "/oauth/callback/:connector": callback,
    "/oauth/done/:outcome": done,
    "/sign-in": signIn,
  };
  for (const [path, page] of Object.entries(pages)) {
    router.all(path, privately);
    router.all(path, onlyGet, async (request, response) => page(options, request, response));
  }
  router.use(["/oauth", "/sign-in", "/connect"], (error: unknown, request: Request, response: Response, _next: NextFunction) => {
    fail(options.log, toJackfieldError(error), request, response);
  });
  return router;
}

/** Nothing of these addresses may be kept or passed on: they hold tickets, codes and states. */
function privately(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  next();
}

const refuseOthers = refuseMethod(["GET"]);

function onlyGet(request: Request, response: Response, next: NextFunction): void {
  if (request.method === "GET") next();
  else refuseOthers(request, response);
}

async function authorize(
  { engine, authenticator, cookies }: BrowserPagesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const known = cookies.browser(request);
  const { location, browser } = await engine.authorization.open(
    String(request.params.ticket),
    known,
    await authenticator.person(request),
    await authenticator.guests(request),
  );
  if (browser !== known) cookies.setBrowser(response, browser);
  goTo(response, location);
}

async function callback(options: BrowserPagesOptions, request: Request, response: Response): Promise<void> {
  const { engine, authenticator, cookies, connectors, sealer, clock } = options;
  const name = String(request.params.connector);
  const outcome = await engine.authorization.finish(
    name,
    rawQuery(request),
    cookies.browser(request),
    await authenticator.person(request),
    await authenticator.guests(request),
  );
  goTo(response, donePath(sealer, outcome, connectors.get(name)?.title ?? name, clock()));
}

/** The address of the page on keeps no token: what lets the browser in is its cookie. */
async function connect({ authenticator }: BrowserPagesOptions, request: Request, response: Response): Promise<void> {
  const { id } = await authenticator.welcome(String(request.params.token), request, response);
  goTo(response, sessionPath(id));
}

async function done({ sealer, clock }: BrowserPagesOptions, request: Request, response: Response): Promise<void> {
  const outcome = readOutcome(sealer, String(request.params.outcome), clock());
  sendPage(response, outcome === undefined ? expiredPage : donePage(outcome));
}

async function signIn(
  { access, authenticator, cookies }: BrowserPagesOptions,
  request: Request,
  response: Response,
): Promise<void> {
  const token = new URLSearchParams(rawQuery(request)).get("token") ?? "";
  const key = await access.sessions.useLink(token);
  if (key === undefined) {
    // Who is signed in already, and opens the link once more, only wants to come in.
    if ((await authenticator.person(request)) === undefined) throw new JackfieldError("sign_in_link_invalid");
  } else {
    cookies.setSession(response, await access.sessions.start(key));
    if (cookies.browser(request) === undefined) cookies.setBrowser(response, randomToken());
  }
  goTo(response, "/");
}

function rawQuery(request: Request): string {
  const mark = request.originalUrl.indexOf("?");
  return mark < 0 ? "" : request.originalUrl.slice(mark + 1);
}

/** 303, as after everything that has done something (RFC 9700 §4.12). */
function goTo(response: Response, location: string): void {
  response.writeHead(303, { Location: location, "Content-Length": 0 });
  response.end();
}

function fail(log: Log, error: JackfieldError, request: Request, response: Response): void {
  const id = requestId(request);
  if (error.code === "internal") log("error", "a page failed", { request_id: id, error: error.cause });
  const isPage = (request.headers.accept ?? "").includes("text/html") && error.code !== "method_not_allowed";
  if (isPage && !response.headersSent) sendPage(response, errorPage(error, id));
  else sendProblem(response, error, id);
}
