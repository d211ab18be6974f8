import { type Duty, duties } from "./connection/record.ts";

/** Names of what is queued; each has one handler. */
export type JobKind = Duty | "device" | "deliver";

export const jobKinds: readonly JobKind[] = [...duties, "device", "deliver"];

/** What `waiting` gives of an empty queue. */
export const noJobs = Object.fromEntries(jobKinds.map((kind) => [kind, 0])) as Readonly<Record<JobKind, number>>;

export interface Job {
  readonly kind: JobKind;
  /** Two jobs of one kind and id are one job: a later `put` replaces the due time. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly due: number;
}

/**
 * Carries work to its time. The store is the truth: a queue may forget everything at any moment and is filled again by the sweep.
 * Jobs hold ids, never secrets. A handler that throws is logged; deciding on a retry is the handler's own work.
 */
export interface Queue {
  put(job: Job): Promise<void>;
  remove(kind: JobKind, id: string): Promise<void>;
  work(kind: JobKind, options: { readonly concurrency: number }, handler: (id: string) => Promise<void>): void;
  /** How many jobs of each kind there are that do not run yet, those of a later time among them. */
  waiting(): Promise<Readonly<Record<JobKind, number>>>;
  /** Takes no further jobs, waits for those that run. */
  close(): Promise<void>;
}
