import type { Log } from "../log.ts";
import type { Repeat } from "../repeat.ts";
import { createLookout, type LookoutOptions } from "./lookout.ts";
import type { ConnectionEvent, ConnectionRecord } from "./record.ts";
import type { Store } from "./store.ts";
import { createUsageCount } from "./usage.ts";

export type Listener = (event: ConnectionEvent) => void;

/** The workspace's log with those of its connections and apps, and whoever watches it. */
export interface EventLog {
  /** An event that is to be stored with a write of what it is about: pass it to the store, then to `announce`. */
  make(about: Subject, type: ConnectionEvent["type"], rest: Rest): ConnectionEvent;
  /** Tells the watchers of events that the store has taken. */
  announce(events: readonly ConnectionEvent[]): void;
  /** Notes an event that need not survive a crash: written soon, in batches, off the step path. */
  note(event: ConnectionEvent): void;
  /** As `note`, for what anybody on the internet can bring about: what goes beyond a bound in a minute is not kept. */
  noteStranger(event: ConnectionEvent): void;
  /** Calls `listener` with each further event, from when this resolves at the latest, until the result is called. */
  watch(connection: string, listener: Listener): Promise<() => void>;
  /** Calls `listener` with events once they are stored. */
  onStored(listener: (events: readonly ConnectionEvent[]) => void): void;
  /** Writes what is buffered. */
  flush(): Promise<void>;
}

/** What an event is about: a connection, or with the id null the workspace or a connector in it. */
export type Subject = { readonly id: string | null } & Pick<ConnectionRecord, "workspace"> &
  Partial<Pick<ConnectionRecord, "connector" | "owner">>;

type Rest = Omit<ConnectionEvent, "id" | "connection" | "workspace" | "connector" | "owner" | "at" | "type">;

const flushAfter = 250;
const flushAt = 500;

/** At most this many events wait for a store that does not answer; the oldest are dropped, and the log says so. */
const capacity = 20_000;

const strangersPerMinute = 60;

/** `elsewhere` is how often the store is asked for what other processes write, where there are any. */
export function createEventLog(
  store: Store,
  clock: () => number,
  random: (bytes: number) => Buffer,
  log: Log,
  elsewhere?: Repeat,
): EventLog {
  const watchers = createWatchers(elsewhere && { store, clock, repeat: elsewhere, log });
  const stored: ((events: readonly ConnectionEvent[]) => void)[] = [];
  const count = createUsageCount(store, log);
  const admit = createBound(clock, strangersPerMinute, 60_000);
  let buffer: ConnectionEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const tellStored = (events: readonly ConnectionEvent[]): void => {
    for (const listener of stored) listener(events);
  };
  const write = async (): Promise<void> => {
    const batch = buffer;
    buffer = [];
    if (batch.length === 0) return;
    try {
      await store.events.append(batch);
    } catch (cause) {
      log("warn", "events could not be written and wait", { count: batch.length, cause });
      buffer = [...batch, ...buffer].slice(-capacity);
      return;
    }
    tellStored(batch);
    await count(batch);
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    flushing = flushing.then(write);
    return flushing;
  };
  const note = (event: ConnectionEvent): void => {
    buffer.push(event);
    watchers.tell([event]);
    if (buffer.length >= flushAt) void flush();
    else timer ??= setTimeout(() => void flush(), flushAfter).unref();
  };

  return {
    make: ({ id, workspace, connector, owner }, type, rest) => ({
      id: `evt_${random(12).toString("base64url")}`,
      connection: id,
      workspace,
      ...(connector === undefined ? {} : { connector }),
      ...(owner === undefined ? {} : { owner }),
      at: new Date(clock()).toISOString(),
      type,
      ...rest,
    }),
    announce(events) {
      watchers.tell(events);
      tellStored(events);
    },
    note,
    noteStranger(event) {
      if (admit()) note(event);
      else log("warn", "too many events of strangers: this one is not kept", { type: event.type, connector: event.connector });
    },
    watch: watchers.watch,
    onStored: (listener) => void stored.push(listener),
    flush,
  };
}

/** Whoever watches a connection; with a lookout also for what other processes write. */
function createWatchers(options: LookoutOptions | undefined): Pick<EventLog, "watch"> & {
  tell(events: readonly ConnectionEvent[]): void;
} {
  const listeners = new Map<string, Set<Listener>>();
  const call = (event: ConnectionEvent): void => {
    for (const listener of listeners.get(event.connection ?? "") ?? []) listener(event);
  };
  const lookout = options && createLookout(options, call);
  return {
    tell(events) {
      lookout?.told(events);
      for (const event of events) call(event);
    },
    async watch(connection, listener) {
      const set = listeners.get(connection) ?? new Set();
      listeners.set(connection, set.add(listener));
      const stop = (): void => {
        if (!set.delete(listener)) return;
        if (set.size === 0) listeners.delete(connection);
        lookout?.end(connection);
      };
      try {
        await lookout?.begin(connection);
      } catch (cause) {
        stop();
        throw cause;
      }
      return stop;
    },
  };
}

/** Says yes `most` times in each stretch of `length` milliseconds. */
function createBound(clock: () => number, most: number, length: number): () => boolean {
  let began = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    if (clock() - began >= length) {
      began = clock();
      count = 0;
    }
    count += 1;
    return count <= most;
  };
}
