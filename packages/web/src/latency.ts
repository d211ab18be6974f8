import type { ConnectionEvent } from "./api.ts";

/** How long calls took, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Undefined where no event tells a duration. */
export function latencyOf(events: readonly Pick<ConnectionEvent, "duration_ms">[]): Latency | undefined {
  const times = events.flatMap(({ duration_ms }) => (duration_ms === undefined ? [] : [duration_ms])).sort((a, b) => a - b);
  const [min] = times;
  const max = times.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const middle = (times.length - 1) / 2;
  const median = ((times[Math.floor(middle)] ?? min) + (times[Math.ceil(middle)] ?? max)) / 2;
  return { count: times.length, min, median, max };
}
