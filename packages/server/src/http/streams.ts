import type { ServerResponse } from "node:http";

/** Answers that stay open: they beat while nothing happens and end when the server stops. */
export interface Streams {
  /** Begins a stream of server-sent events. */
  open(response: ServerResponse): Stream;
  closeAll(): void;
}

export interface Stream {
  send(event: string, data: unknown, id?: string): void;
  close(): void;
  /** Called once, whoever ended it. */
  onClose(callback: () => void): void;
}

const heartbeat = 20_000;

export function createStreams(): Streams {
  const open = new Set<Stream>();
  return {
    open(response) {
      const stream = createStream(response);
      open.add(stream);
      stream.onClose(() => open.delete(stream));
      return stream;
    },
    closeAll() {
      for (const stream of [...open]) stream.close();
    },
  };
}

function createStream(response: ServerResponse): Stream {
  response.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    // Proxies that gather answers would hold the events back.
    "X-Accel-Buffering": "no",
  });
  response.flushHeaders();
  const beat = setInterval(() => response.write(": still here\n\n"), heartbeat).unref();
  response.once("close", () => clearInterval(beat));
  return {
    send(event, data, id) {
      if (response.writableEnded || response.destroyed) return;
      // JSON holds no line break, so that one `data` line is enough.
      response.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    close() {
      if (!response.writableEnded) response.end();
    },
    onClose(callback) {
      response.once("close", callback);
    },
  };
}
