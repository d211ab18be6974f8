import type { Connection, ConnectionEvent } from "./api.ts";
import { path } from "./api.ts";

export interface Watcher {
  /** The connection as it is when listening begins, and again whenever the line had broken. */
  readonly onConnection: (connection: Connection) => void;
  readonly onChange: (event: ConnectionEvent, connection: Connection) => void;
}

const patience = 3_000;

/** Listens to a connection on the server until the result is called. */
export function watchConnection(id: string, watcher: Watcher): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    source = new EventSource(path("connections", id, "events"));
    source.addEventListener("connection", ({ data }) => {
      const connection = parsed<Connection>(data);
      if (connection) watcher.onConnection(connection);
    });
    source.addEventListener("change", ({ data }) => {
      const change = parsed<{ event: ConnectionEvent; connection: Connection }>(data);
      if (change) watcher.onChange(change.event, change.connection);
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, except after an answer that is no stream.
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, patience);
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}

/** Listens to whether a connector's manifest is replaced, until the result is called. */
export function watchConnector(name: string, onChange: () => void): () => void {
  const source = new EventSource(path("connectors", name));
  source.addEventListener("change", onChange);
  return () => source.close();
}

function parsed<T>(data: unknown): T | undefined {
  try {
    return JSON.parse(String(data)) as T;
  } catch {
    return undefined;
  }
}
