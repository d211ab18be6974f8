import type { Egress, EgressRequest } from "./egress/egress.ts";
import { JackfieldError } from "./errors.ts";

/*
 * What the engine tells of its work to whoever watches: numbers and spans. A label takes few values: names of connectors and their actions,
 * words of this file, classes of statuses; never an id, a person, a host or what a provider said. The same holds for attributes of spans.
 */

export interface Measure {
  readonly kind: "counter" | "histogram";
  /** What one of it is, for people. */
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds, in the unit that the name ends with. */
  readonly buckets?: readonly number[];
}

/** From a fast API to the longest that a step may take. */
const callBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Everything that is measured. A counter's name ends with `_total`, a histogram's with its unit. */
export const measures = {
  refreshes_total: {
    kind: "counter",
    help: "Refreshes of credentials, by how they ended.",
    labels: ["connector", "outcome"],
  },
  refresh_duration_seconds: {
    kind: "histogram",
    help: "How long a refresh took that asked the provider.",
    labels: [],
    buckets: callBuckets,
  },
  refresh_lag_seconds: {
    kind: "histogram",
    help: "How long a refresh was overdue when a queue's job began it.",
    labels: [],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
  },
  reauthorizations_needed_total: {
    kind: "counter",
    help: "Connections whose person has to sign in again, by the code of the reason.",
    labels: ["connector", "reason"],
  },
  steps_total: {
    kind: "counter",
    help: "Steps, by their action (`proxy`: a raw request), how they ended and the class of the provider's last status.",
    labels: ["connector", "action", "outcome", "status"],
  },
  step_duration_seconds: {
    kind: "histogram",
    help: "How long a step took, with its waits and further tries.",
    labels: ["connector", "kind"],
    buckets: callBuckets,
  },
  provider_requests_total: {
    kind: "counter",
    help: "Requests that left this process, by what for and the class of the answer's status (`none`: no answer).",
    labels: ["purpose", "status"],
  },
  provider_request_duration_seconds: {
    kind: "histogram",
    help: "How long a request that left this process took.",
    labels: ["purpose"],
    buckets: callBuckets,
  },
  event_deliveries_total: {
    kind: "counter",
    help: "Attempts to deliver an event to an endpoint, by how they ended.",
    labels: ["outcome"],
  },
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof measures;
export type MeasureLabels<M extends MeasureName> = Readonly<Record<(typeof measures)[M]["labels"][number], string>>;

/**
 * How a refresh ended. `unchanged`: somebody else had brought a newer credential; `paused`: the provider refuses the app, so nobody was
 * asked; `lost`: the request may have been carried out, and its answer did not come; the others are the kinds of `TokenFailure`.
 */
export type RefreshOutcome =
  | "refreshed"
  | "unchanged"
  | "paused"
  | "lost"
  | "retry"
  | "ambiguous"
  | "configuration"
  | "reauthorize";

export type SpanName = "step" | "refresh" | "sign_in" | "test" | "job" | "provider_request" | "event_delivery";
export type Attributes = Readonly<Record<string, string | number>>;

/** Takes what is told. None of it throws, and none of it waits. */
export interface Telemetry {
  /** Adds to a counter, or takes a value into a histogram. */
  measure<M extends MeasureName>(name: M, labels: MeasureLabels<M>, value: number): void;
  /** Does `work` as a part of what is under way; a failure is told by its code alone. */
  span<T>(name: SpanName, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** Adds to the span that `work` runs in. */
  note(attributes: Attributes): void;
}

/** Nobody watches. */
export const noTelemetry: Telemetry = {
  measure() {},
  span: (_name, _attributes, work) => work(),
  note() {},
};

/** `2xx` for 204; `none` where nobody answered. */
export const statusClass = (status: number | undefined): string =>
  status === undefined || status < 100 || status > 599 ? "none" : `${Math.floor(status / 100)}xx`;

/** How an error may be called where no text of it must stand. */
export const errorName = (cause: unknown): string => (cause instanceof JackfieldError ? cause.code : "internal");

/** Tells of each request that is sent. */
export function watched(egress: Egress, telemetry: Telemetry, clock: () => number): Egress {
  if (telemetry === noTelemetry) return egress;
  const tell = <T extends { readonly status: number }>(request: EgressRequest, send: () => Promise<T>): Promise<T> => {
    const { purpose = "api", method } = request;
    return telemetry.span("provider_request", { purpose, method }, async () => {
      const started = clock();
      let status: number | undefined;
      try {
        const answer = await send();
        status = answer.status;
        telemetry.note({ status });
        return answer;
      } finally {
        telemetry.measure("provider_requests_total", { purpose, status: statusClass(status) }, 1);
        telemetry.measure("provider_request_duration_seconds", { purpose }, (clock() - started) / 1000);
      }
    });
  };
  return {
    send: (request) => tell(request, () => egress.send(request)),
    stream: (request) => tell(request, () => egress.stream(request)),
    close: () => egress.close(),
  };
}
