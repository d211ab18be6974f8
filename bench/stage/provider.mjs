// @ts-check
/*
 * A token endpoint that does nothing but answer, so that it is the last to be out of breath. It says its port, and when each request came.
 */
import { createServer } from "node:http";
import { now, serve } from "./processes.mjs";

/** @type {number[]} */
const times = [];
let issued = 0;

/** As long as tokens mostly are. @param {string} kind */
function token(kind) {
  issued += 1;
  return `${kind}-${issued}-`.padEnd(64, "0123456789abcdef");
}

const server = createServer((request, response) => {
  request.resume().once("end", () => {
    times.push(now());
    const answer = { access_token: token("at"), refresh_token: token("rt"), token_type: "Bearer", expires_in: 3600 };
    const body = JSON.stringify(answer);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  serve(address !== null && typeof address === "object" ? address.port : 0, times);
});
