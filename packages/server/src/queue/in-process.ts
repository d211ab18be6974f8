import { countJobs, type Job, type JobKind, type Log, type Queue } from "@jackfield/engine";
import { createHeap, type Heap } from "./heap.ts";

type Handler = (id: string) => Promise<void>;

/** The jobs of one kind. */
interface Lane {
  /** By due time; an entry counts only while `due` has the same time for its id. */
  readonly heap: Heap<{ readonly id: string; readonly due: number }>;
  readonly due: Map<string, number>;
  readonly running: Set<string>;
  concurrency: number;
  handler: Handler | undefined;
}

/** Longer times do not fit a timer of Node. */
const longestWait = 2 ** 31 - 1;

/**
 * The engine's queue inside this process: everything is forgotten when it ends, and the sweep finds it again in the store. Its timer
 * keeps no process alive. One job never runs twice at once: a job that is put while it runs waits for its end.
 */
export function createInProcessQueue(options: { readonly log: Log; readonly clock?: () => number }): Queue {
  const clock = options.clock ?? Date.now;
  const lanes = new Map<JobKind, Lane>();
  const runs = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const lane = (kind: JobKind): Lane => {
    const known = lanes.get(kind);
    if (known !== undefined) return known;
    const made: Lane = {
      heap: createHeap((a, b) => a.due < b.due),
      due: new Map(),
      running: new Set(),
      concurrency: 0,
      handler: undefined,
    };
    lanes.set(kind, made);
    return made;
  };

  const run = (kind: JobKind, id: string, { running, handler }: Lane) => {
    running.add(id);
    const done = Promise.resolve()
      .then(() => handler?.(id))
      .catch((error: unknown) => options.log("error", "a job failed", { kind, id, error: String(error) }))
      .finally(() => {
        running.delete(id);
        runs.delete(done);
        work();
      });
    runs.add(done);
  };

  /** Starts what is due, then sets the timer for what is due next. */
  const work = () => {
    clearTimeout(timer);
    if (closed) return;
    let next = Number.POSITIVE_INFINITY;
    for (const [kind, one] of lanes) {
      for (const id of takeDue(one, clock())) run(kind, id, one);
      next = Math.min(next, nextDue(one));
    }
    if (next === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(work, Math.min(Math.max(next - clock(), 0), longestWait)).unref();
  };

  return {
    async put({ kind, id, due }: Job) {
      if (closed) return;
      const one = lane(kind);
      one.due.set(id, due);
      one.heap.push({ id, due });
      if (one.heap.size > 64 && one.heap.size > 4 * one.due.size)
        one.heap.replace([...one.due].map(([key, time]) => ({ id: key, due: time })));
      work();
    },
    async remove(kind, id) {
      lane(kind).due.delete(id);
    },
    work(kind, { concurrency }, handler) {
      Object.assign(lane(kind), { concurrency, handler });
      work();
    },
    async waiting() {
      return countJobs((kind) => lanes.get(kind)?.due.size ?? 0);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await Promise.all(runs);
    },
  };
}

/** Takes the ids that are due and may run now. */
function takeDue(lane: Lane, now: number): string[] {
  const taken: string[] = [];
  const blocked: { readonly id: string; readonly due: number }[] = [];
  while (lane.handler !== undefined && lane.running.size + taken.length < lane.concurrency) {
    const first = head(lane);
    if (first === undefined || first.due > now) break;
    lane.heap.pop();
    if (lane.running.has(first.id)) blocked.push(first);
    else {
      lane.due.delete(first.id);
      taken.push(first.id);
    }
  }
  for (const entry of blocked) lane.heap.push(entry);
  return taken;
}

/** When the lane wants to be looked at again; never, while it waits for a run to end. */
function nextDue(lane: Lane): number {
  if (lane.handler === undefined || lane.running.size >= lane.concurrency) return Number.POSITIVE_INFINITY;
  const first = head(lane);
  if (first === undefined) return Number.POSITIVE_INFINITY;
  if (!lane.running.has(first.id)) return first.due;
  // The first waits for its own run: look for the next one that does not.
  let next = Number.POSITIVE_INFINITY;
  for (const [id, due] of lane.due) if (!lane.running.has(id)) next = Math.min(next, due);
  return next;
}

/** The first entry that still counts; those that were replaced or removed are thrown away. */
function head(lane: Lane) {
  for (let first = lane.heap.peek(); first !== undefined; first = lane.heap.peek()) {
    if (lane.due.get(first.id) === first.due) return first;
    lane.heap.pop();
  }
  return undefined;
}
