import { type Measure, type MeasureName, measures, type Queue, type Store, statuses, type Telemetry } from "@jackfield/engine";
import { Counter, collectDefaultMetrics, Gauge, Histogram, type OpenMetricsContentType, Registry } from "prom-client";

/*
 * What Prometheus reads at /metrics: what the engine measures, what this host does, and what store and queue say when they are asked.
 * Names begin with `jackfield_`; those of the process itself are prom-client's.
 */

/** What the host measures beside the engine. */
const hostMeasures = {
  http_requests_total: {
    kind: "counter",
    help: "Requests that were answered, by the route's pattern (`other`: none) and the class of the status.",
    labels: ["method", "route", "status"],
  },
  http_request_duration_seconds: {
    kind: "histogram",
    help: "How long an answer took.",
    labels: ["route"],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
} as const satisfies Readonly<Record<string, Measure>>;

type HostMeasure = keyof typeof hostMeasures;

/** Where gauges are read from, each time that somebody scrapes. */
export interface MetricsSources {
  readonly store: { readonly connections: Pick<Store["connections"], "due" | "states"> };
  readonly queue: Pick<Queue, "waiting">;
  readonly clock: () => number;
  readonly version: string;
}

export interface Metrics {
  readonly measure: Telemetry["measure"];
  /** Counts a request that was answered after so many seconds. */
  served(labels: Readonly<Record<"method" | "route" | "status", string>>, seconds: number): void;
  /** The page, in Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** The labels of each metric of ours, by its whole name. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** Further samples of a gauge: its labels and its value. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

interface Reading {
  readonly help: string;
  readonly labels: readonly string[];
  /** Whose answer it is: its gauge `jackfield_dependency_up` tells whether there was one. */
  readonly of: "store" | "queue";
  read(sources: MetricsSources): Promise<readonly Sample[]>;
}

/** Gauges, read at each scrape. */
const readings: Readonly<Record<string, Reading>> = {
  connections: {
    help: "Connections by state, as of at most a minute ago. Every process tells of all.",
    labels: ["state"],
    of: "store",
    async read({ store }) {
      const found = await store.connections.states();
      return statuses.filter((state) => state !== "revoked").map((state) => [{ state }, found[state] ?? 0]);
    },
  },
  refresh_most_overdue_seconds: {
    help: "By how much the most overdue refresh is overdue. Every process tells of all connections.",
    labels: [],
    of: "store",
    async read({ store, clock }) {
      const now = clock();
      const [first] = await store.connections.due("refresh", new Date(now).toISOString(), 1);
      return [[{}, first === undefined ? 0 : Math.max(0, now - Date.parse(first.at)) / 1000]];
    },
  },
  queue_jobs_waiting: {
    help: "Jobs that wait in the queue, those of a later time among them.",
    labels: ["kind"],
    of: "queue",
    async read({ queue }) {
      return Object.entries(await queue.waiting()).map(([kind, count]) => [{ kind }, count]);
    },
  },
};

/** How long an answer of the store that costs it something counts. */
const statesMs = 60_000;
/** A scrape waits no longer for a store or a queue. */
const patience = 2_000;

const labels: Metrics["labels"] = Object.fromEntries([
  ["jackfield_build_info", ["version", "node"]],
  ["jackfield_dependency_up", ["dependency"]],
  ...Object.entries({ ...measures, ...hostMeasures, ...readings }).map(
    ([name, one]) => [`jackfield_${name}`, one.labels] as const,
  ),
]);

export function createMetrics(given: MetricsSources): Metrics {
  const registry = new Registry();
  const sources = { ...given, store: { connections: withStatesKept(given) } };
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: "jackfield_build_info",
    help: "Which version runs, on which Node.js; the value is always 1.",
    labelNames: ["version", "node"],
    registers: [registry],
  });
  info.set({ version: given.version, node: process.versions.node }, 1);
  const add = recorder(registry, { ...measures, ...hostMeasures });
  const read = gauges(registry, sources);
  return {
    measure: add,
    served(labels, seconds) {
      add("http_requests_total", labels, 1);
      add("http_request_duration_seconds", { route: labels.route }, seconds);
    },
    async text() {
      await read();
      return registry.metrics();
    },
    labels,
    contentType: registry.contentType satisfies string | OpenMetricsContentType,
  };
}

/** Makes what the table describes; gives what takes a value. */
function recorder(registry: Registry, table: Readonly<Record<MeasureName | HostMeasure, Measure>>) {
  const made = Object.entries(table).map(([name, { kind, help, labels, buckets }]) => {
    const common = { name: `jackfield_${name}`, help, labelNames: [...labels], registers: [registry] };
    if (kind === "counter") {
      const counter = new Counter(common);
      return [name, (given: Readonly<Record<string, string>>, value: number) => counter.inc(given, value)] as const;
    }
    const histogram = new Histogram({ ...common, ...(buckets === undefined ? {} : { buckets: [...buckets] }) });
    return [name, (given: Readonly<Record<string, string>>, value: number) => histogram.observe(given, value)] as const;
  });
  const takers = new Map(made);
  return (name: MeasureName | HostMeasure, labels: Readonly<Record<string, string>>, value: number): void =>
    takers.get(name)?.(labels, value);
}

/** Makes the gauges; gives what reads them all. One that cannot be read is absent, and its source is told to be down. */
function gauges(registry: Registry, sources: MetricsSources): () => Promise<void> {
  const up = new Gauge({
    name: "jackfield_dependency_up",
    help: "Whether the store and the queue answered this scrape.",
    labelNames: ["dependency"],
    registers: [registry],
  });
  const made = Object.entries(readings).map(([name, { help, labels, ...reading }]) => ({
    ...reading,
    gauge: new Gauge({ name: `jackfield_${name}`, help, labelNames: [...labels], registers: [registry] }),
  }));
  return async () => {
    const down = new Set<string>();
    const each = made.map(async ({ gauge, of, read }) => {
      const samples = await inTime(read(sources)).catch(() => down.add(of) && []);
      gauge.reset();
      // Without labels a reset leaves a nought, which would be a lie.
      if (samples.length === 0) gauge.remove();
      for (const [labels, value] of samples) gauge.set(labels, value);
    });
    await Promise.all(each);
    for (const dependency of ["store", "queue"]) up.set({ dependency }, down.has(dependency) ? 0 : 1);
  };
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error("it did not answer in time")), patience).unref();
  });
  return Promise.race([work, late]);
}

/** Scrapes come often and from several sides: one count serves a minute of them. */
function withStatesKept({ store, clock }: MetricsSources): MetricsSources["store"]["connections"] {
  let kept: { readonly at: number; readonly states: ReturnType<Store["connections"]["states"]> } | undefined;
  return {
    due: (...args) => store.connections.due(...args),
    states() {
      if (kept !== undefined && clock() - kept.at < statesMs) return kept.states;
      const states = store.connections.states();
      kept = { at: clock(), states };
      states.catch(() => {
        kept = undefined;
      });
      return states;
    },
  };
}
