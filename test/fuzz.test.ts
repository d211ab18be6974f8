import { connect as open } from "node:net";
import { cleanup } from "./harness/cleanup.ts";
import { keyedManifest, oauthManifest, step } from "./harness/connect.ts";
import { type Answer, heard } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";

jest.setTimeout(180_000);

let provider: Provider;
let product: Product;
let pid: number;
let id: string;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey("key-for-the-fuzzing");
  product = await startProduct({
    connectors: { acme: oauthManifest(provider, { name: "acme" }), keyed: keyedManifest(provider, "keyed") },
  });
  pid = product.pid;
  const created = await product.post("/v1/connections", { connector: "keyed", fields: { api_key: "key-for-the-fuzzing" } });
  id = created.json.id;
});
afterAll(cleanup);

afterEach(async () => {
  expect(product.running).toBe(true);
  expect(product.pid).toBe(pid);
  expect((await product.get("/healthz")).status).toBe(200);
});

const refused = (answer: Answer) => {
  expect({ target: answer.target.slice(0, 80), status: answer.status, text: answer.text.slice(0, 200) }).toMatchObject({
    status: expect.any(Number),
  });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
};

const validate = (text: string | Buffer, type = "application/yaml") =>
  product.send("POST", "/v1/connectors/validate", text, { headers: { "content-type": type } });

const bombs: Readonly<Record<string, string>> = {
  "nested brackets": "[".repeat(5000),
  "nested braces": "{a: ".repeat(5000),
  "nested lists": Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}-`).join("\n"),
  "nested quotes": `a: ${"'".repeat(5001)}`,
  "many keys": Array.from({ length: 20000 }, (_, n) => `k${n}: ${n}`).join("\n"),
  "an alias bomb": `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((key, n) => `${key}: &${key} [${`*${"abcdefgh"[n]},`.repeat(9)}]`)
    .join("\n")}`,
  "a merge of itself": "a: &a { b: *a }\n<<: *a\n",
  "a billion characters by tag": 'a: !!js/function "function(){while(true){}}"\n',
  "a binary tag": "a: !!binary gIGC\n",
  "prototype keys":
    'manifest: 1\n__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }\n"__proto__": { x: 1 }\n',
  "a key that is a map": "? { a: b }\n: c\n? [1]\n: d\n",
  "a long line": `a: ${"x".repeat(200_000)}`,
  "a regular expression that would not end":
    "manifest: 1\nname: x\ntitle: x\nbase_url: https://x.example\nauth: { k: { type: api_key, fields: [{ name: api_key, pattern: '(a+)+$' }], test: { request: { path: /x } }, apply: { value: 'x' }, label: x, unique_id: me.id } }\n",
  "an expression that is deep": `manifest: 1\nname: x\ntitle: x\nbase_url: https://x.example\nauth: { k: { type: none } }\nactions: { a: { title: a, request: { path: /a }, output: "${"(".repeat(2000)}1${")".repeat(2000)}" } }\n`,
  "tabs and control characters": "\t\t\u0001\u0002: \u007f\u0085\u2028\ufeff",
  "several documents": "---\n".repeat(3000),
  "a directive": "%YAML 9.9\n%TAG ! tag:evil,2000:\n---\na: b\n",
  nothing: "",
  "a number": "1",
  "a null": "~",
};

