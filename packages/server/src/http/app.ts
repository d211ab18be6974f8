import { JackfieldError, type Log } from "@jackfield/engine";
import express, { type Express, type NextFunction, type Request, type Response, type Router } from "express";
import { type HostTelemetry, watchRequests } from "../telemetry/telemetry.ts";
import { sendProblem, toJackfieldError } from "./problem.ts";
import { echoRequestId, requestId, withinRequest } from "./request-id.ts";
import { publicPath, requestLog } from "./request-log.ts";

export interface AppOptions {
  readonly api: Router;
  /** Nobody is shown pages by a process that lacks these. */
  readonly browserPages?: Router | undefined;
  readonly sandbox?: Router | undefined;
  readonly staticPages?: Router | undefined;
  readonly publicUrl: string;
  readonly log: Log;
  readonly telemetry: HostTelemetry;
  readonly clock: () => number;
  readonly stopping: () => boolean;
}

/** The whole of what is served, without a port. Whatever goes wrong, the answer is a problem document, never express's own page. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // The public URL comes from the configuration, never from a header.
  app.set("trust proxy", false);
  app.set("query parser", false);

  app.use((request, _response, next) => withinRequest(request, next));
  app.use(watchRequests(options.telemetry));
  app.use(requestLog(options.log, options.clock));
  app.use(commonHeaders(options));
  app.use(options.api);
  if (options.browserPages !== undefined) app.use(options.browserPages);
  if (options.sandbox !== undefined) app.use("/sandbox", options.sandbox);
  if (options.staticPages !== undefined) app.use(options.staticPages);
  app.use((request: Request) => {
    throw new JackfieldError("not_found", { detail: `There is nothing at ${publicPath(request.path).slice(0, 200)}.` });
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    answerError(options.log, error, request, response),
  );
  return app;
}

function commonHeaders({ publicUrl, stopping }: AppOptions) {
  const secure = publicUrl.startsWith("https:");
  return (request: Request, response: Response, next: NextFunction): void => {
    echoRequestId(request, response);
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("X-Frame-Options", "DENY");
    response.setHeader("Referrer-Policy", "no-referrer");
    response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
    if (secure) response.setHeader("Strict-Transport-Security", "max-age=31536000");
    if (stopping()) {
      // A connection that was kept alive must let go of a server that takes nothing new.
      response.setHeader("Connection", "close");
      throw new JackfieldError("stopping");
    }
    next();
  };
}

function answerError(log: Log, error: unknown, request: Request, response: Response): void {
  const id = requestId(request);
  const known = toJackfieldError(error);
  const unexpected = known.code === "internal" || known.code === "seal_broken" || known.code === "store_unavailable";
  if (unexpected) log("error", "a request failed", { request_id: id, code: known.code, error: known.cause ?? known });
  else log("debug", "a request was refused", { request_id: id, code: known.code, detail: known.message });
  if (!response.headersSent && known.code === "body_too_large") response.setHeader("Connection", "close");
  sendProblem(response, known, id);
}
