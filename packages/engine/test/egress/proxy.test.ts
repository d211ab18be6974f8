import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Resolve } from "../../src/egress/connections.ts";
import { createEgress, type Egress, type EgressExtra } from "../../src/egress/egress.ts";
import { readEgressProxy } from "../../src/egress/proxy.ts";
import { certificate, certificateKey } from "./certificate.ts";
import { closeListeners, errorOf, get, type Listener, listen } from "./listener.ts";

/*
 * A real CONNECT proxy. What it is asked for are public addresses, which lead nowhere here: it connects to the tests' own listener instead,
 * as it would somewhere else in the world.
 */

interface Proxy {
  readonly port: number;
  /** What it was asked for, and with which credentials. */
  readonly asked: { readonly authority: string; readonly authorization: string | undefined; readonly host: string | undefined }[];
  /** Requests that were no CONNECT. */
  readonly others: string[];
}

const closers: (() => Promise<void>)[] = [];

interface ProxyOptions {
  readonly tls?: boolean;
  /** What it answers instead of 200 to an address. */
  readonly status?: (authority: string) => number;
  /** Says nothing at all. */
  readonly silent?: boolean;
}

async function startProxy(
  target: () => number,
  { tls = false, status = () => 200, silent = false }: ProxyOptions = {},
): Promise<Proxy> {
  const asked: Proxy["asked"] = [];
  const others: string[] = [];
  const sockets = new Set<Socket>();
  const onRequest = (request: IncomingMessage) => void others.push(`${request.method} ${request.url}`);
  const server = tls ? createTlsServer({ cert: certificate, key: certificateKey }, onRequest) : createServer(onRequest);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("connect", (request: IncomingMessage, client: Socket, head: Buffer) => {
    const { host, "proxy-authorization": authorization } = request.headers;
    asked.push({ authority: request.url ?? "", authorization, host });
    client.on("error", () => {});
    if (silent) return;
    const answer = status(request.url ?? "");
    if (answer !== 200) return void client.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
    const upstream = connect(target(), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, asked, others };
}

const addresses: Readonly<Record<string, readonly string[]>> = {
  "api.example": ["93.184.216.34"],
  "other.example": ["2606:4700::1111", "93.184.216.35"],
  "private.example": ["127.0.0.1"],
  "mixed.example": ["93.184.216.34", "127.0.0.1"],
  "ten.example": ["10.0.0.1"],
};

const resolve: Resolve = async (host) =>
  (addresses[host] ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

let listener: Listener;
let egress: Egress | undefined;

function through(url: string, extra: EgressExtra = {}): Egress {
  egress = createEgress({ allowPrivate: ["127.0.0.1/32"], proxy: url }, { resolve, ca: certificate, ...extra });
  return egress;
}

beforeEach(async () => {
  listener = await listen(undefined, { tls: true });
});
afterEach(async () => {
  await egress?.close();
  egress = undefined;
  await closeListeners();
  await Promise.all(closers.splice(0).map((close) => close()));
});

describe("Through the operator's proxy", () => {
  test("a provider is reached by the address that was judged, and by its own name inside of TLS", async () => {
    const proxy = await startProxy(() => listener.port);
    const answer = await through(`http://127.0.0.1:${proxy.port}`).send(get("https://api.example/path?a=1"));
    expect([answer.status, answer.body.toString()]).toEqual([200, "answered"]);
    expect(proxy.asked).toEqual([{ authority: "93.184.216.34:443", authorization: undefined, host: "93.184.216.34:443" }]);
    expect(listener.seen.map(({ url, headers }) => [url, headers.host])).toEqual([["/path?a=1", "api.example"]]);
    expect(proxy.others).toEqual([]);
  });

  test("connections are kept", async () => {
    const proxy = await startProxy(() => listener.port);
    const out = through(`http://127.0.0.1:${proxy.port}`);
    for (let turn = 0; turn < 3; turn += 1) {
      await out.send(get("https://api.example/"));
      await new Promise((done) => setImmediate(done));
    }
    expect([proxy.asked.length, listener.seen.length]).toEqual([1, 3]);
  });

  test("that speaks TLS itself, and knows us by a user and a password", async () => {
    const proxy = await startProxy(() => listener.port, { tls: true });
    // Its certificate is for this name, which the system does not know: the proxy's name is the operator's to resolve.
    const error = await errorOf(through(`https://me:s%3Acret@localhost:${proxy.port}`).send(get("https://api.example/")));
    expect(error.message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    const plain = await startProxy(() => listener.port);
    await through(`http://me:s%3Acret%40@127.0.0.1:${plain.port}`).send(get("https://api.example/"));
    expect(plain.asked[0]?.authorization).toBe(`Basic ${Buffer.from("me:s:cret@").toString("base64")}`);
    expect(listener.seen[0]?.headers["proxy-authorization"]).toBeUndefined();
  });

  test("another address is asked for where it does not reach the first", async () => {
    const proxy = await startProxy(() => listener.port, { status: (authority) => (authority.startsWith("[") ? 502 : 200) });
    const answer = await through(`http://127.0.0.1:${proxy.port}`).send(get("https://other.example:8443/"));
    expect(answer.status).toBe(200);
    expect(proxy.asked.map(({ authority }) => authority)).toEqual(["[2606:4700::1111]:8443", "93.184.216.35:8443"]);
  });

  test("what is private, and allowed, is not asked for: it is reached directly", async () => {
    const proxy = await startProxy(() => listener.port);
    const plain = await listen();
    const answer = await through(`http://127.0.0.1:${proxy.port}`).send(get(`http://private.example:${plain.port}/`));
    expect([answer.status, plain.connections(), proxy.asked]).toEqual([200, 1, []]);
  });

  test.each(["https://ten.example/", "https://93.184.216.34/", "http://api.example/", "https://10.0.0.1/"])(
    "%s is refused as without it, and the proxy is not asked",
    async (url) => {
      const proxy = await startProxy(() => listener.port);
      const error = await errorOf(through(`http://127.0.0.1:${proxy.port}`).send(get(url)));
      expect([error.code, error.members.sent, proxy.asked]).toEqual(["address_refused", false, []]);
    },
  );

  test("a mixed answer of the DNS is judged as without it: the allowed private address does not lead past the proxy", async () => {
    const proxy = await startProxy(() => listener.port);
    await through(`http://127.0.0.1:${proxy.port}`)
      .send(get("https://mixed.example/"))
      .catch(() => undefined);
    expect(proxy.asked.map(({ authority }) => authority)).toEqual(["93.184.216.34:443"]);
    expect(listener.connections()).toBe(1);
  });

  test("a certificate for another name is refused", async () => {
    const proxy = await startProxy(() => listener.port);
    const out = through(`http://127.0.0.1:${proxy.port}`, {
      resolve: async () => [{ address: "93.184.216.34", family: 4 }],
    });
    const error = await errorOf(out.send(get("https://wrong.example/")));
    expect([error.code, error.members.sent, listener.seen]).toEqual(["provider_unavailable", false, []]);
  });
});

describe("A proxy that does not connect", () => {
  test.each([
    [407, "The egress proxy does not connect to api.example: it answers 407."],
    [403, "The egress proxy does not connect to api.example: it answers 403."],
    [502, "The egress proxy does not connect to api.example: it answers 502."],
  ])("because it answers %d is the operator's matter", async (status, message) => {
    const proxy = await startProxy(() => listener.port, { status: () => status });
    const error = await errorOf(through(`http://me:canary@127.0.0.1:${proxy.port}`).send(get("https://api.example/")));
    expect([error.code, error.audience, error.message, error.members.sent]).toEqual([
      "egress_proxy_failed",
      "operator",
      message,
      false,
    ]);
    expect(JSON.stringify([error.message, error.hint, error.members])).not.toContain("canary");
    expect(listener.connections()).toBe(0);
  });

  test("because it does not know us is asked once, however many addresses there are", async () => {
    const proxy = await startProxy(() => listener.port, { status: () => 407 });
    await errorOf(through(`http://127.0.0.1:${proxy.port}`).send(get("https://other.example/")));
    expect(proxy.asked).toHaveLength(1);
  });

  test("because it is not there is the operator's matter, and nobody is reached past it", async () => {
    const proxy = await startProxy(() => listener.port);
    await closers.pop()?.();
    const error = await errorOf(through(`http://127.0.0.1:${proxy.port}`).send(get("https://api.example/")));
    expect([error.code, error.message]).toEqual([
      "egress_proxy_failed",
      "The egress proxy does not connect to api.example: ECONNREFUSED.",
    ]);
  });

  test("because it says nothing is not waited for longer than a connection may take", async () => {
    const proxy = await startProxy(() => listener.port, { silent: true });
    const error = await errorOf(
      through(`http://127.0.0.1:${proxy.port}`, { connectTimeout: 200 }).send(get("https://other.example/", { timeout: 60_000 })),
    );
    expect([error.code, error.message]).toEqual([
      "egress_proxy_failed",
      "The egress proxy does not connect to other.example: it does not answer.",
    ]);
    expect(proxy.asked).toHaveLength(1);
  });
});

test.each(["proxy", "socks5://proxy", "http://proxy/a", "http://proxy?a", "http://proxy#a", "http://a:canary%zz@proxy"])(
  "%s is not the URL of a proxy",
  (text) => {
    const read = () => readEgressProxy(text);
    expect(read).toThrow(TypeError);
    expect(read).not.toThrow(/canary/);
  },
);
