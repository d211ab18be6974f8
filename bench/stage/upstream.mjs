// @ts-check
/*
 * An API that does nothing but answer: `/api/json/BYTES` with JSON of about that size, `/api/stream/BYTES` with so many bytes, a POST to
 * `/api/sink` with how many it got, `/token` with a token. It says its port.
 */
import { createServer } from "node:http";
import { serve } from "./processes.mjs";

/** @type {Map<number, string>} */
const answers = new Map();

/** Items of a list, as an API gives them. @param {number} bytes */
function answerOf(bytes) {
  const known = answers.get(bytes);
  if (known !== undefined) return known;
  const item = { id: "itm_0123456789", name: "An item of a list", price: 12.5, tags: ["one", "two"], note: "x".repeat(20) };
  const length = JSON.stringify(item).length + 1;
  const items = Array.from({ length: Math.max(1, Math.floor((bytes - 30) / length)) }, (_, number) => ({ ...item, number }));
  const made = JSON.stringify({ items, total: items.length });
  answers.set(bytes, made);
  return made;
}

const piece = Buffer.alloc(64 * 1024, "a");

const server = createServer((request, response) => {
  const [, , what, size = "0"] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
  if (what === "stream") return void pour(response, Number(size));
  if (what === "sink") return void drain(request, response);
  request.resume();
  const body = answerOf(Number(size));
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
});

/** @param {import("node:http").ServerResponse} response @param {number} bytes */
async function pour(response, bytes) {
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
  /** Called when more can be written, or nothing any more. */
  let goOn = () => {};
  response.on("drain", () => goOn()).once("close", () => goOn());
  for (let left = bytes; left > 0 && !response.destroyed; left -= piece.length) {
    if (!response.write(left < piece.length ? piece.subarray(0, left) : piece))
      await new Promise((done) => {
        goOn = () => done(undefined);
      });
  }
  response.end();
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
async function drain(request, response) {
  let size = 0;
  for await (const chunk of request) size += chunk.length;
  response.end(String(size));
}

server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  serve(address !== null && typeof address === "object" ? address.port : 0, []);
});
