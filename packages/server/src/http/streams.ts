import type { ServerResponse } from "node:http";
import { JackfieldError } from "@jackfield/engine";

/** Whether a reader may still read. Where that cannot be found out it rejects, and is asked again with the next beat. */
type Admitted = () => Promise<boolean>;

/** Answers that stay open: they beat while nothing happens, and end when the server stops or their reader may no longer read. */
export interface Streams {
  /**
   * Begins a stream of server-sent events for a reader who is let in as long as `admitted` says so. Throws `unauthenticated` when
   * that has ended since the request came.
   */
  open(response: ServerResponse, admitted: Admitted): Promise<Stream>;
  /** Ends the streams of readers who are no longer let in: for when a key or a session has just ended. */
  closeUnadmitted(): Promise<void>;
  closeAll(): void;
}

export interface Stream {
  send(event: string, data: unknown, id?: string): void;
  close(): void;
  /** Called once, whoever ended it. */
  onClose(callback: () => void): void;
}

const heartbeat = 20_000;

/** How many bytes may wait for a reader. One who asks again is told how things stand, and needs nothing of before. */
const mostWaiting = 1024 * 1024;

export function createStreams(): Streams {
  const open = new Map<Stream, Admitted>();
  return {
    async open(response, admitted) {
      if (!(await admitted())) throw new JackfieldError("unauthenticated");
      const stream = createStream(response, admitted);
      open.set(stream, admitted);
      stream.onClose(() => open.delete(stream));
      // What ended since the question was asked has looked for streams before this one was there.
      await endIfOver(stream, admitted);
      return stream;
    },
    async closeUnadmitted() {
      await Promise.all([...open].map(([stream, admitted]) => endIfOver(stream, admitted)));
    },
    closeAll() {
      for (const stream of [...open.keys()]) stream.close();
    },
  };
}

async function endIfOver(stream: Pick<Stream, "close">, admitted: Admitted): Promise<void> {
  if (!(await admitted().catch(() => true))) stream.close();
}

function createStream(response: ServerResponse, admitted: Admitted): Stream {
  response.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    // Proxies that gather answers would hold the events back.
    "X-Accel-Buffering": "no",
  });
  response.flushHeaders();
  const close = () => {
    clearInterval(beat);
    if (!response.writableEnded) response.end();
  };
  // The reader may have left while the answer was made ready.
  const onClose = (callback: () => void) => void (response.destroyed ? callback() : response.once("close", callback));
  // A session also runs out by itself, and nobody tells.
  const beat = setInterval(async () => {
    await endIfOver({ close }, admitted);
    if (!response.writableEnded && !response.destroyed) response.write(": still here\n\n");
  }, heartbeat).unref();
  onClose(() => clearInterval(beat));
  return {
    send(event, data, id) {
      if (response.writableEnded || response.destroyed) return;
      // JSON holds no line break, so that one `data` line is enough.
      response.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      if (response.writableLength > mostWaiting) response.destroy();
    },
    close,
    onClose,
  };
}