describe("a manifest that was made to do harm", () => {
  for (const [what, text] of Object.entries(bombs))
    test(`(${what}) is answered with its problems, twice, and published never`, async () => {
      for (let turn = 0; turn < 2; turn += 1) {
        const checked = await validate(text);
        expect(checked.status).toBeLessThan(500);
        const published = await product.send("PUT", "/v1/connectors/harmful", text, {
          headers: { "content-type": "application/yaml" },
        });
        refused(published);
      }
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });

  test("(a hundred at once) leaves the process answering", async () => {
    const texts = Object.values(bombs);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => validate(texts[n % texts.length] ?? "")));
    for (const answer of answers) expect(answer.status).toBeLessThan(500);
  });

  test("(bytes that are no UTF-8, NUL bytes, another encoding) is refused", async () => {
    for (const body of [
      Buffer.from([0xff, 0xfe, 0x00, 0x61]),
      Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0x28]),
      Buffer.from("a: \u0000b"),
      Buffer.alloc(1000),
      Buffer.from("a: b", "utf16le"),
    ]) {
      const answer = await validate(body);
      expect(answer.status).toBeLessThan(500);
      refused(await product.send("PUT", "/v1/connectors/harmful", body, { headers: { "content-type": "application/yaml" } }));
    }
  });

  test("(far too large) is refused without being read to the end", async () => {
    // The line may be cut while the rest is still being sent; what matters is that nobody reads it all.
    const outcome = await validate("a".repeat(5_000_000)).then(
      (answer) => String(answer.status),
      (error: NodeJS.ErrnoException) => error.code ?? "",
    );
    expect(["413", "ECONNRESET", "EPIPE"]).toContain(outcome);
    const declared = await product.send("POST", "/v1/connectors/validate", "a".repeat(300_000), {
      headers: { "content-type": "application/yaml" },
    });
    expect([declared.status, declared.json.code]).toEqual([413, "body_too_large"]);
  });
});

describe("a JSON body that was made to do harm", () => {
  const bodies: Readonly<Record<string, string | Buffer>> = {
    "no JSON": "{",
    "a text": '"connector"',
    "a list": "[]",
    "a null": "null",
    "a number": "1e999",
    "prototype keys":
      '{"connector":"keyed","__proto__":{"x":1},"fields":{"__proto__":{"y":1},"constructor":{"prototype":{"z":1}}}}',
    "deep nesting": `{"connector":"keyed","fields":${'{"a":'.repeat(5000)}1${"}".repeat(5000)}}`,
    "deep lists": "[".repeat(100_000),
    "no UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    NUL: '{"connector":"a\\u0000b"}',
    "types that are wrong": '{"connector":{"a":1},"fields":[1],"name":5,"owner":[]}',
    "a connector named like a method": '{"connector":"constructor"}',
    "a long name": `{"connector":"keyed","name":"${"x".repeat(100_000)}"}`,
    "duplicate keys": '{"connector":"keyed","connector":"__proto__"}',
  };
  for (const [what, body] of Object.entries(bodies))
    test(`(${what}) is answered with a problem document`, async () => {
      refused(await product.send("POST", "/v1/connections", body));
      for (const path of [
        `/v1/connections/${id}/actions/list_items`,
        "/v1/connectors/acme/apps/oauth/production",
        `/v1/connections/${id}`,
      ]) {
        const method = path.includes("/apps/") ? "PUT" : path.includes("/actions/") ? "POST" : "PATCH";
        const answer = await product.send(method, path, body);
        expect({ path, status: answer.status, text: answer.text.slice(0, 200), fine: answer.status < 500 }).toMatchObject({
          fine: true,
        });
      }
    });

  test("(a lone surrogate) does no harm to what is listed afterwards", async () => {
    const body = '{"connector":"keyed","name":"\\ud800","fields":{"api_key":"\\udfff"}}';
    const made = await product.send("POST", "/v1/connections", body);
    expect(made.status).toBeLessThan(500);
    expect(made.json.status).not.toBe("connected");
    expect((await product.get("/v1/connections")).status).toBe(200);
  });

  test("(another content type) is refused, not guessed", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/json; charset=utf-16",
      "x",
      "",
    ]) {
      const answer = await product.send("POST", "/v1/connections", '{"connector":"keyed"}', {
        headers: { "content-type": type },
      });
      expect(answer.status).toBeLessThan(500);
    }
  });

  test("(compressed to be a bomb) is not unpacked", async () => {
    const { gzipSync } = await import("node:zlib");
    const answer = await product.send("POST", "/v1/connections", gzipSync(Buffer.alloc(50_000_000)), {
      headers: { "content-encoding": "gzip" },
    });
    refused(answer);
  });
});

