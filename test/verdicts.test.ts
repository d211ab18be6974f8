import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { draft, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";

/*
 * Which URLs a connection's credential may go to, as a table: a provider names the URL in a redirect and as the next page of a list, a
 * caller in the path of the proxy route. What is allowed must arrive with the credential; of what is not, no listener may see a byte, not
 * even a connection.
 */

jest.setTimeout(120_000);

/** `{p}`: the API's port. `{q}`: that of a listener that nobody has any business with, at an address that may be reached. */
type Row = readonly [url: string, verdict: string];

const reached = "reached";
const whitelist = "url_not_whitelisted";
const invalid = "url_invalid";
const address = "address_refused";

const whole: readonly Row[] = [
  // Exactly what is on the list, in every way in which it may be written.
  ["http://api.example:{p}/v1/ok", reached],
  ["HTTP://API.EXAMPLE:{p}/v1/ok", invalid],
  ["http://API.Example:{p}/v1/ok", reached],
  ["http://api.example.:{p}/v1/ok", reached],
  ["http://api.example:{p}/v1/ok?a=1&b=%2F", reached],
  ["http://api.example:{p}/v1/ok#part", reached],
  ["http://api.example:{p}/v1", reached],
  ["http://api.example:{p}/v1/", reached],
  ["http://api.example:{p}/v1//ok", reached],
  ["http://api.example:{p}/v1/a/../ok", reached],
  ["http://api.example:{p}/v1/./ok", reached],
  ["http://api.example:{p}/v1/ok;a=1", reached],
  ["http://api.example:{p}/v1/%61", reached],
  ["http://api.example:{p}/v1/%E2%82%AC", reached],
  ["http://api.example:{p}/v1/...", reached],
  ["http://%61pi.example:{p}/v1/ok", reached],
  ["http://api.example:0{p}/v1/ok", reached],
  ["/v1/ok", reached],
  ["ok", reached],
  ["?a=1", reached],
  ["//api.example:{p}/v1/ok", reached],
  // Another path.
  ["http://api.example:{p}/", whitelist],
  ["http://api.example:{p}", whitelist],
  ["http://api.example:{p}/v1x", whitelist],
  ["http://api.example:{p}/v1x/ok", whitelist],
  ["http://api.example:{p}/v", whitelist],
  ["http://api.example:{p}/V1/ok", whitelist],
  ["http://api.example:{p}/v2/ok", whitelist],
  ["http://api.example:{p}//v1/ok", whitelist],
  ["http://api.example:{p}/v1/../v2", whitelist],
  ["http://api.example:{p}/v1/../../v2", whitelist],
  ["http://api.example:{p}/v1/%2e%2e/v2", whitelist],
  ["http://api.example:{p}/v1/%2E./v2", whitelist],
  ["http://api.example:{p}/?/v1/ok", whitelist],
  ["http://api.example:{p}/#/v1/ok", whitelist],
  ["http://api.example:{p}?/v1/ok", whitelist],
  ["/v2/ok", whitelist],
  ["../v2", whitelist],
  // What a server behind the first one could decode once more.
  ["http://api.example:{p}/v1/..%2fv2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/..%2Fv2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/..%5cv2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/%2e%2e%2fv2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/%252e%252e/v2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/%252e%252e%252fv2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/%00", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/a%00/../../v2", whitelist],
  ["http://api.example:{p}/v1/..;/v2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}/v1/..;a=b/v2", `${whitelist}|${invalid}`],
  ["http://api.example:{p}%2fv1/ok", invalid],
  // Another host.
  ["http://evil.example:{q}/v1/ok", whitelist],
  ["http://api.example.evil.example:{q}/v1/ok", whitelist],
  ["http://evil-api.example:{q}/v1/ok", whitelist],
  ["http://evil.api.example:{q}/v1/ok", whitelist],
  ["http://apixexample:{q}/v1/ok", whitelist],
  ["http://example:{q}/v1/ok", whitelist],
  ["http://api.example2:{q}/v1/ok", whitelist],
  ["http://evil.example:{q}/http://api.example:{p}/v1/ok", whitelist],
  ["http://evil.example:{q}/?http://api.example:{p}/v1/ok", whitelist],
  ["http://evil.example:{q}#api.example:{p}/v1/ok", whitelist],
  ["http://evil.example:{q}?@api.example:{p}/v1/ok", whitelist],
  ["//evil.example:{q}/v1/ok", whitelist],
  ["//evil.example:{q}", whitelist],
  ["http://localhost:{q}/v1/ok", whitelist],
  ["http://api.example..:{p}/v1/ok", invalid],
  ["http://.api.example:{p}/v1/ok", invalid],
  ["http://api..example:{p}/v1/ok", invalid],
  ["http://-api.example:{p}/v1/ok", invalid],
  ["http://api-.example:{p}/v1/ok", invalid],
  ["http://api_1.example:{p}/v1/ok", whitelist],
  [`http://${"a".repeat(64)}.example:{p}/v1/ok`, invalid],
  [`http://${"a.".repeat(130)}example:{p}/v1/ok`, invalid],
  ["http://xn--a:{p}/v1/ok", invalid],
  ["http://xn--api-.example:{p}/v1/ok", invalid],
  ["http://a%2fpi.example:{p}/v1/ok", invalid],
  ["http://api.example%2f@evil.example:{q}/v1/ok", invalid],
  ["http://api.example%00.evil.example:{q}/v1/ok", invalid],
  ["http://api.example%20.evil.example:{q}/v1/ok", invalid],
  ["http://api.example%2eevil.example:{q}/v1/ok", whitelist],
  // A user name.
  ["http://api.example:{p}@evil.example:{q}/v1/ok", invalid],
  ["http://api.example@evil.example:{q}/v1/ok", invalid],
  ["http://user@api.example:{p}/v1/ok", invalid],
  ["http://user:pass@api.example:{p}/v1/ok", invalid],
  ["http://@api.example:{p}/v1/ok", invalid],
  ["http://:@api.example:{p}/v1/ok", invalid],
  ["http://evil.example:{q}@api.example:{p}/v1/ok", invalid],
  // Another scheme, or one that the parser would mend.
  ["https://api.example:{p}/v1/ok", whitelist],
  ["https://api.example/v1/ok", whitelist],
  ["http:api.example:{p}/v1/ok", invalid],
  ["http:/api.example:{p}/v1/ok", invalid],
  ["http:///api.example:{p}/v1/ok", invalid],
  ["http:\\\\api.example:{p}\\v1\\ok", invalid],
  ["http:/\\evil.example:{q}/v1/ok", invalid],
  ["http:evil.example:{q}/v1/ok", invalid],
  ["http:///evil.example:{q}/v1/ok", invalid],
  ["http:////evil.example:{q}/v1/ok", invalid],
  ["///evil.example:{q}/v1/ok", invalid],
  ["////evil.example:{q}/v1/ok", invalid],
  ["/\\evil.example:{q}/v1/ok", invalid],
  ["\\\\evil.example:{q}/v1/ok", invalid],
  ["\\/evil.example:{q}/v1/ok", invalid],
  ["http://evil.example:{q}\\@api.example:{p}/v1/ok", invalid],
  ["http://api.example:{p}\\@evil.example:{q}/v1/ok", invalid],
  ["http://api.example:{p}/v1\\..\\v2", invalid],
  ["ftp://api.example:{p}/v1/ok", invalid],
  ["file:///etc/passwd", invalid],
  ["gopher://evil.example:{q}/x", invalid],
  ["data:text/plain,x", invalid],
  ["javascript:alert(1)", invalid],
  ["ws://api.example:{p}/v1/ok", invalid],
  ["blob:http://api.example:{p}/v1/ok", invalid],
  ["http://", invalid],
  ["http://:{p}/v1/ok", invalid],
  ["http://?/v1/ok", invalid],
  // White space and control characters.
  ["http://api.example:{p}/v1/o k", invalid],
  ["http://api.example:{p}/v1/ok\t", invalid],
  ["ht\ttp://evil.example:{q}/v1/ok", invalid],
  ["http://evil\t.example:{q}/v1/ok", invalid],
  // Another port.
  ["http://api.example:{q}/v1/ok", whitelist],
  ["http://api.example/v1/ok", whitelist],
  ["http://api.example:/v1/ok", whitelist],
  ["http://api.example:0/v1/ok", invalid],
  ["http://api.example:65536/v1/ok", invalid],
  ["http://api.example:{p}{p}/v1/ok", invalid],
  ["http://api.example:-1/v1/ok", invalid],
  ["http://api.example:{p}:{q}/v1/ok", invalid],
  // IP addresses in every spelling: that they would lead to the API makes no difference.
  ["http://127.0.0.1:{p}/v1/ok", whitelist],
  ["http://127.0.0.1:{q}/v1/ok", whitelist],
  ["http://127.0.0.1.:{q}/v1/ok", whitelist],
  ["http://2130706433:{q}/v1/ok", whitelist],
  ["http://0x7f000001:{q}/v1/ok", whitelist],
  ["http://0x7f.1:{q}/v1/ok", whitelist],
  ["http://017700000001:{q}/v1/ok", whitelist],
  ["http://0177.0.0.1:{q}/v1/ok", whitelist],
  ["http://127.1:{q}/v1/ok", whitelist],
  ["http://127.0.1:{q}/v1/ok", whitelist],
  ["http://0:{q}/v1/ok", whitelist],
  ["http://0.0.0.0:{q}/v1/ok", whitelist],
  ["http://[::1]:{q}/v1/ok", whitelist],
  ["http://[::ffff:127.0.0.1]:{q}/v1/ok", whitelist],
  ["http://[::127.0.0.1]:{q}/v1/ok", whitelist],
  ["http://[::7f00:1]:{q}/v1/ok", whitelist],
  ["http://[64:ff9b::7f00:1]:{q}/v1/ok", whitelist],
  ["http://[fe80::1%25lo]:{q}/v1/ok", invalid],
  ["http://[::1:{q}/v1/ok", invalid],
  ["http://127.0.0.1.2:{q}/v1/ok", invalid],
  ["http://256.0.0.1:{q}/v1/ok", invalid],
  ["http://169.254.169.254/latest/meta-data/", whitelist],
  ["http://metadata.google.internal/computeMetadata/v1/", whitelist],
  // Wildcards: one label or more before the domain, never the domain itself, never a part of a label.
  ["http://a.files.example:{p}/anything", reached],
  ["http://b.a.files.example:{p}/anything", reached],
  ["http://d.c.b.a.files.example:{p}/", reached],
  ["http://a.files.example.:{p}/anything", reached],
  ["http://files.example:{p}/anything", whitelist],
  ["http://.files.example:{p}/anything", invalid],
  ["http://evilfiles.example:{p}/anything", whitelist],
  ["http://evil-files.example:{p}/anything", whitelist],
  ["http://a.files.example.evil.example:{q}/anything", whitelist],
  ["http://files.example.evil.example:{q}/anything", whitelist],
  ["http://*.files.example:{p}/anything", invalid],
  ["http://a.files.example:{q}/anything", whitelist],
  ["https://a.files.example:{p}/anything", whitelist],
  // On the list, but at an address that may not be reached, or in plain http may not.
  ["http://inner.files.example:{p}/x", address],
  ["http://mixed.files.example:{p}/x", address],
  ["http://mixed-too.files.example:{p}/x", address],
  ["http://metadata.files.example:{p}/x", address],
  ["http://ten.files.example:{p}/x", address],
  ["http://shared.files.example:{p}/x", address],
  ["http://any.files.example:{p}/x", address],
  ["http://broadcast.files.example:{p}/x", address],
  ["http://six.files.example:{p}/x", address],
  ["http://mapped.files.example:{p}/x", address],
  ["http://compatible.files.example:{p}/x", address],
  ["http://nat64.files.example:{p}/x", address],
  ["http://sixtofour.files.example:{p}/x", address],
  ["http://teredo.files.example:{p}/x", address],
  ["http://unique.files.example:{p}/x", address],
  ["http://linklocal.files.example:{p}/x", address],
  ["http://public.files.example:{p}/x", address],
  ["http://none.files.example:{p}/x", "provider_unavailable"],
];

/** What no header may hold, so that only an answer's body can name it. */
const wide: readonly Row[] = [
  ["http://\uff41\uff50\uff49.example:{p}/v1/ok", reached],
  ["http://api\u3002example:{p}/v1/ok", reached],
  ["http://a\u00adpi.example:{p}/v1/ok", reached],
  ["http://\u24d0pi.example:{p}/v1/ok", reached],
  ["http://api.example:{p}/v1/\u20ac", reached],
  ["http://\u0430pi.example:{p}/v1/ok", whitelist],
  ["http://api.example\u2044v1:{q}/ok", whitelist],
  ["http://api.example\uff0fv1:{q}/ok", invalid],
  ["http://api.example\uff20evil.example:{q}/v1/ok", invalid],
  ["http://\uff11\uff12\uff17.0.0.1:{q}/v1/ok", whitelist],
  ["http://\u2460\u2461\u2466.0.0.1:{q}/v1/ok", whitelist],
  ["http://evil.example:{q}/v1/ok\u0000", invalid],
  ["http://evil\u0000.example:{q}/v1/ok", invalid],
  ["http://evil.example\u000d\u000a:{q}/v1/ok", invalid],
  ["\u0001http://evil.example:{q}/v1/ok", invalid],
  [" http://evil.example:{q}/v1/ok", invalid],
  ["http://api.example:{p}/v1/ok\u0085", invalid],
  ["http\u003a\u002f\u002fevil.example:{q}/v1/ok", whitelist],
];

/** Behind `…/proxy`, byte for byte. */
const paths: readonly Row[] = [
  ["/ok", reached],
  ["/ok?a=1&a=2&b=%2F", reached],
  ["/a/../ok", reached],
  ["//ok", reached],
  ["/%41", reached],
  ["/http://evil.example:{q}/", reached],
  ["/@evil.example:{q}/", reached],
  ["//evil.example:{q}/", reached],
  ["/../v2", whitelist],
  ["/%2e%2e/v2", whitelist],
  ["/.%2E/v2", whitelist],
  ["/a/../../v2", whitelist],
  ["/..%2fv2", whitelist],
  ["/..%5cv2", whitelist],
  ["/%2e%2e%2fv2", whitelist],
  ["/%252e%252e/v2", whitelist],
  ["/..;/v2", whitelist],
  ["/a%00b", whitelist],
  ["/a%2fb", whitelist],
  ["/..\\v2", invalid],
  ["/\\evil.example:{q}/", invalid],
  [`/${"a".repeat(5000)}`, invalid],
];

const names: Readonly<Record<string, readonly (readonly string[])[]>> = {
  ...Object.fromEntries(
    ["api.example", "a.files.example", "b.a.files.example", "d.c.b.a.files.example", "files.example", "evilfiles.example"].map(
      (name) => [name, [["127.0.0.1"]]],
    ),
  ),
  ...Object.fromEntries(
    ["evil.example", "api.example.evil.example", "evil.api.example", "evil-api.example", "example", "apixexample"].map((name) => [
      name,
      [["127.0.0.1"]],
    ]),
  ),
  "inner.files.example": [["127.0.0.2"]],
  "mixed.files.example": [["127.0.0.1", "127.0.0.2"]],
  "mixed-too.files.example": [["127.0.0.2", "127.0.0.1"]],
  "metadata.files.example": [["169.254.169.254"]],
  "ten.files.example": [["10.0.0.1"]],
  "shared.files.example": [["100.64.0.1"]],
  "any.files.example": [["0.0.0.0"]],
  "broadcast.files.example": [["255.255.255.255"]],
  "six.files.example": [["::1"]],
  "mapped.files.example": [["::ffff:127.0.0.2"]],
  "compatible.files.example": [["::127.0.0.2"]],
  "nat64.files.example": [["64:ff9b::7f00:2"]],
  "sixtofour.files.example": [["2002:7f00:2::"]],
  "teredo.files.example": [["2001::1"]],
  "unique.files.example": [["fd00::1"]],
  "linklocal.files.example": [["fe80::1"]],
  "public.files.example": [["93.184.216.34"]],
  "none.files.example": [[]],
  // Looked up for the first connection, and again for another one.
  "rebinding.files.example": [["127.0.0.1"], ["127.0.0.2"]],
};

interface Seen {
  readonly target: string;
  readonly host: string;
  readonly authorization: string | undefined;
}

let product: Product;
let id: string;
/** What the API got, and what it answers at the beginning. */
let seen: Seen[] = [];
let to = "";
let port = 0;
/** Connections to whom nobody may connect: at an address that may be reached, and at one that may not. */
let strangers = 0;
let strange = 0;
let closing = false;

const token = "canary-key-of-the-connection";

const at = (text: string) => text.replaceAll("{p}", String(port)).replaceAll("{q}", String(strange));

const manifest = () => `manifest: 1
name: acme
title: Acme
base_url: http://api.example:${port}/v1
auth:
  key:
    type: api_key
    apply: { in: header, name: Authorization, value: "Bearer {{ fields.api_key }}" }
    whitelist: ["http://api.example:${port}/v1", "http://*.files.example:${port}"]
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
actions:
  redirect: { title: Be redirected, request: { path: /redirect } }
  pages: { title: List, request: { path: /pages }, paginate: { type: url, items: body.items, next: body.next, max_pages: 2 } }
`;

/** Counts who connects, and lets nobody go unseen. */
async function startStranger(host: string, wanted: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    strangers += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(wanted, host, resolve));
  afterwards(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const server = createServer((request, response) => {
    const { url: target = "", headers } = request;
    seen.push({ target, host: headers.host ?? "", authorization: headers.authorization });
    response.setHeader("content-type", "application/json");
    if (closing) response.setHeader("connection", "close");
    if (target === "/v1/me") return void response.end('{"name":"Ada"}');
    if (target === "/v1/redirect") return void response.writeHead(302, { location: to }).end();
    response.end(JSON.stringify(target === "/v1/pages" ? { items: [1], next: to } : { items: [2] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  port = (server.address() as AddressInfo).port;
  strange = await startStranger("127.0.0.1", 0);
  await startStranger("127.0.0.2", port);
  const file = join(temporary(), "names.json");
  writeFileSync(file, JSON.stringify(names));
  const preload = pathToFileURL(join(process.cwd(), "test/harness/names.mjs"));
  product = await startProduct({
    connectors: { acme: manifest() },
    env: { NODE_OPTIONS: `--import ${preload}`, NAMES_FILE: file, ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32" },
  });
  ({ id } = await draft(product, "acme", { fields: { api_key: token } }));
});
afterAll(cleanup);
beforeEach(() => {
  seen = [];
  strangers = 0;
  closing = false;
});

/**
 * What became of it, after so many requests that are not asked about: `reached`, or the code; and that nobody else saw anything. A redirect
 * takes the credential to no other host, also where that is on the list.
 */
function judged(answer: { readonly status: number; readonly text: string }, first: number, isRedirect = false): string {
  expect(strangers).toBe(0);
  const further = seen.slice(first);
  if (answer.status === 200) {
    for (const { host, authorization } of further) {
      expect(host).toMatch(/^(api\.example|([a-z]\.)+files\.example|rebinding\.files\.example):\d+$/);
      expect(authorization).toBe(isRedirect && !host.startsWith("api.") ? undefined : `Bearer ${token}`);
    }
    return further.length === 1 ? reached : "nobody was reached";
  }
  expect(further).toEqual([]);
  return JSON.parse(answer.text).code;
}

const shown = (url: string) => JSON.stringify(url.length > 80 ? `${url.slice(0, 80)}…` : url);

describe("A provider redirects to", () => {
  for (const [url, verdict] of whole)
    test(`${shown(url)}: ${verdict}`, async () => {
      to = at(url);
      expect(verdict.split("|")).toContain(judged(await step(product, id, "redirect"), 1, true));
    });
});

describe("A provider names as the next page", () => {
  for (const [url, verdict] of [...whole, ...wide])
    test(`${shown(url)}: ${verdict}`, async () => {
      to = at(url);
      expect(verdict.split("|")).toContain(judged(await step(product, id, "pages"), 1));
    });
});

describe("A caller asks the proxy route for", () => {
  for (const [path, verdict] of paths)
    test(`${shown(path)}: ${verdict}`, async () => {
      const target = `/v1/connections/${id}/proxy${at(path)}`;
      expect(verdict.split("|")).toContain(judged(await product.send("GET", "/", undefined, { target }), 0));
    });
});

test("A name that changes its address is reached where it was judged, and refused when it is looked up anew", async () => {
  to = at("http://rebinding.files.example:{p}/x");
  closing = true;
  expect(judged(await step(product, id, "redirect"), 1, true)).toBe(reached);
  seen = [];
  expect(judged(await step(product, id, "redirect"), 1, true)).toBe(address);
});

test("There are two hundred cases and more", () => {
  expect(2 * whole.length + wide.length + paths.length).toBeGreaterThan(200);
});
