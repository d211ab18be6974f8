import type { AppEvent, AppPlace } from "../record.ts";

export type AppListener = (event: AppEvent) => void;

/** What happens to apps, for whoever wants to be told. */
export interface AppLog {
  /** An event that is to be stored with a write of the app: pass it to the store, then to `announce`. */
  make(place: AppPlace, type: AppEvent["type"], rest: Pick<AppEvent, "actor" | "client_id" | "code">): AppEvent;
  /** Tells the listeners of events that the store has taken: the one place that every event of an app goes through. */
  announce(events: readonly AppEvent[]): void;
  listen(listener: AppListener): () => void;
}

export function createAppLog(clock: () => number, random: (bytes: number) => Buffer): AppLog {
  const listeners = new Set<AppListener>();
  return {
    make: ({ workspace, connector, auth, environment }, type, rest) => ({
      id: `evt_${random(12).toString("base64url")}`,
      at: new Date(clock()).toISOString(),
      type,
      workspace,
      connector,
      auth,
      environment,
      ...rest,
    }),
    announce(events) {
      for (const event of events) for (const listener of listeners) listener(event);
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
