import { createServer, type Server, type Socket } from "node:net";
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { createEgress, type Egress, type EgressRequest } from "../../src/egress/egress.ts";
import { closeListeners, errorOf, get, type Listener, listen } from "./listener.ts";

const servers: { server: Server; sockets: Set<Socket> }[] = [];
let egress: Egress;

/** A server below HTTP: it gets the socket, and says what it likes. */
async function listenRaw(handle: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

/** A server that answers the first bytes it gets with this text. */
function answering(text: string): Promise<number> {
  return listenRaw((socket) => socket.once("data", () => socket.end(text)));
}

beforeEach(() => {
  egress = createEgress({ allowPrivate: ["127.0.0.0/8"] }, { connectTimeout: 300 });
});
afterEach(async () => {
  await closeListeners();
  await egress.close();
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

const to = (port: number, more: Partial<EgressRequest> = {}): EgressRequest =>
  get(`http://127.0.0.1:${port}/path?token=canary`, more);

async function serving(body: Buffer | string, headers: Record<string, string>): Promise<Listener> {
  return listen((_request, response) => response.writeHead(200, headers).end(body));
}

/** Waits, at most a second, until something is so. */
async function eventually(holds: () => boolean): Promise<boolean> {
  for (let count = 0; count < 100 && !holds(); count++) await new Promise((resolve) => setTimeout(resolve, 10));
  return holds();
}

const text = "Jackfield ".repeat(1000);
const megabyte = 1 << 20;
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

describe("A body is decoded", () => {
  test.each<[string, Buffer, string]>([
    ["gzip", gzipSync(text), "gzip"],
    ["x-gzip", gzipSync(text), "x-gzip"],
    ["GZIP in capitals", gzipSync(text), "GZIP"],
    ["deflate with zlib's header", deflateSync(text), "deflate"],
    ["deflate without it", deflateRawSync(text), "deflate"],
    ["br", brotliCompressSync(text), "br"],
    ["identity", Buffer.from(text), "identity"],
    ["gzip in gzip", gzipSync(gzipSync(text)), "gzip, gzip"],
    ["gzip, then br", brotliCompressSync(gzipSync(text)), "gzip,br"],
    ["two gzip members", Buffer.concat([gzipSync(text.slice(0, 5000)), gzipSync(text.slice(5000))]), "gzip"],
  ])("%s", async (_name, body, coding) => {
    const listener = await serving(body, { "content-encoding": coding });
    const answer = await egress.send(to(listener.port));
    expect(answer.body.toString()).toBe(text);
    if (coding !== "identity")
      expect([answer.headers["content-encoding"], answer.headers["content-length"]]).toEqual([undefined, undefined]);
  });

  test("An unknown encoding is handed on as it came, with its header", async () => {
    const listener = await serving("whatever", { "content-encoding": "utf-8" });
    const answer = await egress.send(to(listener.port));
    expect([answer.body.toString(), answer.headers["content-encoding"]]).toEqual(["whatever", "utf-8"]);
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
    ["GET", 200],
  ])("An empty answer to %s with %d may name an encoding", async (method, status) => {
    const listener = await listen((_request, response) => response.writeHead(status, { "content-encoding": "gzip" }).end());
    const answer = await egress.send(to(listener.port, { method }));
    expect([answer.status, answer.body.length]).toEqual([status, 0]);
  });

  test("More than two encodings are refused", async () => {
    const listener = await serving(gzipSync(gzipSync(gzipSync(text))), { "content-encoding": "gzip, gzip, gzip" });
    const error = await errorOf(egress.send(to(listener.port)));
    expect([error.code, error.message]).toEqual(["provider_unavailable", "The provider encoded its answer 3 times over."]);
  });

  test.each<[string, Buffer, string]>([
    ["not gzip at all", Buffer.from("canary, plain"), "gzip"],
    ["cut gzip", gzipSync(text).subarray(0, 40), "gzip"],
    ["damaged deflate", Buffer.concat([Buffer.from([0x78, 0x9c]), Buffer.alloc(50, 0xff)]), "deflate"],
    ["damaged br", Buffer.alloc(50, 0xff), "br"],
  ])("%s is an error that names the host", async (_name, body, coding) => {
    const listener = await serving(body, { "content-encoding": coding });
    const error = await errorOf(egress.send(to(listener.port)));
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: true }]);
    expect(error.message).toContain(`The answer of 127.0.0.1:${listener.port} cannot be decoded`);
  });
});

