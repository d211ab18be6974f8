import { createEgress, type Egress } from "../../src/egress/egress.ts";
import { closeListeners, errorOf, get, type Listener, listen } from "./listener.ts";

let egress: Egress;
let listener: Listener;
beforeEach(async () => {
  egress = createEgress({ allowPrivate: ["127.0.0.1"] });
  listener = await listen();
});
afterEach(async () => {
  await closeListeners();
  await egress.close();
});

const forbidden = [
  "Host",
  "host",
  "HOST",
  "Connection",
  "Transfer-Encoding",
  "Content-Length",
  "TE",
  "Trailer",
  "Upgrade",
  "Keep-Alive",
  "Proxy-Authorization",
  "Proxy-Connection",
  "proxy-anything",
  "Expect",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "x-forwarded-proto",
  "Forwarded",
  "Cookie",
];

describe("A header that is not the caller's to set is refused before a connection is made", () => {
  test.each<[string, Record<string, string>]>([
    ...forbidden.map((name): [string, Record<string, string>] => [name, { [name]: "canary" }]),
    ["an empty name", { "": "canary" }],
    ["a name with a space", { "X A": "canary" }],
    ["a name with a trailing space", { "Host ": "canary" }],
    ["a name with a colon", { "X:A": "canary" }],
    ["a name with a line end", { "X-A\r\nX-B": "canary" }],
    ["a name with an underscore", { X_A: "canary" }],
    ["a name beyond ASCII", { "X-é": "canary" }],
    ["a pseudo header", { ":authority": "canary" }],
    ["CR LF in a value", { "X-A": "canary\r\nX-Injected: 1" }],
    ["LF in a value", { "X-A": "canary\nX-Injected: 1" }],
    ["CR in a value", { "X-A": "canary\r" }],
    ["NUL in a value", { "X-A": "canary\u0000" }],
    ["a tab in a value", { "X-A": "canary\ta" }],
    ["DEL in a value", { "X-A": "canary\u007f" }],
    ["a character that would be cut to CR", { "X-A": "canary\u010d\u010a" }],
    ["a character beyond Latin-1", { "X-A": "canary \u20ac" }],
    ["a value that is a number", { "X-A": 1 as unknown as string }],
    ["a value that is an object", { "X-A": { canary: 1 } as unknown as string }],
    ["a list with a value that may not be set", { "X-A": ["fine", "canary\n"] as unknown as string }],
    ["a value that is missing", { "X-A": undefined as unknown as string }],
    ["one name twice", { Authorization: "canary", authorization: "canary" }],
    ["a value of more than 8 KB", { "X-A": "canary".repeat(2000) }],
    ["more than 32 KB together", Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`X-${index}`, "c".repeat(8000)]))],
  ])("%s", async (_what, headers) => {
    const error = await errorOf(egress.send(get(`http://127.0.0.1:${listener.port}/`, { headers })));
    expect(error.code).toBe("header_refused");
    expect(`${error.message} ${error.stack}`).not.toContain("canary");
    expect(listener.connections()).toBe(0);
  });

  test.each(["CONNECT", "TRACE", "get", "GET /", "", "GET\r\nX: y"])("The method %j is refused, too", async (method) => {
    const error = await errorOf(egress.send(get(`http://127.0.0.1:${listener.port}/`, { method })));
    expect([error.code, listener.connections()]).toEqual(["request_invalid", 0]);
  });
});

describe("Headers that may be set", () => {
  test("arrive as they were given", async () => {
    const headers = {
      Authorization: "Bearer abc",
      "X-Api-Key": "k",
      "x-9": "nine",
      "Content-Type": "application/json; charset=utf-8",
      Accept: "a/b",
      "Notion-Version": "2022-06-28",
      "X-Latin": "caf\u00e9",
      "X-Empty": "",
    };
    await egress.send(get(`http://127.0.0.1:${listener.port}/`, { headers, method: "POST", body: "{}" }));
    expect(listener.seen[0]?.headers).toMatchObject({
      authorization: "Bearer abc",
      "x-api-key": "k",
      "x-9": "nine",
      "content-type": "application/json; charset=utf-8",
      accept: "a/b",
      "notion-version": "2022-06-28",
      "x-latin": "caf\u00e9",
      "x-empty": "",
    });
  });

  test("say who asks and what can be decoded", async () => {
    await egress.send(get(`http://127.0.0.1:${listener.port}/`));
    expect(listener.seen[0]?.headers).toEqual({
      host: `127.0.0.1:${listener.port}`,
      connection: "keep-alive",
      "user-agent": expect.stringMatching(/^Jackfield\//),
      "accept-encoding": "gzip, deflate, br",
    });
  });

  test("include another User-Agent and Accept-Encoding, in any case", async () => {
    const headers = { "USER-AGENT": "Other/1", "accept-Encoding": "identity" };
    await egress.send(get(`http://127.0.0.1:${listener.port}/`, { headers }));
    expect([listener.seen[0]?.headers["user-agent"], listener.seen[0]?.headers["accept-encoding"]]).toEqual([
      "Other/1",
      "identity",
    ]);
  });
});
