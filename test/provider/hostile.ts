import { createServer, type Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterwards } from "../harness/cleanup.ts";

/** Numbers that are the same for the same seed (mulberry32). */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to less than `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  of<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0];
  }
}

/** What no page may show as markup: an element, an attribute, a link. */
export const payloads = [
  "<script>evil(1)</script>",
  '"><img src=x onerror=evil(2)>',
  "'><svg/onload=evil(3)>",
  "</blockquote><iframe srcdoc='<script>evil(4)</script>'>",
  "javascript:evil(5)",
  "<!--<script>evil(6)//",
  "{{constructor.constructor('evil(7)')()}}",
  "\r\nSet-Cookie: evil=8\r\n\r\n<script>evil(8)</script>",
] as const;

/** Whether a page shows something of `payloads` as markup. */
export const showsMarkup = (page: string): boolean => /<(script>evil|img src=x|svg\/onload|iframe|!--<script)/i.test(page);

const deep = (depth: number, open: string, close: string, inside = "1") => open.repeat(depth) + inside + close.repeat(depth);

/** Values that stand where a text or a number is expected, as JSON. */
const values = (dice: Dice): string =>
  dice.of([
    "null",
    "true",
    "[]",
    "{}",
    "-1",
    "1e400",
    "123456789012345678901234567890",
    '""',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"a\\r\\nX-Evil: 1"',
    '"\\u202e\\u2066evil"',
    JSON.stringify(dice.of([...payloads])),
    JSON.stringify("x".repeat(dice.of([17_000, 100_000]))),
    JSON.stringify("é".repeat(5000)),
    '["a","b"]',
    '[["a"]]',
    '{"toString":"evil","valueOf":1}',
    '{"__proto__":{"access_token":"inherited"}}',
    deep(dice.of([40, 300, 5000]), "[", "]"),
    deep(dice.of([40, 300, 5000]), '{"a":', "}"),
  ]);

const names = [
  "access_token",
  "refresh_token",
  "token_type",
  "expires_in",
  "scope",
  "error",
  "error_description",
  "error_uri",
  "id",
  "name",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
] as const;

/** A JSON object, some of whose members are not what they should be; now and then a good token is left in it. */
function object(dice: Dice): string {
  const members = ['"access_token":"canary-good-token"', '"id":1', '"name":"Ada"'].filter(() => dice.below(3) > 0);
  for (let count = dice.below(5); count >= 0; count -= 1) members.push(`${JSON.stringify(dice.of(names))}:${values(dice)}`);
  return `{${members.join(",")}}`;
}

const large = 10 << 20;
const bombs = {
  gzip: gzipSync(Buffer.alloc(100 << 20)),
  br: brotliCompressSync(Buffer.alloc(20 << 20)),
  twice: gzipSync(gzipSync(Buffer.alloc(100 << 20))),
};
const whole = '{"access_token":"canary-good-token","id":1,"name":"Ada"}';

const head = (status: string, headers: readonly string[]) =>
  `HTTP/1.1 ${status}\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;

/** A whole answer that closes the line. */
function reply(body: string | Buffer, type = "application/json", status = "200 OK", more: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const lines = [`content-type: ${type}`, `content-length: ${bytes.length}`, "connection: close", ...more];
  return Buffer.concat([Buffer.from(head(status, lines), "latin1"), bytes]);
}

const statuses = [
  "200 OK",
  "200 OK",
  "201 Created",
  "302 Found",
  "400 Bad Request",
  "401 Unauthorized",
  "403 Forbidden",
  "429 Too Many",
  "500 Oops",
  "503 Busy",
  "204 No Content",
  "999 Odd",
] as const;
const types = [
  "application/json",
  "text/html",
  "text/plain",
  "application/xml",
  "application/x-www-form-urlencoded",
  "application/json; charset=utf-16",
  "\u00e9/\u00e9",
  "",
] as const;

