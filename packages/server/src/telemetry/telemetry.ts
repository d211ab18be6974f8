import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Log, noTelemetry, statusClass, type Telemetry } from "@jackfield/engine";
import type { NextFunction, Request, Response } from "express";
import type { Authenticator } from "../access/authenticate.ts";
import { requireRole } from "../access/roles.ts";
import { type Config, isLocal } from "../config.ts";
import { noteTrace, patternOf } from "../http/request-log.ts";
import { createMetrics, type Metrics, type MetricsSources } from "./metrics.ts";
import { openTraces, type ServedSpan, type Traces } from "./traces.ts";

/** What this host tells of itself and of its engine. */
export interface HostTelemetry extends Telemetry {
  readonly metrics: Metrics;
  readonly traces: Traces | undefined;
}

/** Metrics always, traces where a collector is configured. Call `traces.close` at the end. */
export async function openTelemetry(config: Config, sources: MetricsSources, log: Log): Promise<HostTelemetry> {
  const metrics = createMetrics(sources);
  const { otlpEndpoint, otlpTracesEndpoint } = config;
  const url = otlpTracesEndpoint ?? (otlpEndpoint === undefined ? undefined : `${otlpEndpoint}/v1/traces`);
  const traces = url === undefined ? undefined : await openTraces(url, sources.version, log);
  const { span, note } = traces ?? noTelemetry;
  return { metrics, traces, measure: metrics.measure, span, note };
}

/** Asked often and by machines: spans of these would drown the others. */
const untraced: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Middleware that counts each request, and makes it a span where there are traces. */
export function watchRequests({ metrics, traces }: HostTelemetry) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    const method = methods.has(request.method) ? request.method : "other";
    const serve = (span?: ServedSpan): void => {
      if (span !== undefined) noteTrace(request, span.traceId);
      response.once("close", () => {
        const route = patternOf(request);
        const status = response.statusCode;
        metrics.served({ method, route: route ?? "other", status: statusClass(status) }, (performance.now() - started) / 1000);
        span?.end(route, status);
      });
      next();
    };
    if (traces === undefined || untraced.has(request.path)) serve();
    else traces.serve(request.headers, method, serve);
  };
}

/** Lets in who may read /metrics: anybody where it is open, or who knows the token or is an admin. Throws as `authenticate`. */
export function metricsGate({ metricsOpen, metricsToken }: Config, url: string, authenticator: Authenticator) {
  const open = metricsOpen ?? (metricsToken === undefined && isLocal(new URL(url)));
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (open) return;
    const [, given = ""] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? "") ?? [];
    if (metricsToken !== undefined && isSame(given, metricsToken)) return;
    const { key } = await authenticator.authenticate(request, response, { sameOrigin: true });
    requireRole(key.role, ["admin"]);
  };
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
