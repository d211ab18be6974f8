import { duties } from "./connection/record.ts";

/** Names of what is queued; each has one handler. */
export const jobKinds = [...duties, "device", "deliver"] as const;
export type JobKind = (typeof jobKinds)[number];

/** How many jobs there are of each kind. */
export type JobCounts = Readonly<Record<JobKind, number>>;

export function countJobs(count: (kind: JobKind) => number): JobCounts {
  return Object.fromEntries(jobKinds.map((kind) => [kind, count(kind)])) as Record<JobKind, number>;
}

export interface Job {
  readonly kind: JobKind;
  /** Two jobs of one kind and id are one job: a later `put` replaces the due time. One that runs then runs once more. */
  readonly id: string;
  /** Milliseconds since the epoch, by the engine's clock. */
  readonly due: number;
}

/**
 * Carries work to its time. The store is the truth: a queue may forget everything at any moment and is filled again by the sweep.
 * Jobs hold ids, never secrets. A handler that throws is logged; deciding on a retry is the handler's own work. A queue that is out of
 * reach keeps nobody waiting: what it cannot take it forgets or refuses within about a second.
 */
export interface Queue {
  put(job: Job): Promise<void>;
  remove(kind: JobKind, id: string): Promise<void>;
  work(kind: JobKind, options: { readonly concurrency: number }, handler: (id: string) => Promise<void>): void;
  /** How many jobs of each kind wait for their time or for a worker. */
  waiting(): Promise<JobCounts>;
  /** Takes no further jobs, waits for those that run. */
  close(): Promise<void>;
}
