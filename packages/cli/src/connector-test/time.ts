// Time that stands still until the next job is due.

import { countJobs, type Job, type JobKind, type Queue } from "@jackfield/engine";

type Handler = (id: string) => Promise<void>;

/** The clock and the queue of a case: a job is carried out when it is asked for, at the time when it is due. */
export class Time {
  private current: number;
  private readonly jobs = new Map<string, Job>();
  private readonly handlers = new Map<JobKind, Handler>();

  constructor(start: number) {
    this.current = start;
  }

  readonly clock = (): number => this.current;

  readonly queue: Queue = {
    put: async (job) => void this.jobs.set(`${job.kind}/${job.id}`, job),
    remove: async (kind, id) => void this.jobs.delete(`${kind}/${id}`),
    work: (kind, _options, handler) => void this.handlers.set(kind, handler),
    waiting: async () => countJobs((kind) => [...this.jobs.values()].filter((job) => job.kind === kind).length),
    close: async () => {},
  };

  pass(ms: number): void {
    this.current += ms;
  }

  /** Goes on to the next job of a kind and carries it out; false where there is none. */
  async runNext(kind: JobKind): Promise<boolean> {
    const [next] = [...this.jobs.values()].filter((job) => job.kind === kind).toSorted((a, b) => a.due - b.due);
    if (next === undefined) return false;
    this.jobs.delete(`${kind}/${next.id}`);
    this.current = Math.max(this.current, next.due);
    await this.handlers.get(kind)?.(next.id);
    return true;
  }
}
