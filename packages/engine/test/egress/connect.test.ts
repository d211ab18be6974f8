import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import type { Resolve } from "../../src/egress/connections.ts";
import { createEgress, type Egress, type EgressExtra } from "../../src/egress/egress.ts";
import { certificate, certificateKey } from "./certificate.ts";
import { closeListeners, errorOf, get, type Listener, listen } from "./listener.ts";

const egresses: Egress[] = [];

function egress(allowPrivate: readonly string[], extra: EgressExtra = {}): Egress {
  const made = createEgress({ allowPrivate }, extra);
  egresses.push(made);
  return made;
}

/** A resolver that knows these names, each with its addresses. */
function names(table: Readonly<Record<string, readonly string[]>>): Resolve {
  return async (host) => (table[host] ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}

/** A resolver that gives another answer each time, the last one for ever; `asked` counts. */
function changing(...answers: (readonly string[])[]): { resolve: Resolve; asked: () => number } {
  let asked = 0;
  const resolve: Resolve = async () => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    return answer.map((address) => ({ address, family: 4 }));
  };
  return { resolve, asked: () => asked };
}

afterEach(async () => {
  await closeListeners();
  await Promise.all(egresses.splice(0).map((each) => each.close()));
});

const everyName: Resolve = names({
  "private.example": ["127.0.0.1"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "compatible.example": ["::127.0.0.1"],
  "v6.example": ["::1"],
  "zero.example": ["0.0.0.0"],
  "nat64.example": ["64:ff9b::7f00:1"],
  "mixed.example": ["93.184.216.34", "127.0.0.1"],
  "mixed-first.example": ["127.0.0.1", "93.184.216.34"],
  "mixed-families.example": ["2606:4700::1", "::1"],
  "nonsense.example": ["not-an-address"],
  "metadata.example": ["169.254.169.254"],
  "public.example": ["93.184.216.34"],
  "a.localhost": ["127.0.0.1"],
  localhost: ["127.0.0.1", "::1"],
  "metadata.google.internal": ["127.0.0.1"],
});

const refusedTargets: readonly (readonly [host: string, code: string])[] = [
  ["127.0.0.1", "address_refused"],
  ["127.0.0.2", "address_refused"],
  ["127.1", "address_refused"],
  ["127.0.1", "address_refused"],
  ["2130706433", "address_refused"],
  ["017700000001", "address_refused"],
  ["0x7f000001", "address_refused"],
  ["0x7F.0.0.1", "address_refused"],
  ["0177.0.0.01", "address_refused"],
  ["0", "address_refused"],
  ["0.0.0.0", "address_refused"],
  ["127.0.0.1.", "address_refused"],
  ["%31%32%37.0.0.1", "address_refused"],
  ["\uff11\uff12\uff17.0.0.1", "address_refused"],
  ["\u2460\u2461\u2466.0.0.1", "address_refused"],
  ["127\u30020\u30020\u30021", "address_refused"],
  ["[::1]", "address_refused"],
  ["[0:0:0:0:0:0:0:1]", "address_refused"],
  ["[::]", "address_refused"],
  ["[::ffff:127.0.0.1]", "address_refused"],
  ["[::ffff:7f00:1]", "address_refused"],
  ["[::127.0.0.1]", "address_refused"],
  ["[::7f00:1]", "address_refused"],
  ["[64:ff9b::7f00:1]", "address_refused"],
  ["[2002:7f00:1::]", "address_refused"],
  ["[fe80::1]", "address_refused"],
  ["[fd00:ec2::254]", "address_refused"],
  ["169.254.169.254", "address_refused"],
  ["100.100.100.200", "address_refused"],
  ["168.63.129.16", "address_refused"],
  ["10.0.0.1", "address_refused"],
  ["192.168.1.1", "address_refused"],
  ["8.8.8.8", "address_refused"],
  ["[2606:4700::1111]", "address_refused"],
  ["localhost", "address_refused"],
  ["LOCALHOST", "address_refused"],
  ["localhost.", "address_refused"],
  ["a.localhost", "address_refused"],
  ["private.example", "address_refused"],
  ["private.example.", "address_refused"],
  ["PRIVATE.example", "address_refused"],
  ["mapped.example", "address_refused"],
  ["compatible.example", "address_refused"],
  ["v6.example", "address_refused"],
  ["zero.example", "address_refused"],
  ["nat64.example", "address_refused"],
  ["mixed.example", "address_refused"],
  ["mixed-first.example", "address_refused"],
  ["mixed-families.example", "address_refused"],
  ["nonsense.example", "address_refused"],
  ["metadata.example", "address_refused"],
  ["metadata.google.internal", "address_refused"],
  ["METADATA.google.internal.", "address_refused"],
  ["user@127.0.0.1", "url_invalid"],
  ["@127.0.0.1", "url_invalid"],
  ["public.example\\@127.0.0.1", "url_invalid"],
  ["127.0.0.1\t", "url_invalid"],
  ["\n127.0.0.1", "url_invalid"],
  ["/127.0.0.1", "url_invalid"],
  ["127.0.0.1..", "url_invalid"],
  ["[::1%25lo]", "url_invalid"],
  ["256.256.256.256", "url_invalid"],
];

describe("A request to a private address is refused before a connection is made", () => {
  test.each(refusedTargets.flatMap(([host, code]) => ["http", "https"].map((scheme) => [scheme, host, code] as const)))(
    "%s://%s is %s, and the listener there sees nothing",
    async (scheme, host, code) => {
      const listener = await listen();
      const error = await errorOf(egress([], { resolve: everyName }).send(get(`${scheme}://${host}:${listener.port}/`)));
      expect(error.code).toBe(code);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(listener.connections()).toBe(0);
    },
  );

  test("On ::1, too, the listener sees nothing until the operator allows it", async () => {
    const listener = await listen(undefined, { host: "::1" }).catch(() => undefined);
    // Not every machine has IPv6.
    if (listener === undefined) return;
    const error = await errorOf(egress([]).send(get(`http://[::1]:${listener.port}/`)));
    expect([error.code, listener.connections()]).toEqual(["address_refused", 0]);
    const answer = await egress(["::1"]).send(get(`http://[::1]:${listener.port}/`));
    expect([answer.status, listener.connections()]).toEqual([200, 1]);
  });

  test("The system's localhost is refused like any other name", async () => {
    const listener = await listen();
    const error = await errorOf(egress([]).send(get(`http://localhost:${listener.port}/`)));
    expect(error.code).toBe("address_refused");
    expect(error.members).toEqual({ sent: false });
    expect(listener.connections()).toBe(0);
  });

  test("The error names the host, and neither the address nor the query", async () => {
    const error = await errorOf(egress([], { resolve: everyName }).send(get("https://private.example/path?key=canary")));
    expect(error.message).toBe("private.example leads to a private address.");
    expect(error.hint).toBe("An operator can allow it with ALLOW_PRIVATE_NETWORKS.");
  });
});

describe("What the operator allowed is reached", () => {
  test.each([
    ["an address", ["127.0.0.1"], "127.0.0.1"],
    ["a network", ["127.0.0.0/8"], "127.0.0.1"],
    ["a network, by decimal literal", ["127.0.0.0/8"], "2130706433"],
    ["a network, by name", ["127.0.0.0/8"], "private.example"],
    ["a listener by address", ["127.0.0.1:{port}"], "127.0.0.1"],
    ["a listener by address, by name", ["127.0.0.1:{port}"], "private.example"],
    ["a listener by name", ["private.example:{port}"], "private.example"],
    ["localhost's listener", ["localhost:{port}"], "localhost"],
    ["localhost's listener, by address", ["localhost:{port}"], "127.0.0.1"],
  ])("%s", async (_what, allowed, host) => {
    const listener = await listen();
    const list = allowed.map((entry) => entry.replace("{port}", String(listener.port)));
    const answer = await egress(list, { resolve: everyName }).send(get(`http://${host}:${listener.port}/path?a=b#c`));
    expect([answer.status, answer.body.toString()]).toEqual([200, "answered"]);
    expect(listener.seen[0]?.url).toBe("/path?a=b");
    expect(listener.connections()).toBe(1);
  });

  test.each([
    ["another port", ["127.0.0.1:1"], "127.0.0.1"],
    ["another name of the same address", ["localhost:{port}"], "private.example"],
    ["another network", ["10.0.0.0/8"], "127.0.0.1"],
    ["one of two addresses", ["127.0.0.1"], "mixed-allowed.example"],
    ["a public address in plain http", ["0.0.0.0/0"], "public.example"],
  ])("but not %s", async (_what, allowed, host) => {
    const listener = await listen();
    const list = allowed.map((entry) => entry.replace("{port}", String(listener.port)));
    const resolve = names({
      "private.example": ["127.0.0.1"],
      "mixed-allowed.example": ["127.0.0.1", "10.0.0.1"],
      "public.example": ["93.184.216.34"],
    });
    const error = await errorOf(egress(list, { resolve }).send(get(`http://${host}:${listener.port}/`)));
    expect(error.code).toBe("address_refused");
    expect(listener.connections()).toBe(0);
  });

  test("A public host in plain http is refused with the advice to use https", async () => {
    const error = await errorOf(egress([], { resolve: everyName }).send(get("http://public.example/")));
    expect([error.code, error.hint]).toEqual(["address_refused", "Use https."]);
  });

  test("The trailing dot of a host is not sent", async () => {
    const listener = await listen();
    await egress(["127.0.0.1"], { resolve: everyName }).send(get(`http://Private.example.:${listener.port}/`));
    expect(listener.seen[0]?.headers.host).toBe(`private.example:${listener.port}`);
  });
});

describe("A name that changes its address", () => {
  test("is looked up once per connection, and the connection goes to the judged address", async () => {
    const listener = await listen();
    const dns = changing(["127.0.0.1"], ["10.0.0.1"]);
    const out = egress(["127.0.0.1"], { resolve: dns.resolve });
    const answer = await out.send(get(`http://rebinding.example:${listener.port}/`));
    expect(answer.status).toBe(200);
    expect(dns.asked()).toBe(1);
  });

  test("is refused when a new connection would go to the private address", async () => {
    const listener = await listen((_request, response) => response.setHeader("connection", "close").end());
    const dns = changing(["127.0.0.1"], ["10.0.0.1"]);
    const out = egress(["127.0.0.1"], { resolve: dns.resolve });
    await out.send(get(`http://rebinding.example:${listener.port}/`));
    const error = await errorOf(out.send(get(`http://rebinding.example:${listener.port}/`)));
    expect([error.code, dns.asked(), listener.connections()]).toEqual(["address_refused", 2, 1]);
  });

  test("is reached again after it was refused once", async () => {
    const listener = await listen();
    const dns = changing(["10.0.0.1"], ["127.0.0.1"]);
    const out = egress(["127.0.0.1"], { resolve: dns.resolve });
    const error = await errorOf(out.send(get(`http://rebinding.example:${listener.port}/`)));
    const answer = await out.send(get(`http://rebinding.example:${listener.port}/`));
    expect([error.code, answer.status]).toEqual(["address_refused", 200]);
  });

  test("is refused when its answer mixes an allowed address with a private one, in either order", async () => {
    const listener = await listen();
    const dns = changing(["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]);
    const out = egress(["127.0.0.1"], { resolve: dns.resolve });
    for (let count = 0; count < 2; count++) {
      const error = await errorOf(out.send(get(`http://rebinding.example:${listener.port}/`)));
      expect(error.code).toBe("address_refused");
    }
    expect(listener.connections()).toBe(0);
  });

  test("leads all parallel requests to the same refusal", async () => {
    const listener = await listen();
    const out = egress([], { resolve: everyName });
    const errors = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(out.send(get(`https://private.example:${listener.port}/`)))),
    );
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["address_refused"]));
    expect(listener.connections()).toBe(0);
  });
});

