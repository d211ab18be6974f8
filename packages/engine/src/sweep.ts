import { type Duty, duties } from "./connection/record.ts";
import type { Due } from "./connection/store.ts";
import type { Repeat } from "./repeat.ts";
import type { Runtime } from "./runtime.ts";

/** How often everything is looked for, and all of it put anew. */
const everyMs = 30_000;

/** How often it is looked whether the next are to be put, where not all of them were. */
const tickMs = 2_000;

/** Jobs further ahead than this stay in the store only, so that the queue does not grow with the number of connections. */
const aheadMs = 2 * everyMs;
const page = 500;

/** At most so many of one kind are put before the workers have done some of them: what is overdue may be far more than a queue holds. */
const most = 10_000;

/** A process that leads dies at most so long before another one does. */
const leaseMs = 30_000;
const renewMs = 10_000;
const leaseKey = "sweep";

export interface Sweep {
  /**
   * Sweeps, if this process leads, and goes on doing so; one that may not lead does only what each does for itself. Throws what keeps the
   * first sweep from being made.
   */
  start(mayLead: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface SweepOptions {
  readonly repeat: Repeat;
  /** The name of this process in the lease by which one leads; undefined where there is no other. */
  readonly owner: string | undefined;
  /** What each process does regularly for itself. */
  readonly own: readonly (() => Promise<void>)[];
  /** What else is done regularly by the one that leads. */
  readonly further: readonly (() => Promise<void>)[];
}

/**
 * Finds every connection that something is due for soon, and every code for another device that is to be asked about, and puts its job,
 * whether or not the queue has it already: the store is the truth, and a queue that lost everything is filled again. Of the processes on
 * one store one sweeps; that two do is no harm. Each part that fails is logged, and keeps no other from its work.
 */
export function createSweep(runtime: Runtime, { repeat, owner, own, further }: SweepOptions): Sweep {
  const { clock, log, store } = runtime;
  const leads = owner === undefined ? async () => true : createLeadership(runtime, owner);
  const kinds = createKinds(runtime);
  const parts = [() => store.recover(), ...kinds.map(({ all }) => all), ...further];
  let swept = Number.NEGATIVE_INFINITY;
  let tended = Number.NEGATIVE_INFINITY;
  let mayLead = true;
  let stop = (): void => {};
  let running: Promise<void> | undefined;

  const work = async (list: readonly (() => Promise<void>)[], may: () => Promise<boolean>): Promise<boolean> => {
    for (const part of list) {
      if (!(await may())) return false;
      await part().catch((cause: unknown) => log("error", "a part of the sweep failed and will run again", { cause }));
    }
    return true;
  };
  const tick = async (): Promise<void> => {
    if (!isWithin(everyMs, tended, clock())) {
      tended = clock();
      await work(own, async () => true);
    }
    if (!mayLead || !(await leads())) {
      // Who comes to lead begins with everything.
      swept = Number.NEGATIVE_INFINITY;
      return;
    }
    const now = clock();
    if (isWithin(everyMs, swept, now))
      await work(
        kinds.filter(({ isBehind }) => isBehind()).map(({ more }) => more),
        leads,
      );
    else if (await work(parts, leads)) swept = now;
  };
  const again = async (): Promise<void> => {
    if (running !== undefined) return;
    running = tick().catch((cause: unknown) => log("error", "the sweep failed and will run again", { cause }));
    await running;
    running = undefined;
  };
  return {
    async start(lead) {
      mayLead = lead;
      await tick();
      stop = repeat(tickMs, again);
    },
    async stop() {
      stop();
      await running;
      if (owner === undefined || !mayLead) return;
      await store.leases
        .release(leaseKey, owner)
        .catch((cause: unknown) => log("warn", "a lease could not be released", { key: leaseKey, cause }));
    },
  };
}

/** A clock that was put back says nothing about how long ago something was. */
const isWithin = (ms: number, then: number, now: number) => now >= then && now - then < ms;

/** Whether this process leads: asks the store now and then, and extends the lease by that. */
function createLeadership({ clock, store }: Runtime, owner: string): () => Promise<boolean> {
  let asked = Number.NEGATIVE_INFINITY;
  let leads = false;
  return async () => {
    const now = clock();
    if (isWithin(renewMs, asked, now)) return leads;
    asked = now;
    leads = false;
    leads = await store.leases.acquire(leaseKey, owner, now, now + leaseMs);
    return leads;
  };
}

/** The jobs of one kind that the store says are due. */
interface Kind {
  /**
   * Puts them, the most overdue first, up to a bound; also those that were put before, as the queue may have lost them. Where there are
   * more, every other time goes on after them, so that those which cannot be done now keep no others from being done.
   */
  all(): Promise<void>;
  /** The same for those that were not put since the last `all`, as far as the workers are through with others. */
  more(): Promise<void>;
  /** Whether there were more than the bound. */
  isBehind(): boolean;
}

function createKinds(runtime: Runtime): readonly Kind[] {
  const { connections, flows } = runtime.store;
  return [
    ...duties.map((duty: Duty) => createKind(runtime, duty, (time, after) => connections.due(duty, time, page, after))),
    createKind(runtime, "device", (time, after) => flows.due(time, page, after)),
  ];
}

function createKind(
  { clock, queue }: Runtime,
  kind: Duty | "device",
  due: (time: string, after: Due | undefined) => Promise<readonly Due[]>,
): Kind {
  /** What was put since the last `all`. */
  let known = new Set<string>();
  /** After which it began. */
  let from: Due | undefined;
  /** The last of the most overdue that were put, and of those after them, where there are more. */
  let head: Due | undefined;
  let further: Due | undefined;
  const put = async (): Promise<void> => {
    const until = new Date(clock() + aheadMs).toISOString();
    const found: Due[] = [];
    for (let next: readonly Due[] | undefined; next === undefined || (next.length === page && found.length < most); ) {
      next = await due(until, found.at(-1) ?? from);
      const fresh = next.filter((each) => !known.has(nameOf(each)));
      await Promise.all(fresh.map(({ id, at }) => queue.put({ kind, id, due: Date.parse(at) })));
      for (const each of fresh) known.add(nameOf(each));
      found.push(...next);
    }
    // The others were done meanwhile.
    known = new Set(found.map(nameOf));
    const last = found.length < most ? undefined : found.at(-1);
    if (from === undefined) head = last;
    else further = last;
  };
  return {
    async all() {
      known = new Set();
      from = from === undefined && head !== undefined ? (further ?? head) : undefined;
      await put();
    },
    more: put,
    isBehind: () => head !== undefined,
  };
}

const nameOf = ({ id, at }: Due) => `${id} ${at}`;