describe("A body that is too large is not read to its end", () => {
  test("A gzip bomb of 200 MB stops near the limit, and its connection is closed", async () => {
    let closed = false;
    const listener = await listen((_request, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(200, { "content-encoding": "gzip" });
      const gzip = createGzip();
      gzip.pipe(response);
      const block = Buffer.alloc(megabyte);
      let left = 200;
      const write = (): void => {
        while (left > 0 && !response.destroyed) {
          left -= 1;
          if (!gzip.write(block)) return;
        }
        gzip.end();
      };
      gzip.on("drain", write);
      write();
    });
    const answer = await egress.stream(to(listener.port, { maxBytes: megabyte }));
    let size = 0;
    const error = await errorOf(
      (async () => {
        for await (const chunk of answer.body) size += chunk.length;
      })(),
    );
    expect([error.code, error.message]).toEqual([
      "provider_answer_too_large",
      "The provider's answer is larger than 1048576 bytes.",
    ]);
    expect(size).toBeLessThanOrEqual(megabyte);
    expect(await eventually(() => closed)).toBe(true);
  });

  test.each<[string, () => Buffer, string]>([
    ["gzip", () => gzipSync(Buffer.alloc(64 * megabyte)), "gzip"],
    ["deflate", () => deflateSync(Buffer.alloc(64 * megabyte)), "deflate"],
    ["br", () => brotliCompressSync(Buffer.alloc(64 * megabyte), quick), "br"],
    ["gzip in gzip", () => gzipSync(gzipSync(Buffer.alloc(64 * megabyte))), "gzip, gzip"],
  ])("A bomb in %s is refused", async (_name, bomb, coding) => {
    const listener = await serving(bomb(), { "content-encoding": coding });
    const before = process.memoryUsage().arrayBuffers;
    const error = await errorOf(egress.send(to(listener.port, { maxBytes: megabyte })));
    expect(error.code).toBe("provider_answer_too_large");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * megabyte);
  });

  test("An endless stream of gzip members that hold nothing is refused", async () => {
    const empty = Buffer.concat(Array.from({ length: 1000 }, () => gzipSync("")));
    const listener = await listen((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const write = (): void => {
        while (!response.destroyed && response.write(empty));
      };
      response.on("drain", write);
      write();
    });
    const error = await errorOf(egress.send(to(listener.port, { maxBytes: 10_000 })));
    expect(error.code).toBe("provider_answer_too_large");
  });

  test.each([
    ["with its length told", true],
    ["in chunks", false],
  ])("A plain body %s may have exactly the limit's size, and not one byte more", async (_name, told) => {
    const listener = await listen((_request, response) => {
      if (told) response.setHeader("content-length", 100_000);
      for (let count = 0; count < 10; count++) response.write(Buffer.alloc(10_000));
      response.end();
    });
    const answer = await egress.send(to(listener.port, { maxBytes: 100_000 }));
    expect(answer.body.length).toBe(100_000);
    const error = await errorOf(egress.send(to(listener.port, { maxBytes: 99_999 })));
    expect([error.code, error.members]).toEqual(["provider_answer_too_large", { sent: true }]);
  });

  test("Incompressible bytes of the limit's size arrive through gzip", async () => {
    const body = Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7919 * index) & 0xff));
    const listener = await serving(gzipSync(body, { level: 0 }), { "content-encoding": "gzip" });
    const answer = await egress.send(to(listener.port, { maxBytes: body.length }));
    expect(answer.body.equals(body)).toBe(true);
  });

  test("A large body arrives whole when the limit allows it", async () => {
    const body = Buffer.alloc(20 * megabyte, "0123456789");
    const listener = await serving(body, {});
    const answer = await egress.send(to(listener.port, { maxBytes: 32 * megabyte }));
    expect(answer.body.equals(body)).toBe(true);
  });

  test("Headers that are too large are refused", async () => {
    const port = await answering(`HTTP/1.1 200 OK\r\nx-large: ${"a".repeat(100_000)}\r\n\r\n`);
    const error = await errorOf(egress.send(to(port)));
    expect([error.code, error.members]).toEqual(["provider_answer_too_large", { sent: true }]);
  });
});

