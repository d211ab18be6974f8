import { createServer, type Server as HttpServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

const drainTime = 10_000;
const unreadTime = 10_000;

export interface Listening {
  readonly http: HttpServer;
  readonly port: number;
  /** Requests that came before wait for this. */
  serve(listener: RequestListener): void;
}

/** Takes the port first: with PORT=0 the public URL, and all that is made of it, is known only then. */
export async function listen(host: string, port: number): Promise<Listening> {
  let ready: RequestListener | undefined;
  const early: Parameters<RequestListener>[] = [];
  const http = createServer((request, response) => {
    response.once("close", () => endUnread(request));
    if (ready === undefined) early.push([request, response]);
    else ready(request, response);
  });
  const serve = (listener: RequestListener): void => {
    ready = listener;
    for (const arrived of early.splice(0)) listener(...arrived);
  };
  // A body may take its time where it is passed on; whoever reads one sees to its limits (body.ts).
  http.requestTimeout = 0;
  // Longer than the usual proxy keeps its own connections, so that it is never us who hang up first.
  http.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    http.once("error", (cause) => reject(new Error(listenMessage(cause, host, port), { cause })));
    http.listen(port, host, resolve);
  });
  return { http, port: (http.address() as AddressInfo).port, serve };
}

/** What nobody reads after the answer may not hold the connection for ever. */
function endUnread(request: IncomingMessage): void {
  if (request.complete || request.socket.destroyed) return;
  request.resume();
  setTimeout(() => request.complete || request.socket.destroy(), unreadTime).unref();
}

function listenMessage(error: NodeJS.ErrnoException, host: string, port: number): string {
  const messages: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use. Stop what listens there, or set PORT.`,
    EACCES: `This user may not listen on port ${port}. Set PORT to one above 1023.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine. Set HOST.`,
    ENOTFOUND: `HOST ${host} cannot be resolved. Set HOST to an address of this machine.`,
  };
  return messages[error.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${error.message}.`;
}

export async function drain(http: HttpServer, closeStreams: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
  closeStreams();
  http.closeIdleConnections();
  const late = setTimeout(() => http.closeAllConnections(), drainTime);
  await closed;
  clearTimeout(late);
}
