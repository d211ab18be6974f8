import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect as openSocket } from "node:net";
import type { Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { draft } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { until } from "./harness/wait.ts";

/*
 * The proxy route between a caller and a provider that both are this process, so that either can stop, break off or look at any moment.
 */

jest.setTimeout(120_000);

const mib = 1024 * 1024;

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** What the provider does with the next requests of the API, and what it saw. */
let answer: Handler;
let seen: IncomingMessage[] = [];
let tokens = 0;
let lifetime = 3600;

let product: Product;
let id: string;

const manifest = (url: string) => `manifest: 1
name: acme
title: Acme
base_url: ${url}/api
auth:
  oauth:
    type: oauth2
    grant: client_credentials
    client: { source: connection }
    token: { url: "${url}/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
`;

const tokenOf = (number: number) => `canary-token-${number}-${"x".repeat(20)}`;

beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.url === "/token") {
      tokens += 1;
      response.setHeader("content-type", "application/json");
      return void response.end(JSON.stringify({ access_token: tokenOf(tokens), token_type: "Bearer", expires_in: lifetime }));
    }
    if (request.url === "/api/me") return void response.end('{"name":"Ada"}');
    seen.push(request);
    // A caller that goes away ends what is written and read here with an error; the tests look at the caller's side.
    Promise.resolve(answer(request, response)).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  afterwards(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  product = await startProduct({ connectors: { acme: manifest(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) } });
  ({ id } = await draft(product, "acme", { fields: { client_id: "me", client_secret: "canary-client-secret" } }));
});
afterAll(cleanup);
beforeEach(() => {
  seen = [];
});

interface Given {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Opens a request of the proxy route; nothing is read or sent yet. */
function open({ method = "GET", path = "/x", headers = {} }: Given = {}) {
  const { hostname, port } = new URL(product.url);
  const request = httpRequest({
    ...{ hostname, port, method, agent: false },
    path: `/v1/connections/${id}/proxy${path}`,
    headers: { authorization: `Bearer ${product.adminKey}`, ...headers },
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  response.catch(() => {});
  return { request, response };
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function ask(given: Given = {}, body?: string | Buffer) {
  const { request, response } = open(given);
  request.end(body);
  const got = await response;
  return { status: got.statusCode, headers: got.headers, raw: got.rawHeaders, text: await read(got) };
}

const events = async () => (await product.get(`/v1/connections/${id}/events?limit=1`)).json.items;

/** Bytes of one kind without an end, as fast as they are taken. */
async function pour(response: ServerResponse, bytes: number, tell: (sent: number) => void = () => {}): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, "a");
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (response.destroyed) return;
    tell(sent);
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

/** Resolves when more can be written, or nothing any more. */
async function drained(writable: Writable): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(writable, "drain", { signal }), once(writable, "close", { signal })]).finally(() => over.abort());
}

/** Kilobytes that the product holds, now or at most. */
const memory = (of: "VmRSS" | "VmHWM") =>
  Number(new RegExp(`^${of}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${product.pid}/status`, "utf8"))?.[1]);

/** As much as a machine's memory has, in small: what is held would show. */
const much = 128 * mib;