describe("Nothing takes longer than the timeout", () => {
  test.each<[string, (socket: Socket) => void]>([
    ["says nothing", () => {}],
    ["sends its headers one by one", (socket) => drip(socket, "HTTP/1.1 200 OK\r\n", "x: y\r\n")],
    ["drips its body", (socket) => drip(socket, "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n", "a")],
    ["sends 1xx answers for ever", (socket) => drip(socket, "", "HTTP/1.1 102 Processing\r\n\r\n")],
  ])("A server that %s", async (_what, handle) => {
    const port = await listenRaw(handle);
    const start = Date.now();
    const error = await errorOf(egress.send(to(port, { timeout: 150 })));
    expect([error.code, error.message, error.members]).toEqual([
      "provider_timeout",
      `127.0.0.1:${port} did not answer within 150 ms.`,
      { sent: true },
    ]);
    expect(Date.now() - start).toBeLessThan(30_000);
  });

  test("A resolver that says nothing; the request was surely not sent", async () => {
    const out = createEgress({ allowPrivate: [] }, { resolve: () => new Promise(() => {}) });
    const error = await errorOf(out.send(get("https://api.example/", { timeout: 50 })));
    expect([error.code, error.message, error.members]).toEqual([
      "provider_timeout",
      "api.example did not answer within 50 ms.",
      { sent: false },
    ]);
  });

  test("A TLS handshake that never ends; the request was surely not sent", async () => {
    const port = await listenRaw(() => {});
    const error = await errorOf(egress.send(get(`https://127.0.0.1:${port}/`, { timeout: 10_000 })));
    expect([error.code, error.message, error.members]).toEqual([
      "provider_timeout",
      `127.0.0.1:${port} did not accept a connection within 300 ms.`,
      { sent: false },
    ]);
  });

  test("A request that timed out while it waited for its connection is not sent afterwards", async () => {
    const listener = await listen();
    let answer: (list: { address: string; family: number }[]) => void = () => {};
    const resolve = (): Promise<{ address: string; family: number }[]> =>
      new Promise((done) => {
        answer = done;
      });
    const out = createEgress({ allowPrivate: ["127.0.0.1"] }, { resolve });
    await errorOf(out.send(get(`http://api.example:${listener.port}/`, { timeout: 30 })));
    answer([{ address: "127.0.0.1", family: 4 }]);
    await eventually(() => listener.connections() > 0);
    await new Promise((done) => setTimeout(done, 30));
    expect(listener.seen).toEqual([]);
    await out.close();
  });

  test("except where only silence counts: then it may take any time, but not stand still", async () => {
    let further: (() => void) | undefined;
    const listener = await listen((_request, response) => {
      response.write("1");
      further = () => void response.write("2");
    });
    const { body } = await egress.stream(to(listener.port, { timeout: 3_000, counts: "silence" }));
    const began = performance.now();
    const chunks: string[] = [];
    const error = await errorOf(
      (async () => {
        for await (const chunk of body) {
          chunks.push(chunk.toString());
          // Each piece comes well within the time, all of them together do not.
          if (chunks.length < 8) setTimeout(() => further?.(), 500);
        }
      })(),
    );
    expect([error.code, chunks.length]).toEqual(["provider_timeout", 8]);
    expect(performance.now() - began).toBeGreaterThan(3_000);
  }, 30_000);

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("A timeout of %d is refused", async (timeout) => {
    const error = await errorOf(egress.send(get("https://api.example/", { timeout })));
    expect(error.code).toBe("request_invalid");
  });
});