describe("a target that was made to do harm", () => {
  const targets = [
    "/v1/connections?limit=-1",
    "/v1/connections?limit=1e9",
    "/v1/connections?limit=1e999",
    "/v1/connections?limit=abc",
    "/v1/connections?limit=1&limit=2",
    "/v1/connections?limit[]=1",
    "/v1/connections?cursor=!!!",
    "/v1/connections?cursor=__proto__",
    "/v1/connections?cursor[]=a&cursor[b]=c",
    "/v1/connections?search[a]=b",
    "/v1/connections?status=nonsense",
    `/v1/connections?search=${"a".repeat(10_000)}`,
    "/v1/connections?search=%00%ff%fe",
    "/v1/connections?search=%25%27%22%3b--",
    "/v1/connections?%5f%5fproto__[x]=1&constructor[prototype][x]=1",
    "/v1/connectors/%00",
    "/v1/connectors/%ff",
    "/v1/connectors/__proto__",
    "/v1/connectors/constructor",
    "/v1/connectors/toString",
    "/v1/connectors/..%2f..%2fetc%2fpasswd",
    "/v1/connectors/acme/apps/__proto__/constructor",
    "/v1/connections/__proto__",
    "/v1/connections/%2e%2e",
    "/v1/connections/%E0%A4%A",
    "/v1/%",
    "//v1/connections",
    "/v1//connections",
    "/../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%5c..%5cwindows",
    "/assets/../../../package.json",
    "/assets/%2e%2e%2f%2e%2e%2fpackage.json",
    "/connectors/..%2f..%2fpackage.json/icon.svg",
    "/oauth/callback/__proto__?state=a&code=b",
    "/oauth/callback/acme",
    `/oauth/callback/acme?state=${"s".repeat(9000)}&code=x`,
    "/oauth/authorize/%00",
    "/oauth/authorize/__proto__",
    "/hooks/x",
    "/nowhere",
    "*",
    "http://evil.example/v1/connections",
  ];
  for (const target of targets)
    test(`(${target.slice(0, 70)}) ends in no server error and tells no file`, async () => {
      for (const method of ["GET", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
        const answer = await product.send(method, "/", undefined, { target }).catch(() => undefined);
        if (!answer) continue;
        expect({ method, status: answer.status, text: answer.text.slice(0, 200), fine: answer.status < 500 }).toMatchObject({
          fine: true,
        });
        expect(answer.text).not.toContain("root:");
        expect(answer.text).not.toContain('"workspaces"');
      }
    });

  test("(an action named like a method of objects) is unknown", async () => {
    for (const action of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const answer = await step(product, id, action);
      expect([answer.status, answer.json.code]).toEqual([404, "action_unknown"]);
    }
  });
});

describe("bytes that are hardly HTTP", () => {
  const { stringify } = JSON;
  for (const bytes of [
    "\u0000\u0001\u0002\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET /v1/connections HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "POST /v1/connections HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/connections HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
    "POST /v1/connections HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\n${"X-A: b\r\n".repeat(5000)}\r\n`,
    "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \u0000\r\n\r\n",
    "GET /v1/connections HTTP/1.1\r\nHost: a\r\nCookie: jackfield=%00; jackfield=\u00ff; =;;;==\r\nConnection: close\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/connections HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  ])
    test(`(${stringify(bytes.slice(0, 60))}) leave the process answering`, async () => {
      const { hostname, port } = new URL(product.url);
      const text = await new Promise<string>((resolve) => {
        let answer = "";
        const socket = open({ host: hostname, port: Number(port) }, () => socket.write(Buffer.from(bytes, "latin1")));
        socket.setTimeout(2000, () => socket.destroy());
        socket.on("data", (chunk) => {
          answer += chunk.toString("latin1");
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve(answer));
      });
      expect(text).not.toMatch(/^HTTP\/1\.1 5/);
    });

  test("(a request that is broken off in the middle of its body) leave the process answering", async () => {
    const { hostname, port } = new URL(product.url);
    for (let turn = 0; turn < 20; turn += 1)
      await new Promise<void>((resolve) => {
        const socket = open({ host: hostname, port: Number(port) }, () => {
          socket.write(
            `POST /v1/connections/${id}/proxy/items HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${product.adminKey}\r\nContent-Length: 1000\r\n\r\nabc`,
            () => socket.destroy(),
          );
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve());
      });
  });
});

test("nothing of all this ended in a server error", () => {
  const errors = heard.filter((answer) => answer.origin === product.url && answer.status >= 500);
  expect(
    errors.map((answer) => `${answer.method} ${answer.target.slice(0, 100)} → ${answer.status} ${answer.text.slice(0, 200)}`),
  ).toEqual([]);
});
