import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { EgressRequest } from "../../src/egress/egress.ts";
import type { JackfieldError } from "../../src/errors.ts";
import { certificate, certificateKey } from "./certificate.ts";

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real server on a loopback address that counts what reaches it. */
export interface Listener {
  readonly port: number;
  readonly connections: () => number;
  readonly seen: Seen[];
  readonly close: () => Promise<void>;
}

export type Answer = (request: Seen, response: ServerResponse) => void;

const opened: Listener[] = [];

export async function listen(
  answer: Answer = (_request, response) => response.end("answered"),
  options: { host?: string; tls?: boolean } = {},
): Promise<Listener> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const arrived = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    seen.push(arrived);
    answer(arrived, response);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that goes away ends its request with an error; the tests look at the client's side.
    handle(request, response).catch(() => response.destroy());
  };
  const server =
    options.tls === true ? createTlsServer({ cert: certificate, key: certificateKey }, onRequest) : createServer(onRequest);
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, options.host ?? "127.0.0.1", resolve);
  });
  const listener: Listener = {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  opened.push(listener);
  return listener;
}

/** Closes what the tests of a file opened. */
export async function closeListeners(): Promise<void> {
  await Promise.all(opened.splice(0).map((listener) => listener.close()));
}

/** A GET with room to spare. */
export function get(url: string, more: Partial<EgressRequest> = {}): EgressRequest {
  return { method: "GET", url, headers: {}, timeout: 5000, maxBytes: 1 << 20, redirects: "none", ...more };
}

/** The error of a promise that must not be kept. */
export async function errorOf(promise: Promise<unknown>): Promise<JackfieldError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) throw new Error("It was expected to fail, and it did not.");
  return outcome.error as JackfieldError;
}

/** The code with which a function throws, or "allowed". */
export function verdictOf(run: () => unknown): string {
  try {
    run();
    return "allowed";
  } catch (error) {
    return (error as JackfieldError).code ?? String(error);
  }
}