describe("A large body", () => {
  const onLinux = process.platform === "linux" ? test : test.skip;

  onLinux("goes through, to the provider and back, without being held", async () => {
    answer = async (request, response) => {
      response.writeHead(200, { "content-length": much });
      for await (const chunk of request) if (!response.write(chunk)) await drained(response);
      response.end();
    };
    // What one request takes is there already.
    await ask({ method: "POST" }, Buffer.alloc(mib)).catch(() => {});
    const before = memory("VmRSS");
    const { request, response } = open({ method: "POST", headers: { "content-length": String(much) } });
    const piece = Buffer.alloc(64 * 1024, "a");
    const sending = (async () => {
      for (let sent = 0; sent < much; sent += piece.length) if (!request.write(piece)) await drained(request);
      request.end();
    })();
    let size = 0;
    const got = await response;
    for await (const chunk of got) size += (chunk as Buffer).length;
    await sending;
    expect([got.statusCode, got.headers["content-length"], size]).toEqual([200, String(much), much]);
    expect(memory("VmHWM") - before).toBeLessThan(60 * 1024);
  });

  test("is taken from the provider no faster than the caller reads it", async () => {
    let provider: ServerResponse | undefined;
    let written = 0;
    answer = (_request, response) => {
      provider = response;
      return pour(response, much, (sent) => {
        written = sent;
      });
    };
    const { request, response } = open();
    request.end();
    const got = await response;
    let last = -1;
    // The provider is stopped when it waits, and has waited since the last look.
    const stopped = await until("the provider waits", () => {
      const waits = provider?.writableNeedDrain === true && written === last;
      last = written;
      return waits ? written : undefined;
    });
    expect(stopped).toBeLessThan(much / 4);
    let size = 0;
    for await (const chunk of got) size += (chunk as Buffer).length;
    expect(size).toBe(much);
  });

  test("reaches the provider while the caller still sends it", async () => {
    let arrived = 0;
    answer = async (request, response) => {
      for await (const chunk of request) arrived += (chunk as Buffer).length;
      response.end(String(arrived));
    };
    const { request, response } = open({ method: "PUT" });
    request.write(Buffer.alloc(3 * mib));
    await until("the first half to arrive", () => arrived >= 3 * mib);
    request.end(Buffer.alloc(3 * mib));
    expect(await read(await response)).toBe(String(6 * mib));
    expect(seen[0]?.headers).toMatchObject({ "transfer-encoding": "chunked" });
  });

  test("keeps the length that the caller announced", async () => {
    answer = async (request, response) => void response.end(String((await read(request)).length));
    const { text } = await ask({ method: "PUT" }, Buffer.alloc(3 * mib, "a"));
    expect([text, seen[0]?.headers["content-length"], seen[0]?.headers["transfer-encoding"]]).toEqual([
      String(3 * mib),
      String(3 * mib),
      undefined,
    ]);
  });

  test("is answered as soon as the provider answers, also before it is sent", async () => {
    answer = (_request, response) => void response.writeHead(413).end("too much");
    const { request, response } = open({ method: "PUT", headers: { "content-length": String(much) } });
    request.on("error", () => {});
    request.write(Buffer.alloc(2 * mib));
    const got = await response;
    expect([got.statusCode, got.headers.connection]).toEqual([413, "close"]);
    request.destroy();
  });
});

describe("An answer that takes its time", () => {
  test("is passed on piece by piece, also where a secret could begin", async () => {
    let further: (text: string) => void = () => {};
    answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      further = (text) => void (text === "" ? response.end() : response.write(text));
    };
    const { request, response } = open();
    request.end();
    const got = await response;
    let heard = "";
    got.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    further("data: 1\n\n");
    await until("the first event", () => heard === "data: 1\n\n");
    // The token begins like this; what follows shows that it is not the token.
    further("data: canary-tok");
    further("e\n\n");
    await until("the second event", () => heard.endsWith("data: canary-toke\n\n"));
    further("");
    await until("the end", () => got.complete);
  });

  test("has no secret in it, wherever it is cut", async () => {
    const token = tokenOf(tokens);
    const text = `{"echo":"Bearer ${token}","basic":"${Buffer.from(token).toString("base64")}","end":true}`;
    answer = async (_request, response) => {
      response.writeHead(200, { "content-length": text.length, "x-echo": `a ${token} b` });
      for (const character of text) {
        response.write(character);
        await new Promise((done) => setImmediate(done));
      }
      response.end();
    };
    const { text: got, headers } = await ask();
    expect(got).not.toContain("canary-token");
    expect([got.length, headers["content-length"]]).toEqual([text.length, String(text.length)]);
    expect(JSON.parse(got)).toEqual({
      echo: `Bearer ${"[redacted]".padEnd(token.length, "*")}`,
      basic: expect.any(String),
      end: true,
    });
    expect(got).not.toContain(Buffer.from(token).toString("base64").slice(0, 12));
    expect(headers["x-echo"]).toBe("a [redacted] b");
  });

  test("is searched for secrets behind its compression, too", async () => {
    answer = (_request, response) =>
      void response.writeHead(200, { "content-encoding": "gzip", etag: '"z"' }).end(gzipSync(`token ${tokenOf(tokens)}.`));
    const { text, headers } = await ask();
    expect(text).toMatch(/^token \[redacted\]\*+\.$/);
    expect([headers["content-encoding"], headers["content-length"], headers.etag]).toEqual([undefined, undefined, '"z"']);
  });
});

