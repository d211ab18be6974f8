import { createServer, type Socket } from "node:net";
import { afterwards } from "../harness/cleanup.ts";

/** A place where nothing of ours has any business: it counts who comes and what they bring. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `host:port` */
  readonly authority: string;
  connections(): number;
  bytes(): string;
  reset(): void;
}

/** Listens on a loopback address and answers whatever comes with a small JSON text. */
export async function startListener(host = "127.0.0.1"): Promise<Listener> {
  let connections = 0;
  let bytes = "";
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes += chunk.toString("latin1");
      socket.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\nconnection: close\r\n\r\n{"reached":true}',
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the listener has no address");
  afterwards(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    host,
    port: address.port,
    authority: `${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    connections: () => connections,
    bytes: () => bytes,
    reset: () => {
      connections = 0;
      bytes = "";
    },
  };
}