describe("TLS is always verified", () => {
  const resolve = names({ "api.example": ["127.0.0.1"], "wrong.example": ["127.0.0.1"] });

  test("A trusted certificate is accepted, and the host name is sent in SNI and Host", async () => {
    const listener = await listen(undefined, { tls: true });
    const out = egress(["127.0.0.1"], { resolve, ca: certificate });
    const answer = await out.send(get(`https://api.example:${listener.port}/`));
    expect([answer.status, listener.seen[0]?.headers.host]).toEqual([200, `api.example:${listener.port}`]);
  });

  test("An unknown authority is refused, whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
    const listener = await listen(undefined, { tls: true });
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      const error = await errorOf(egress(["127.0.0.1"], { resolve }).send(get(`https://api.example:${listener.port}/`)));
      expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: false }]);
      expect(error.message).toBe(
        `No trusted TLS connection to api.example:${listener.port} is possible (DEPTH_ZERO_SELF_SIGNED_CERT).`,
      );
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
    expect(listener.seen).toEqual([]);
  });

  test("A certificate for another name is refused", async () => {
    const listener = await listen(undefined, { tls: true });
    const out = egress(["127.0.0.1"], { resolve, ca: certificate });
    const error = await errorOf(out.send(get(`https://wrong.example:${listener.port}/`)));
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: false }]);
    expect(listener.seen).toEqual([]);
  });

  test("TLS 1.1 is refused", async () => {
    const server = createTlsServer({
      cert: certificate,
      key: certificateKey,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    server.on("tlsClientError", () => {});
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const out = egress(["127.0.0.1"], { resolve, ca: certificate });
    const error = await errorOf(out.send(get(`https://api.example:${port}/`)));
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: false }]);
    expect(error.message).toMatch(/^No trusted TLS connection to api\.example:\d+ is possible \(ERR_SSL_.*VERSION.*\)\.$/);
    await new Promise((done) => server.close(done));
  });

  test("A server without TLS is refused", async () => {
    const listener = await listen();
    const error = await errorOf(egress(["127.0.0.1"]).send(get(`https://127.0.0.1:${listener.port}/`)));
    expect([error.code, error.members]).toEqual(["provider_unavailable", { sent: false }]);
    expect(listener.seen).toEqual([]);
  });
});

