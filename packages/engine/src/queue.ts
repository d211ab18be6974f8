import type { Duty } from "./connection/record.ts";

/** Names of what is queued; each has one handler. */
export type JobKind = Duty | "device";

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
  /** Takes no further jobs, waits for those that run. */
  close(): Promise<void>;
}
