import { Agent, request as httpRequest } from "node:http";
import { afterwards } from "../harness/cleanup.ts";
import type { Answer, Sent } from "../harness/http.ts";

/** As `send` of the harness, over lines that stay open: thousands of requests need not each begin with a handshake. */
export function createSender(origin: string): (sent: Sent) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true });
  afterwards(() => agent.destroy());
  const { hostname, port } = new URL(origin);
  return ({ method = "GET", target = "/", headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const options = { hostname, port, path: target, method, headers: { ...length, ...headers }, agent, timeout: 60_000 };
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString("utf8");
          resolve({
            ...{ origin, method, target, status: response.statusCode ?? 0, headers: response.headers, body: bytes, text },
            get json() {
              return JSON.parse(text);
            },
          });
        });
      });
      request.on("timeout", () => request.destroy(new Error(`${method} ${target}: no answer in time`)));
      request.on("error", reject);
      request.end(body);
    });
}