describe("Whoever breaks off", () => {
  for (const [length, what] of [
    [undefined, "of unknown length"],
    [String(much), "of known length"],
  ] as const)
    test(`as a provider in the middle of an answer ${what} breaks the caller's answer`, async () => {
      let held: ServerResponse | undefined;
      answer = (_request, response) => {
        held = response;
        response.writeHead(200, length === undefined ? {} : { "content-length": length });
        response.write("the beginning");
      };
      const { request, response } = open();
      request.end();
      const got = await response;
      const reading = read(got).then(
        () => "ended well",
        (error: NodeJS.ErrnoException) => error.code,
      );
      await until("the beginning", () => got.readableFlowing !== null);
      held?.socket?.destroy();
      expect(await reading).toBe("ECONNRESET");
      expect((await events())[0]).toMatchObject({ type: "failed", action: "proxy", code: "provider_unavailable" });
    });

  test("as a provider before its answer is a problem with its code", async () => {
    answer = (_request, response) => void response.destroy();
    const { status, text } = await ask();
    expect([status, JSON.parse(text).code]).toEqual([502, "provider_unavailable"]);
  });

  test("as a caller in the middle of the answer ends the provider's work", async () => {
    let closed = false;
    answer = (_request, response) => {
      response.once("close", () => {
        closed = !response.writableFinished;
      });
      return pour(response, much);
    };
    const { request, response } = open();
    request.end();
    (await response).once("data", () => request.destroy());
    await until("the provider to be told", () => closed);
    expect(
      await until("the event", async () => (await events()).find(({ code }: { code?: string }) => code === "caller_gone")),
    ).toMatchObject({
      type: "failed",
      action: "proxy",
    });
  });

  test("as a caller in the middle of the request ends it at the provider", async () => {
    let arrived = 0;
    let outcome: string | undefined;
    answer = async (request) => {
      try {
        for await (const chunk of request) arrived += (chunk as Buffer).length;
        outcome = "whole";
      } catch {
        outcome = "broken";
      }
    };
    const { request } = open({ method: "POST", headers: { "content-length": String(4 * mib) } });
    request.on("error", () => {});
    request.write(Buffer.alloc(2 * mib));
    await until("something to arrive", () => arrived > 0);
    request.destroy();
    expect(await until("the provider to be told", () => outcome)).toBe("broken");
  });
});