const entities = `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "${"x".repeat(1000)}">${Array.from({ length: 9 }, (_, n) => `<!ENTITY ${"bcdefghij"[n]} "${`&${"abcdefghi"[n]};`.repeat(10)}">`).join("")}<!ENTITY e SYSTEM "file:///etc/passwd">]><r><access_token>&j;&e;</access_token></r>`;

/** Sends what a server should not send. Each writes to the line and ends it. */
const manners: readonly ((dice: Dice, socket: Socket) => void)[] = [
  (dice, socket) => socket.end(reply(object(dice), dice.of(types), dice.of(statuses))),
  (dice, socket) => socket.end(reply(object(dice), dice.of(types), dice.of(statuses))),
  (dice, socket) => socket.end(reply(object(dice), dice.of(types), dice.of(statuses))),
  (dice, socket) => socket.end(reply(object(dice).slice(0, -1 - dice.below(8)))),
  (dice, socket) => socket.end(reply(deep(dice.of([1000, 100_000]), "[", "]"))),
  (_dice, socket) => socket.end(reply(deep(20_000, '{"access_token":', "}"))),
  (_dice, socket) => socket.end(reply(deep(20_000, "<a>", "</a>"), "application/xml")),
  (_dice, socket) => socket.end(reply(entities, "application/xml")),
  (dice, socket) =>
    socket.end(
      reply(
        Buffer.from([...Buffer.from(whole), 0, 0xff, 0xfe, 0xc3, 0x28].map((byte) => (dice.below(9) ? byte : dice.below(256)))),
      ),
    ),
  (_dice, socket) => socket.end(reply(Buffer.from(whole, "utf16le"), "application/json; charset=utf-16")),
  (_dice, socket) => socket.end(reply("\0".repeat(5000))),
  (_dice, socket) =>
    socket.end(reply(Array.from({ length: 20_000 }, (_, n) => `k${n}=${n}`).join("&"), "application/x-www-form-urlencoded")),
  (dice, socket) =>
    socket.end(
      reply(`error=${encodeURIComponent(dice.of(payloads))}&error_description=%00%ff%zz&access_token[]=a`, "text/html", "400 No"),
    ),
  (dice, socket) => socket.end(reply(`callback(${object(dice)});evil(1)`, "text/javascript")),
  (dice, socket) =>
    socket.end(
      reply(
        `{"access_token":"canary-good-token","scope":${JSON.stringify(Array.from({ length: 50_000 }, (_, n) => `s${n}`))},"id":${dice.below(9)}}`,
      ),
    ),
  (dice, socket) =>
    socket.end(
      reply(whole, "application/json", `30${dice.of([1, 2, 3, 7, 8])} Away`, [
        `location: ${dice.of(["file:///etc/passwd", "javascript:evil(1)", "//evil.example/", "http://127.0.0.1:1/", "\\\\evil", ""])}`,
      ]),
    ),
  // lies about the length
  (dice, socket) =>
    socket.end(head("200 OK", ["content-type: application/json", `content-length: ${dice.of([1, 10, 1_000_000, -1])}`]) + whole),
  (_dice, socket) => socket.end(head("200 OK", ["content-length: 10", "content-length: 20"]) + whole),
  (_dice, socket) => socket.end(`${head("200 OK", ["transfer-encoding: chunked"])}ZZZ\r\n${whole}\r\n0\r\n\r\n`),
  (_dice, socket) => socket.end(`${head("200 OK", ["transfer-encoding: chunked", "content-length: 5"])}5\r\n${whole}`),
  // headers
  (_dice, socket) => socket.end(reply(whole, "application/json", "200 OK", [`x-large: ${"x".repeat(200_000)}`])),
  (_dice, socket) =>
    socket.end(
      reply(
        whole,
        "application/json",
        "200 OK",
        Array.from({ length: 5000 }, (_, n) => `x-${n}: 1`),
      ),
    ),
  (_dice, socket) => socket.end(reply(whole, "application/json", "200 OK", ["x-nul: a\0b", "x-bare: a\rb"])),
  (_dice, socket) =>
    socket.end(reply(whole, "application/json", "200 OK", ["__proto__: a", "constructor: b", "set-cookie: __proto__=x"])),
  (dice, socket) =>
    socket.end(
      reply(whole, "application/json", dice.of(["429 Slow", "503 Busy"] as const), [
        `retry-after: ${dice.of(["-1", "1e99", "soon", "99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "\u00e9"])}`,
      ]),
    ),
  // what is no HTTP
  (dice, socket) => socket.end(Buffer.from(Array.from({ length: 300 }, () => dice.below(256)))),
  (_dice, socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"),
  (_dice, socket) => socket.end("HTTP/0.9 what\r\n\r\n"),
  (dice, socket) =>
    socket.end(head(dice.of(["100 Continue", "101 Switching Protocols", "103 Hints"] as const), ["upgrade: evil"])),
  (_dice, socket) => socket.resetAndDestroy(),
  (_dice, socket) => socket.end(),
  // compression
  (_dice, socket) => socket.end(reply(whole, "application/json", "200 OK", ["content-encoding: gzip"])),
  (_dice, socket) => socket.end(reply(gzipSync(whole).subarray(0, 20), "application/json", "200 OK", ["content-encoding: gzip"])),
  (_dice, socket) => socket.end(reply(whole, "application/json", "200 OK", [`content-encoding: ${"gzip, ".repeat(50)}br`])),
];

/** The heavy ones: bodies of 10 MB, and small ones that unpack to more. */
const heavy: readonly ((dice: Dice, socket: Socket) => void)[] = [
  (_dice, socket) => socket.end(reply(bombs.gzip, "application/json", "200 OK", ["content-encoding: gzip"])),
  (_dice, socket) => socket.end(reply(bombs.br, "application/json", "200 OK", ["content-encoding: br"])),
  (_dice, socket) => socket.end(reply(bombs.twice, "application/json", "200 OK", ["content-encoding: gzip, gzip"])),
  (_dice, socket) => socket.end(reply(`{"access_token":"${"x".repeat(large)}"}`)),
  (_dice, socket) => socket.end(reply("[".repeat(large))),
  (_dice, socket) => socket.end(reply(Buffer.alloc(large, " "), "text/html")),
  (_dice, socket) =>
    socket.end(`${head("200 OK", ["content-type: application/json"])}{"error_description":"${payloads[0].repeat(400_000)}"`),
];

/** A body without an end, a few bytes now and then. */
function drip(socket: Socket): void {
  socket.write(head("200 OK", ["content-type: application/json"]));
  const timer = setInterval(() => socket.write(" "), 100);
  socket.on("close", () => clearInterval(timer));
}

/** What the lane's one hostile endpoint answers. */
export interface Lane {
  /** `token` or `me`; the other one behaves. */
  readonly at: "token" | "me";
  readonly manner: "odd" | "heavy" | "drip";
  readonly seed: number;
}

export interface HostileServer {
  readonly url: string;
  /** How many requests met an answer that was made to do harm. */
  met(): number;
}

/** A provider that was made to do harm. `/{lane}/token` and `/{lane}/me` answer as `laneOf` says. */
export async function startHostileServer(laneOf: (lane: number) => Lane): Promise<HostileServer> {
  let met = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    let arrived = "";
    socket.on("data", (chunk) => {
      const before = arrived.includes("\r\n\r\n");
      arrived += chunk.toString("latin1");
      if (before || !arrived.includes("\r\n\r\n")) return;
      const [, number = "", at = ""] = /^[A-Z]+ \/([0-9]+)\/(token|me)/.exec(arrived) ?? [];
      const lane = laneOf(Number(number));
      if (lane.at !== at) return void socket.end(reply(whole));
      met += 1;
      const dice = new Dice(lane.seed);
      if (lane.manner === "drip") return drip(socket);
      const choice = lane.manner === "heavy" ? heavy : manners;
      choice[lane.seed % choice.length]?.(dice, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  afterwards(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, met: () => met };
}