function drip(socket: Socket, first: string, then: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(then), 20);
  socket.on("close", () => clearInterval(timer));
}

describe("A failure tells whether the request may have been processed", () => {
  test("Nobody listens: it was not sent", async () => {
    const listener = await listen();
    await closeListeners();
    const error = await errorOf(egress.send(to(listener.port)));
    expect([error.code, error.message, error.members]).toEqual([
      "provider_unavailable",
      `The connection to 127.0.0.1:${listener.port} failed (ECONNREFUSED).`,
      { sent: false },
    ]);
  });

  test.each([
    ["does not exist", "ENOTFOUND", "The host name of api.example is not known."],
    ["cannot be looked up", "EAI_AGAIN", "The host name of api.example could not be looked up."],
  ])("A name that %s: it was not sent", async (_what, code, message) => {
    const resolve = async (): Promise<never> => {
      throw Object.assign(new Error("dns"), { code });
    };
    const error = await errorOf(createEgress({ allowPrivate: [] }, { resolve }).send(get("https://api.example/?a=canary")));
    expect([error.code, error.message, error.members]).toEqual(["provider_unavailable", message, { sent: false }]);
  });

  test("A name without addresses: it was not sent", async () => {
    const error = await errorOf(
      createEgress({ allowPrivate: [] }, { resolve: async () => [] }).send(get("https://api.example/")),
    );
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: false }]);
  });

  test.each<[string, (socket: Socket) => void]>([
    ["closes after the request", (socket) => socket.once("data", () => socket.end())],
    ["resets after the request", (socket) => socket.once("data", () => socket.resetAndDestroy())],
    ["closes within the headers", (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nx:"))],
    [
      "closes within the body",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")),
    ],
    [
      "closes within a chunk",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab")),
    ],
    ["talks something else", (socket) => socket.once("data", () => socket.end("SSH-2.0-canary\r\n"))],
    [
      "sends two lengths",
      (socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\ncanary")),
    ],
    [
      "switches protocols",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")),
    ],
  ])("A server that %s: it may have been", async (_what, handle) => {
    const port = await listenRaw(handle);
    const error = await errorOf(egress.send(to(port, { method: "POST", body: "canary" })));
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: true }]);
    expect(error.message).toContain(`127.0.0.1:${port}`);
    const cause = error.cause as Error & { data?: unknown };
    expect([error.message, error.stack, cause.message, String(cause.data)].join()).not.toContain("canary");
    expect(JSON.stringify({ ...cause })).not.toContain("canary");
  });
});

describe("The caller's signal", () => {
  const reason = new Error("the caller went away");

  test("stops a request that has not begun", async () => {
    const listener = await listen();
    const error = await errorOf(egress.send(to(listener.port, { signal: AbortSignal.abort(reason) })));
    expect([error, listener.connections()]).toEqual([reason, 0]);
  });

  test("stops a request that waits for its answer, and closes its connection", async () => {
    const controller = new AbortController();
    let closed = false;
    const listener = await listen((_request, response) => {
      response.on("close", () => {
        closed = true;
      });
      controller.abort(reason);
    });
    expect(await errorOf(egress.send(to(listener.port, { signal: controller.signal })))).toBe(reason);
    expect(await eventually(() => closed)).toBe(true);
  });

  test("stops a body", async () => {
    const controller = new AbortController();
    const listener = await listen((_request, response) => {
      response.write("the first part");
      setTimeout(() => controller.abort(reason), 20);
    });
    expect(await errorOf(egress.send(to(listener.port, { signal: controller.signal })))).toBe(reason);
  });

  test("may be aborted with something that is no error", async () => {
    const controller = new AbortController();
    const listener = await listen((_request, response) => {
      response.write("the first part");
      setTimeout(() => controller.abort("enough"), 20);
    });
    expect(await errorOf(egress.send(to(listener.port, { signal: controller.signal })))).toBe("enough");
  });

  test("does nothing after the answer, and is not held on to", async () => {
    const controller = new AbortController();
    const listener = await listen();
    const removed = jest.spyOn(controller.signal, "removeEventListener");
    const answer = await egress.send(to(listener.port, { signal: controller.signal }));
    expect(removed).toHaveBeenCalledTimes(1);
    controller.abort(reason);
    expect(answer.status).toBe(200);
  });
});