describe("Connections", () => {
  test("are kept and used again, one request at a time", async () => {
    const listener = await listen();
    const out = egress(["127.0.0.1"]);
    for (let count = 0; count < 5; count++) {
      await out.send(get(`http://127.0.0.1:${listener.port}/${count}`));
      await nextTurn();
    }
    expect([listener.connections(), listener.seen.length]).toEqual([1, 5]);
  });

  test("are not waited for by parallel requests", async () => {
    const waiting: (() => void)[] = [];
    const listener: Listener = await listen((_request, response) => {
      waiting.push(() => response.end());
      // Nobody is answered before all have arrived.
      if (waiting.length === 8) for (const answer of waiting) answer();
    });
    const out = egress(["127.0.0.1"]);
    await Promise.all(Array.from({ length: 8 }, () => out.send(get(`http://127.0.0.1:${listener.port}/`))));
    expect(listener.connections()).toBe(8);
  });

  test("do not go through the environment's proxy", async () => {
    const proxy = await listen();
    const listener = await listen();
    const url = `http://127.0.0.1:${proxy.port}`;
    const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) process.env[name] = url;
    try {
      await egress(["127.0.0.1"]).send(get(`http://127.0.0.1:${listener.port}/`));
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect([proxy.connections(), listener.connections()]).toEqual([0, 1]);
  });

  test("are closed by `close`, and requests after it are refused", async () => {
    const listener = await listen();
    const out = createEgress({ allowPrivate: ["127.0.0.1"] });
    const running = out.send(get(`http://127.0.0.1:${listener.port}/`));
    await out.close();
    expect((await running).status).toBe(200);
    const error = await errorOf(out.send(get(`http://127.0.0.1:${listener.port}/`)));
    expect([error.code, error.members]).toEqual(["stopping", { sent: false }]);
  });
});
