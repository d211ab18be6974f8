import type { IncomingHttpHeaders } from "node:http";
import type { Attributes, Log, SpanName, Telemetry } from "@jackfield/engine";
import { errorName } from "@jackfield/engine";
import type { Context, Span, SpanKind } from "@opentelemetry/api";

/*
 * Traces by OpenTelemetry, loaded only where a collector is configured. What a span says is of few words: routes' patterns, connectors,
 * actions, statuses and codes; no address, id, person, host or text of an error. What we send to providers carries no trace context.
 */

export interface Traces extends Pick<Telemetry, "span" | "note"> {
  /** Opens the span of a request that came in, as a part of the caller's trace, if it names one; `next` runs in it. */
  serve(headers: IncomingHttpHeaders, method: string, next: (request: ServedSpan) => void): void;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

export interface ServedSpan {
  readonly traceId: string;
  end(route: string | undefined, status: number): void;
}

/** The conventional names of OpenTelemetry; everything else is ours. */
const conventional: Readonly<Record<string, string>> = { method: "http.request.method", status: "http.response.status_code" };

const named = (attributes: Attributes) =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [conventional[key] ?? `jackfield.${key}`, value]));

/** Spans of requests to others, and those that belong to nobody's request, though a request may have set their timer. */
const sending: ReadonlySet<SpanName> = new Set(["provider_request", "event_delivery"]);
const roots: ReadonlySet<SpanName> = new Set(["job"]);

const closeMs = 3_000;

/** `url` takes OTLP over HTTP, in JSON. Its other settings are OpenTelemetry's own variables (`OTEL_…`), which its SDK reads. */
export async function openTraces(url: string, version: string, log: Log): Promise<Traces> {
  const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const exporter = telling(new OTLPTraceExporter({ url }), log);
  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ "service.name": "jackfield", "service.version": version }))
    // What the operator says of it comes last.
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [new sdk.BatchSpanProcessor(exporter)] });
  provider.register();
  const tracer = provider.getTracer("jackfield", version);
  const { context, propagation, trace, SpanStatusCode } = api;
  const kinds = { in: api.SpanKind.SERVER, out: api.SpanKind.CLIENT, inside: api.SpanKind.INTERNAL };

  const within = <T>(span: Span, parent: Context, work: () => T): T => context.with(trace.setSpan(parent, span), work);
  const failed = (span: Span, name: string): void => {
    span.setAttribute("error.type", name);
    span.setStatus({ code: SpanStatusCode.ERROR });
  };

  return {
    async span(name, attributes, work) {
      const kind: SpanKind = sending.has(name) ? kinds.out : kinds.inside;
      const parent = roots.has(name) ? api.ROOT_CONTEXT : context.active();
      const span = tracer.startSpan(name, { kind, attributes: named(attributes) }, parent);
      try {
        return await within(span, parent, work);
      } catch (cause) {
        failed(span, errorName(cause));
        throw cause;
      } finally {
        span.end();
      }
    },
    note(attributes) {
      trace.getActiveSpan()?.setAttributes(named(attributes));
    },
    serve(headers, method, next) {
      const parent = propagation.extract(api.ROOT_CONTEXT, headers);
      const span = tracer.startSpan(method, { kind: kinds.in, attributes: { "http.request.method": method } }, parent);
      const served: ServedSpan = {
        traceId: span.spanContext().traceId,
        end(route, status) {
          if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute("http.route", route);
          span.setAttribute("http.response.status_code", status);
          if (status >= 500) failed(span, String(status));
          span.end();
        },
      };
      within(span, parent, () => next(served));
    },
    async close() {
      const late = new Promise<void>((resolve) => void setTimeout(resolve, closeMs).unref());
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      for (const part of [trace, context, propagation]) part.disable();
    },
  };
}

/** An exporter whose failures stand in the log, without what the collector said. */
function telling<E extends { export(spans: never[], done: (result: { readonly code: number }) => void): void }>(
  exporter: E,
  log: Log,
): E {
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      if (result.code !== 0) log("warn", "spans could not be sent to the collector", { spans: spans.length });
      done(result);
    });
  return exporter;
}
