// @ts-check
/*
 * What a team would write in an afternoon: express 5, undici, the body piped, a token added. No store, no whitelist, no log. It says its port.
 */
import express from "express";
import { Agent, request as send } from "undici";
import { given, serve } from "./processes.mjs";

const { upstream, token } = given();
const dispatcher = new Agent({ connections: 128, pipelining: 1 });
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.all("/{*path}", async (request, response) => {
  const method = /** @type {import("undici").Dispatcher.HttpMethod} */ (request.method);
  const headers = { authorization: `Bearer ${token}`, accept: request.headers.accept ?? "*/*" };
  const hasBody = method !== "GET" && method !== "HEAD";
  const answer = await send(`${upstream}${request.url}`, { dispatcher, method, headers, ...(hasBody ? { body: request } : {}) });
  response.status(answer.statusCode);
  for (const name of ["content-type", "content-length"]) {
    const value = answer.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  answer.body.pipe(response);
});
const server = app.listen(0, "127.0.0.1", () => {
  const address = server.address();
  serve(address !== null && typeof address === "object" ? address.port : 0, []);
});
server.keepAliveTimeout = 120_000;
