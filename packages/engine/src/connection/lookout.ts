import type { Log } from "../log.ts";
import type { Repeat } from "../repeat.ts";
import type { ConnectionEvent } from "./record.ts";
import type { Store } from "./store.ts";

/** Looks for what other processes write of the connections that are watched here. Nothing runs while none is. */
export interface Lookout {
  /** Looks for the connection from now on. When this resolves, whatever is written later will be told. */
  begin(connection: string): Promise<void>;
  /** Ends one `begin`. */
  end(connection: string): void;
  /** These were told already. */
  told(events: readonly ConnectionEvent[]): void;
}

/** How often the store is asked. */
const everyMs = 1_000;

/** An event bears the time at which it was made, and is written somewhat later, by a clock that may be another one. */
const overlapMs = 10_000;

/** Of more than so many events between two looks, the oldest are not told; the log has them. */
const most = 500;

interface Watched {
  /** How many watch it. */
  count: number;
  /** Whether its past is known, so that what is found is news. */
  primed: boolean;
  readonly ready: Promise<void>;
}

export interface LookoutOptions {
  readonly store: Store;
  readonly clock: () => number;
  readonly repeat: Repeat;
  readonly log: Log;
}

/** `tell` is called with each event once, in their order. */
export function createLookout({ store, clock, repeat, log }: LookoutOptions, tell: (event: ConnectionEvent) => void): Lookout {
  const watched = new Map<string, Watched>();
  /** What was told, by id, with the time of each. */
  const known = new Map<string, string>();
  let since = 0;
  let looking = false;
  let stop: (() => void) | undefined;

  const note = (events: readonly ConnectionEvent[]): void => {
    for (const { id, connection, at } of events) if (watched.has(connection ?? "")) known.set(id, at);
  };
  const recent = (connections: readonly string[], from: number) =>
    store.events.recent(connections, new Date(from - overlapMs).toISOString(), most);
  const forget = (): void => {
    const before = new Date(since - 2 * overlapMs).toISOString();
    for (const [id, at] of known) if (at < before) known.delete(id);
  };
  const prime = async (connection: string): Promise<void> => {
    note(await recent([connection], clock()));
    const entry = watched.get(connection);
    if (entry !== undefined) entry.primed = true;
  };
  const look = async (): Promise<void> => {
    const primed = [...watched].filter(([, entry]) => entry.primed).map(([connection]) => connection);
    if (looking || primed.length === 0) return;
    looking = true;
    try {
      const started = clock();
      const found = await recent(primed, since);
      for (const event of found.toReversed()) {
        if (known.has(event.id)) continue;
        note([event]);
        tell(event);
      }
      since = Math.max(since, started);
      forget();
    } catch (cause) {
      // What it would have found is found by a later look.
      log("debug", "the store could not be asked for the events of watched connections", { cause });
    } finally {
      looking = false;
    }
  };

  return {
    begin(connection) {
      const entry = watched.get(connection);
      if (entry !== undefined) {
        entry.count += 1;
        return entry.ready;
      }
      if (stop === undefined) {
        since = clock();
        stop = repeat(everyMs, look);
      }
      const ready = Promise.resolve().then(() => prime(connection));
      watched.set(connection, { count: 1, primed: false, ready });
      return ready;
    },
    end(connection) {
      const entry = watched.get(connection);
      if (entry === undefined) return;
      entry.count -= 1;
      if (entry.count > 0) return;
      watched.delete(connection);
      if (watched.size > 0) return;
      stop?.();
      stop = undefined;
      known.clear();
    },
    told: note,
  };
}