describe("An answer", () => {
  test("tells when it was sent, how long it took, and where it came from", async () => {
    const out = createEgress({ allowPrivate: ["127.0.0.1"] }, { clock: () => 1_700_000_000_000 });
    const listener = await listen((_request, response) => {
      setTimeout(() => response.writeHead(201, { "X-Thing": "a", "Set-Cookie": ["a=1", "b=2"] }).end("created"), 30);
    });
    const answer = await out.send(to(listener.port, { method: "POST", body: Buffer.from("sent") }));
    expect(answer).toMatchObject({
      status: 201,
      url: `http://127.0.0.1:${listener.port}/path?token=canary`,
      sentAt: 1_700_000_000_000,
      headers: { "x-thing": "a", "set-cookie": ["a=1", "b=2"] },
    });
    expect(answer.duration_ms).toBeGreaterThanOrEqual(29);
    expect(answer.duration_ms).toBeLessThan(20_000);
    expect(listener.seen[0]).toMatchObject({ method: "POST", body: "sent", headers: { "content-length": "4" } });
    await out.close();
  });

  test.each([102, 103])("that is preceded by %d is the one after it", async (status) => {
    const port = await answering(`HTTP/1.1 ${status} First\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`);
    const answer = await egress.send(to(port));
    expect([answer.status, answer.body.toString()]).toEqual([200, "ok"]);
  });

  test.each([400, 401, 404, 429, 500, 503])("of status %d is an answer, not an error", async (status) => {
    const listener = await listen((_request, response) => response.writeHead(status).end("why"));
    const answer = await egress.send(to(listener.port));
    expect([answer.status, answer.body.toString()]).toEqual([status, "why"]);
  });
});

describe("A streamed answer", () => {
  test("hands its body on while it arrives", async () => {
    let finish: () => void = () => {};
    const listener = await listen((_request, response) => {
      response.write("first");
      finish = () => response.end("second");
    });
    const answer = await egress.stream(to(listener.port));
    const first = await answer.body.next();
    finish();
    const second = await answer.body.next();
    expect([answer.status, String(first.value), String(second.value)]).toEqual([200, "first", "second"]);
    expect((await answer.body.next()).done).toBe(true);
  });

  test("does not run ahead of its reader", async () => {
    let written = 0;
    const listener = await listen((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && written < 256 * megabyte && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.on("drain", write);
      write();
    });
    const answer = await egress.stream(to(listener.port, { maxBytes: 512 * megabyte }));
    await answer.body.next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(written).toBeLessThan(32 * megabyte);
    await answer.body.return();
  });

  test("closes its connection when its reader leaves", async () => {
    let closed = false;
    const listener = await listen((_request, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.write("first");
    });
    const answer = await egress.stream(to(listener.port));
    for await (const _chunk of answer.body) break;
    expect(await eventually(() => closed)).toBe(true);
  });

  test("that nobody reads is closed when its time is over", async () => {
    let closed = false;
    const listener = await listen((_request, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.write("first");
    });
    await egress.stream(to(listener.port, { timeout: 100 }));
    expect(await eventually(() => closed)).toBe(true);
  });
});