describe("A credential that the provider no longer takes", () => {
  const refuseOnce = () => {
    const refused = tokenOf(tokens);
    answer = async (request, response) => {
      const body = await read(request);
      if (request.headers.authorization === `Bearer ${refused}`) response.statusCode = 401;
      response.end(String(body.length));
    };
  };

  test("is replaced, and a small body sent again", async () => {
    refuseOnce();
    const { status, text } = await ask({ method: "POST" }, "x".repeat(1000));
    expect([status, text, seen.length]).toEqual([200, "1000", 2]);
  });

  test("is replaced for the next request, where the body was large and is gone", async () => {
    refuseOnce();
    const first = await ask({ method: "POST" }, Buffer.alloc(2 * mib, "x"));
    expect([first.status, seen.length]).toEqual([401, 1]);
    const second = await ask({ method: "POST" }, Buffer.alloc(2 * mib, "x"));
    expect([second.status, second.text, seen.length]).toEqual([200, String(2 * mib), 2]);
  });

  test("is replaced before a large body is sent when it ends soon, and not before a small one", async () => {
    lifetime = 70;
    await product.post(`/v1/connections/${id}/refresh`);
    lifetime = 3600;
    // Seven seconds are the margin in which it is not sent at all; the next ten are those in which it would do.
    const short = tokenOf(tokens);
    answer = async (request, response) => {
      await read(request);
      response.end(request.headers.authorization);
    };
    const small = await ask({ method: "POST" }, "x");
    expect(small.text).toMatch(/redacted/);
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${short}`);
    await until(
      "the token to be near its end",
      async () => {
        await ask({ method: "POST" }, Buffer.alloc(2 * mib));
        return seen.at(-1)?.headers.authorization !== `Bearer ${short}`;
      },
      { timeout: 60_000 },
    );
    expect(tokens).toBe(Number(short.split("-")[2]) + 1);
  });
});

describe("What HTTP says of an answer is kept", () => {
  test("by HEAD: its length, and no body", async () => {
    answer = (_request, response) => void response.writeHead(200, { "content-length": "12345", etag: '"1"' }).end();
    const { status, headers, text } = await ask({ method: "HEAD" });
    expect([status, headers["content-length"], headers.etag, text, seen[0]?.method]).toEqual([200, "12345", '"1"', "", "HEAD"]);
  });

  test("204, without a body or a length", async () => {
    answer = (_request, response) => void response.writeHead(204).end();
    const { status, headers, text } = await ask({ method: "DELETE" });
    expect([status, headers["content-length"], headers["transfer-encoding"], text]).toEqual([204, undefined, undefined, ""]);
  });

  test("304 for an ETag that the caller knows", async () => {
    answer = (request, response) =>
      void response.writeHead(request.headers["if-none-match"] === '"1"' ? 304 : 200, { etag: '"1"' }).end();
    const { status, headers, text } = await ask({ headers: { "if-none-match": '"1"' } });
    expect([status, headers.etag, text]).toEqual([304, '"1"', ""]);
  });

  test("206 for a part, which is asked for as it is, not compressed", async () => {
    answer = (_request, response) => void response.writeHead(206, { "content-range": "bytes 2-4/10" }).end("cde");
    const { status, headers, text } = await ask({ headers: { range: "bytes=2-4", "if-range": '"1"', "accept-encoding": "br" } });
    expect([status, headers["content-range"], text]).toEqual([206, "bytes 2-4/10", "cde"]);
    expect(seen[0]?.headers).toMatchObject({ range: "bytes=2-4", "if-range": '"1"', "accept-encoding": "identity" });
  });

  test("headers that come more than once, both ways", async () => {
    answer = (_request, response) => void response.writeHead(200, { link: ["<a>; rel=next", "<b>; rel=last"] }).end();
    const { raw } = await ask({ headers: { "x-many": ["one", "two"] } });
    expect(raw.filter((_, index) => raw[index - 1]?.toLowerCase() === "link")).toEqual(["<a>; rel=next", "<b>; rel=last"]);
    expect(seen[0]?.headersDistinct["x-many"]).toEqual(["one", "two"]);
  });

  test("but not what is about the provider's connection, nor what that names", async () => {
    answer = (_request, response) =>
      void response
        .writeHead(200, { connection: "keep-alive, X-Hop", "x-hop": "1", "x-end": "1", "proxy-authenticate": "Basic" })
        .end();
    const { headers } = await ask();
    expect([headers["x-hop"], headers["proxy-authenticate"], headers["x-end"]]).toEqual([undefined, undefined, "1"]);
  });
});

describe("A request", () => {
  for (const method of ["OPTIONS", "PROPFIND", "REPORT", "MERGE"])
    test(`may be ${method}`, async () => {
      answer = async (request, response) => void response.end(`${request.method} ${await read(request)}`);
      expect((await ask({ method, headers: { "content-length": "5" } }, "hello")).text).toBe(`${method} hello`);
    });

  test("carries the headers that APIs ask for, and none that is about the caller or its connection", async () => {
    answer = (_request, response) => void response.end();
    const kept = {
      "notion-version": "2022-06-28",
      "dropbox-api-arg": "{}",
      "content-encoding": "gzip",
      depth: "1",
      "x-own": "1",
    };
    await ask({
      method: "POST",
      headers: {
        ...kept,
        cookie: "__Host-jackfield=canary",
        connection: "close, x-hop",
        "x-hop": "1",
        te: "trailers",
        "x-forwarded-for": "10.1.1.1",
        forwarded: "for=10.1.1.1",
        "cf-connecting-ip": "10.1.1.1",
        via: "1.1 here",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-connect-session": "canary-session",
        "jackfield-workflow": "mine",
        "proxy-authorization": "Basic canary",
        "sec-fetch-site": "none",
      },
    });
    const headers = seen[0]?.headers ?? {};
    expect(headers).toMatchObject(kept);
    expect(headers.authorization).toBe(`Bearer ${tokenOf(tokens)}`);
    expect(Object.keys(headers).sort()).toEqual(
      [...Object.keys(kept), "accept-encoding", "authorization", "connection", "content-length", "host", "user-agent"].sort(),
    );
    expect(JSON.stringify(headers)).not.toMatch(/canary-session|__Host|10\.1\.1\.1|Basic|mine/);
  });

  test("to open a websocket is refused, and the provider sees nothing of it", async () => {
    const { hostname, port } = new URL(product.url);
    const text = await new Promise<string>((resolve, reject) => {
      let got = "";
      const socket = openSocket({ host: hostname, port: Number(port) }, () =>
        socket.write(
          `GET /v1/connections/${id}/proxy/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${product.adminKey}\r\nConnection: Upgrade, close\r\n` +
            "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        ),
      );
      socket.on("data", (chunk) => {
        got += chunk.toString();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(got));
    });
    expect(text).toMatch(/^HTTP\/1\.1 501 /);
    expect(text).toContain('"upgrade_refused"');
    expect(seen).toEqual([]);
  });

  test("that offers HTTP/2 in passing is answered as it is", async () => {
    answer = (_request, response) => void response.end("fine");
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
    expect((await ask({ headers })).text).toBe("fine");
    expect([seen[0]?.headers.upgrade, seen[0]?.headers["http2-settings"]]).toEqual([undefined, undefined]);
  });
});
