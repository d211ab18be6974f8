import type { IncomingMessage, ServerResponse } from "node:http";
import type { ProxyAnswer } from "@jackfield/engine";

/**
 * Passes an answer on while it arrives, as fast as the caller reads it; its headers are set already. What breaks off on the provider's
 * side is thrown, and must break off here, too: only an answer that came to its end may look like one.
 */
export async function pass(
  answer: Pick<ProxyAnswer, "status" | "body">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, body } = answer;
  if (status === 204) response.removeHeader("Content-Length");
  // Of a body that nobody will read any more the rest is not waited for.
  if (!request.complete) response.setHeader("Connection", "close");
  const announced = Number(response.getHeader("content-length") ?? Number.NaN);
  response.writeHead(status);
  // A first byte may be long in coming. One that is there goes out together with the head.
  const head = setImmediate(() => response.flushHeaders());
  let size = 0;
  try {
    for await (const chunk of body) {
      clearImmediate(head);
      size += chunk.length;
      if (size === announced) response.end(chunk);
      else if (!response.write(chunk)) await writable(response);
    }
  } finally {
    clearImmediate(head);
  }
  if (!response.writableEnded) response.end();
}

/** Resolves when more can be written, or nothing any more. */
function writable(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
