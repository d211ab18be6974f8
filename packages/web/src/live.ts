import { type Connection, type ConnectionEvent, identity, path } from "./api.ts";

export interface Watcher {
  /** The connection as it is when listening begins, and again whenever the line had broken. */
  readonly onConnection: (connection: Connection) => void;
  readonly onChange: (event: ConnectionEvent, connection: Connection) => void;
}

const patience = 3_000;

/** Listens to a connection on the server until the result is called. */
export function watchConnection(id: string, watcher: Watcher): () => void {
  return listen(path("connections", id, "events"), (name, data) => {
    if (name === "connection") watcher.onConnection(data as Connection);
    if (name !== "change") return;
    const { event, connection } = data as { event: ConnectionEvent; connection: Connection };
    watcher.onChange(event, connection);
  });
}

/** Listens to whether a connector's manifest is replaced, until the result is called. */
export function watchConnector(name: string, onChange: () => void): () => void {
  return listen(path("connectors", name), onChange);
}

/**
 * Hears the server's events, and asks again whenever the line has broken. The browser's own `EventSource` cannot say in which connect
 * session it acts.
 */
function listen(url: string, hear: (name: string, data: unknown) => void): () => void {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (): void => {
    if (!stop.signal.aborted) timer = setTimeout(open, patience);
  };
  const open = (): void => void readEvents(url, stop.signal, hear).then(again, again);
  open();
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}

/** Reads a stream of server-sent events to its end. */
async function readEvents(url: string, signal: AbortSignal, hear: (name: string, data: unknown) => void): Promise<void> {
  const headers = { accept: "text/event-stream", ...identity() };
  const answer = await fetch(url, { headers, credentials: "same-origin", cache: "no-store", signal });
  if (!answer.ok || answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (text + part.value).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, name, data] = /^event: (.+)\ndata: (.+)$/m.exec(block) ?? [];
      if (name !== undefined && data !== undefined && !signal.aborted) hear(name, JSON.parse(data));
    }
  }
}
