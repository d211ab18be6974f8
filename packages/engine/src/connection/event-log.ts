import type { Log } from "../log.ts";
import type { ConnectionEvent, ConnectionRecord } from "./record.ts";
import type { Store } from "./store.ts";

export type Listener = (event: ConnectionEvent) => void;

/** A connection's log, and whoever watches it. */
export interface EventLog {
  /** An event that is to be stored with a write of the connection: pass it to the store, then to `announce`. */
  make(connection: Pick<ConnectionRecord, "id" | "workspace">, type: ConnectionEvent["type"], rest: Rest): ConnectionEvent;
  /** Tells the watchers of events that the store has taken. */
  announce(events: readonly ConnectionEvent[]): void;
  /** Notes an event that need not survive a crash: written soon, in batches, off the step path. */
  note(event: ConnectionEvent): void;
  watch(connection: string, listener: Listener): () => void;
  /** Writes what is buffered. */
  flush(): Promise<void>;
}

type Rest = Omit<ConnectionEvent, "id" | "connection" | "workspace" | "at" | "type">;

const flushAfter = 250;
const flushAt = 500;

/** At most this many events wait for a store that does not answer; the oldest are dropped, and the log says so. */
const capacity = 20_000;

export function createEventLog(store: Store, clock: () => number, random: (bytes: number) => Buffer, log: Log): EventLog {
  const listeners = new Map<string, Set<Listener>>();
  let buffer: ConnectionEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const batch = buffer;
    buffer = [];
    if (batch.length === 0) return;
    try {
      await store.events.append(batch);
    } catch (cause) {
      log("warn", "events could not be written and wait", { count: batch.length, cause });
      buffer = [...batch, ...buffer].slice(-capacity);
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    flushing = flushing.then(write);
    return flushing;
  };
  const announce = (events: readonly ConnectionEvent[]): void => {
    for (const event of events) for (const listener of listeners.get(event.connection) ?? []) listener(event);
  };

  return {
    make: (connection, type, rest) => ({
      id: `evt_${random(12).toString("base64url")}`,
      connection: connection.id,
      workspace: connection.workspace,
      at: new Date(clock()).toISOString(),
      type,
      ...rest,
    }),
    announce,
    note(event) {
      buffer.push(event);
      announce([event]);
      if (buffer.length >= flushAt) void flush();
      else timer ??= setTimeout(() => void flush(), flushAfter).unref();
    },
    watch(connection, listener) {
      const set = listeners.get(connection) ?? new Set();
      listeners.set(connection, set.add(listener));
      return () => {
        set.delete(listener);
        if (set.size === 0) listeners.delete(connection);
      };
    },
    flush,
  };
}
