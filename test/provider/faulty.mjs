// @ts-check
/*
 * An authorization server (the package oauth2-mock-server) whose answers go wrong on demand, in a process of its own. It prints its port as
 * one line of JSON. It takes any client and any token; what it is for is the faults. The first segment of a path is a lane: faults and
 * the log of requests belong to one lane. Everything under /control is for the tests.
 */
import { createServer } from "node:http";
import { OAuth2Issuer, OAuth2Service } from "oauth2-mock-server";

/** @typedef {import("node:http").IncomingMessage} Incoming */
/** @typedef {import("node:http").ServerResponse} Outgoing */
/**
 * What happens to the next `times` token requests. `status` and `body` replace those of the answer, `members` join its body; `headers` are
 * added; the others are what becomes of it on the way.
 * @typedef {{
 *   times: number, status?: number, body?: Record<string, unknown>, members?: Record<string, unknown>, headers?: Record<string, string>,
 *   way?: "reset" | "lost" | "cut" | "half" | "drip" | "page" | "empty" | "misnamed" | "not gzip"
 * }} Fault
 */
/** @typedef {{ path: string, body: string, authorization: string | undefined }} Seen */

/** @type {Map<string, Fault[]>} */
const faults = new Map();
/** @type {Map<string, Seen[]>} */
const log = new Map();
/** @type {Set<string>} */
const issued = new Set();
/** @type {WeakMap<Incoming, Fault>} */
const current = new WeakMap();

const issuer = new OAuth2Issuer();
await issuer.keys.generate("RS256");
const service = new OAuth2Service(issuer);

service.on("beforeResponse", (answer, request) => {
  const fault = current.get(request);
  if (fault?.members && answer.body !== "") Object.assign(answer.body, fault.members);
  if (fault?.status) answer.statusCode = fault.status;
  if (fault?.body) answer.body = fault.body;
  const token = answer.body === "" ? undefined : answer.body.access_token;
  if (typeof token === "string") issued.add(token);
});

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What becomes of a whole answer on its way. @type {Record<NonNullable<Fault["way"]>, (response: Outgoing, body: Buffer) => unknown>} */
const ways = {
  reset: ({ socket }) => socket?.resetAndDestroy(),
  // As `reset`, but the token request was carried out.
  lost: ({ socket }) => socket?.resetAndDestroy(),
  cut(response, body) {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
  },
  half: (response, body) =>
    response.writeHead(200, { "content-type": "application/json" }).end(body.subarray(0, body.length / 2)),
  async drip(response, body) {
    response.writeHead(200, { "content-type": "application/json" });
    for (let at = 0; at < body.length; at += 50) {
      response.write(body.subarray(at, at + 50));
      await pause(20);
    }
    response.end();
  },
  page: (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html><h1>We will be back</h1></html>"),
  empty: (response) => response.writeHead(200).end(),
  misnamed: (response, body) => response.writeHead(200, { "content-type": "text/html" }).end(body),
  "not gzip": (response, body) =>
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(body),
};

/** Lets the service answer, and takes the answer out of its hands. @param {Outgoing} response @param {NonNullable<Fault["way"]>} way */
function waylay(response, way) {
  const { end } = response;
  response.end = /** @type {Outgoing["end"]} */ (
    (/** @type {unknown} */ chunk) => {
      response.end = end;
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      ways[way](response, Buffer.from(/** @type {string} */ (chunk ?? "")));
      return response;
    }
  );
}

/** @param {Incoming} request @returns {Promise<string>} */
async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

/** @param {string} name @param {Incoming} request @param {Outgoing} response */
function control(name, request, response) {
  return bodyOf(request).then((body) => {
    const lane = decodeURIComponent(name);
    if (request.method === "POST") faults.set(lane, JSON.parse(body));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(log.get(lane) ?? []));
  });
}

/** @param {Incoming} request @param {Outgoing} response */
function api({ headers }, response) {
  const known = issued.has((headers.authorization ?? "").replace(/^Bearer /, ""));
  response.writeHead(known ? 200 : 401, { "content-type": "application/json" });
  response.end(JSON.stringify(known ? { id: 1, name: "Ada" } : { error: "invalid_token" }));
}

const server = createServer((request, response) => {
  const [, lane = "", path = "/"] = /^\/([^/?]+)(.*)$/.exec(request.url ?? "") ?? [];
  if (lane === "control") return void control(path.slice(1), request, response);
  const seen = log.get(lane) ?? [];
  log.set(lane, seen);
  /** @type {Seen} */
  const one = { path: path.split("?")[0] ?? "", body: "", authorization: request.headers.authorization };
  seen.push(one);
  if (one.path.startsWith("/api")) return api(request, response);
  request.on("data", (chunk) => {
    one.body += chunk;
  });
  request.url = path;
  const fault = one.path === "/token" ? faults.get(lane)?.find(({ times }) => times > 0) : undefined;
  if (fault !== undefined) {
    fault.times -= 1;
    current.set(request, fault);
    for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
    if (fault.way === "reset") return void ways.reset(response, Buffer.alloc(0));
    if (fault.way !== undefined) waylay(response, fault.way);
  }
  service.requestHandler(request, response);
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  issuer.url = `http://127.0.0.1:${port}`;
  process.stdout.write(`${JSON.stringify({ issuer: issuer.url })}\n`);
});
