import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterwards } from "../harness/cleanup.ts";

/** A message as it arrived at an embedding application. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: messages have many shapes.
  readonly message: any;
}

/** What is answered: a status with headers, or nothing at all, ever. */
export type Reply = { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | "hang";

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  at(path: string): Received[];
  /** Answers a path with these from now on, one after the other, the last again and again. */
  answer(path: string, ...replies: readonly Reply[]): void;
}

/** An embedding application's end: keeps what arrives and answers 204 unless it is told otherwise. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const replies = new Map<string, Reply[]>();
  const next = (path: string): Reply => {
    const left = replies.get(path) ?? [];
    return (left.length > 1 ? left.shift() : left[0]) ?? { status: 204 };
  };
  const respond = (reply: Reply, response: ServerResponse): void => {
    if (reply === "hang") return;
    response.writeHead(reply.status, reply.headers);
    response.end();
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const path = request.url ?? "/";
    received.push({
      path,
      headers: request.headers,
      body,
      id: String(request.headers["webhook-id"]),
      get message() {
        return JSON.parse(body);
      },
    });
    respond(next(path), response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    at: (path) => received.filter((one) => one.path === path),
    answer: (path, ...given) => void replies.set(path, [...given]),
  };
}

/** The message, as the library of Standard Webhooks reads it. Throws where the signature is not that of the secret. */
// biome-ignore lint/suspicious/noExplicitAny: messages have many shapes.
export function verified({ body, headers }: Received, secret: string): any {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}
