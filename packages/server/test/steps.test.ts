import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Answer, type Product, startProduct } from "./product.ts";
import { temporary } from "./temporary.ts";

// What a workflow can rely on when it runs a step: it is done once, in the time that it has, and not more of them at once than the API bears.

jest.setTimeout(60_000);

const secret = "canary-answer-0123456789";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** Its bytes, one to a character. */
  readonly body: string;
}

/** An API on a loopback port. What it answers to a path is the test's to say; it can keep its callers waiting. */
class Api {
  readonly seen: Seen[] = [];
  readonly answers = new Map<string, (response: ServerResponse, seen: Seen) => void>();
  readonly #held: (() => void)[] = [];
  #holding = false;
  url = "";
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("latin1");
    const seen = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    this.seen.push(seen);
    if (this.#holding && seen.path !== "/me") await new Promise<void>((go) => this.#held.push(go));
    const answer = this.answers.get(new URL(seen.path, "http://api").pathname);
    if (answer !== undefined) return answer(response, seen);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ id: "u1", n: this.at(seen.path).length, secret }));
  });

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  hold(): void {
    this.#holding = true;
  }

  release(): void {
    this.#holding = false;
    for (const go of this.#held.splice(0)) go();
  }

  at(path: string): Seen[] {
    return this.seen.filter((one) => one.path === path);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const manifest = (api: Api, name: string, more = "") => `manifest: 1
name: ${name}
title: Acme
base_url: ${api.url}
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    unique_id: me.id
    label: Acme
${more}options:
  folders: { request: { path: /folders, query: { of: "{{ input.account }}" } }, items: "[]" }
actions:
  browse:
    title: Browse
    input: { account: {}, folder: { type: select, options: folders } }
    request: { path: /browse, query: { a: "{{ input.account }}", f: "{{ input.folder }}" } }
  create: { title: Create, input: { name: {} }, request: { method: POST, path: /create, body: { name: "{{ input.name }}" } } }
  read: { title: Read, request: { path: /read } }
  known:
    title: Create
    request: { method: POST, path: /known }
    retry: { idempotency_header: Idempotency-Key }
  upload:
    title: Upload
    input: { file: { type: file, required: true } }
    request: { method: POST, path: /upload, encoding: multipart, body: { file: "{{ input.file }}" } }
  typed:
    title: Typed
    input: { headers: { type: object } }
    request: { method: POST, path: /typed, headers: "{{ input.headers }}", body: { a: 1 } }
  invite:
    title: Invite
    input:
      address: { type: object, required: true, fields: { street: { required: true }, floor: { type: number }, lift: { type: boolean, default: true } } }
      people: { type: object, list: true, fields: { name: { required: true }, age: { type: number, min: 0 } } }
    request: { method: POST, path: "/in/{{ input.address.street }}", body: { floor: "{{ input.address.floor }}", lift: "{{ input.address.lift }}", people: "{{ input.people }}" } }
  quick: { title: Read, timeout: 1s, request: { path: /quick } }
  pages:
    title: Pages
    request: { path: /pages }
    paginate: { type: page, items: body.items, size: 2, send: { query: { page: "{{ page.number }}" } } }
`;

let api: Api;
let other: Api;
let product: Product;
let ahead = 0;
const clock = () => Date.now() + ahead;
const dataDir = join(temporary(), "data");
const env = { ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32" };
let connections: Readonly<Record<string, string>>;

const begin = () =>
  startProduct({
    connectors: {
      acme: manifest(api, "acme"),
      narrow: manifest(api, "narrow", "rate_limit: { concurrent: 1 }\n"),
      budget: manifest(
        api,
        "budget",
        "rate_limit: { headers: { remaining: x-left, reset: x-reset, reset_unit: s }, statuses: [529] }\n",
      ),
      spare: manifest(api, "spare", "rate_limit: { requests: 2, per: 1h }\n"),
      shaky: manifest(other, "shaky"),
    },
    env,
    dataDir,
    clock,
  });

beforeAll(async () => {
  api = await new Api().start();
  other = await new Api().start();
  product = await begin();
  const made = ["acme", "narrow", "budget", "spare", "shaky"].map(async (connector) => {
    const answer = await product.send("POST", "/v1/connections", {
      body: { connector, fields: { api_key: "canary-key-0123456789" } },
    });
    expect(answer.json).toMatchObject({ status: "connected" });
    return [connector, answer.json.id] as const;
  });
  connections = Object.fromEntries(await Promise.all(made));
});
afterAll(() => {
  for (const each of [api, other]) each.stop();
});
beforeEach(() => {
  for (const each of [api, other]) {
    each.seen.length = 0;
    each.answers.clear();
  }
});

const path = (action: string, connector = "acme") => `/v1/connections/${connections[connector]}/actions/${action}`;
const run = (action: string, body: object = {}, headers: Record<string, string> = {}, connector = "acme"): Promise<Answer> =>
  product.send("POST", path(action, connector), { body, headers });
const keyed = (key: string, action: string, input: object = {}, connector = "acme") =>
  run(action, { input }, { "idempotency-key": key }, connector);
const coded = (answer: Answer) => [answer.status, answer.json.code];

async function until<T>(ask: () => T): Promise<NonNullable<T>> {
  for (let tries = 0; tries < 2000; tries += 1) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it did not come about");
}

const fail =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ error: "no" }));
  };

describe("a step with an Idempotency-Key", () => {
  test("that is repeated gives the first answer, and is done once", async () => {
    const first = await keyed("one", "create", { name: "a" });
    const again = await keyed("one", "create", { name: "a" });
    expect([first.status, first.json.output.n]).toEqual([200, 1]);
    expect(again.json).toEqual(first.json);
    expect([first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")]).toEqual([null, "true"]);
    expect(api.at("/create")).toHaveLength(1);
  });

  test("is another step through another connection, and with another key", async () => {
    await keyed("two", "create");
    await keyed("two", "create", {}, "narrow");
    await keyed("three", "create");
    await run("create");
    expect(api.at("/create")).toHaveLength(4);
  });

  test("is refused where the key was another input's, another action's or another mode's", async () => {
    await keyed("four", "create", { name: "a" });
    expect(coded(await keyed("four", "create", { name: "b" }))).toEqual([422, "idempotency_key_reused"]);
    expect(coded(await keyed("four", "read"))).toEqual([422, "idempotency_key_reused"]);
    expect(coded(await run("create", { input: { name: "a" }, mode: "test" }, { "idempotency-key": "four" }))).toEqual([
      422,
      "idempotency_key_reused",
    ]);
    expect(api.seen).toHaveLength(1);
  });

  test("is told to ask again while the first one runs, of many at once each but one", async () => {
    api.hold();
    const refused: Answer[] = [];
    const all = Array.from({ length: 8 }, async () => {
      const answer = await keyed("five", "create");
      if (answer.status !== 200) refused.push(answer);
      return answer;
    });
    await until(() => api.at("/create").length === 1 && refused.length === 7);
    api.release();
    const answers = await Promise.all(all);
    for (const answer of refused) {
      expect(coded(answer)).toEqual([409, "step_running"]);
      expect(answer.headers.get("retry-after")).toBe("1");
    }
    expect((await keyed("five", "create")).json).toEqual(answers.find(({ status }) => status === 200)?.json);
    expect(api.at("/create")).toHaveLength(1);
  });

  test("gives its failure again where the provider may have done it", async () => {
    api.answers.set("/create", fail(500));
    const first = await keyed("six", "create");
    api.answers.clear();
    const again = await keyed("six", "create");
    expect(coded(first)).toEqual([502, "provider_unavailable"]);
    expect(again.json).toMatchObject({
      code: "provider_unavailable",
      detail: first.json.detail,
      provider: { status: 500 },
      replayed: true,
    });
    expect(api.at("/create")).toHaveLength(1);
  });

  test("is made again where the provider has certainly not done it", async () => {
    expect(coded(await keyed("seven", "create", { name: { not: "a text" } }))).toEqual([422, "input_invalid"]);
    for (const status of [429, 401]) {
      api.answers.set("/create", fail(status));
      expect((await keyed("seven", "create")).status).toBeGreaterThan(400);
      api.answers.clear();
    }
    const before = api.at("/create").length;
    expect((await keyed("seven", "create")).status).toBe(200);
    expect(api.at("/create")).toHaveLength(before + 1);
  });

  test("goes on when its caller goes away, who gets the answer later", async () => {
    api.hold();
    const leaving = new AbortController();
    const gone = fetch(product.url + path("create"), {
      method: "POST",
      headers: { authorization: `Bearer ${product.key}`, "idempotency-key": "eight" },
      signal: leaving.signal,
    });
    await until(() => api.at("/create").length === 1);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    api.release();
    const answer = await until(async () => {
      const later = await keyed("eight", "create");
      return later.status === 200 ? later : undefined;
    });
    expect(answer.headers.get("idempotent-replayed")).toBe("true");
    expect(api.at("/create")).toHaveLength(1);
  });

  test("that was cut off is not done twice, unless that does no harm or the provider would know", async () => {
    api.hold();
    const first = (["create", "read", "known"] as const).map((action) => keyed(`nine-${action}`, action));
    await until(() => api.seen.length === 3);
    ahead += 60_000;
    expect(coded(await keyed("nine-create", "create"))).toEqual([409, "step_interrupted"]);
    const again = (["read", "known"] as const).map((action) => keyed(`nine-${action}`, action));
    await until(() => api.seen.length === 5);
    api.release();
    for (const answer of await Promise.all(again)) expect(answer.status).toBe(200);
    await Promise.all(first);
    const ids = api.at("/known").map(({ headers }) => headers["idempotency-key"]);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is known after a restart and for a day, and kept without a word of it in the clear", async () => {
    const first = await keyed("canary-key-of-ten", "create", { name: "canary-input-0123456789" });
    await product.server.close();
    const files = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile());
    const stored = Buffer.concat(files.map(({ name }) => readFileSync(join(dataDir, name))));
    for (const canary of [secret, "canary-key-of-ten", "canary-input-0123456789"]) expect(stored.includes(canary)).toBe(false);
    product = await begin();
    expect((await keyed("canary-key-of-ten", "create", { name: "canary-input-0123456789" })).json).toEqual(first.json);
    expect(api.at("/create")).toHaveLength(1);
    ahead += 24 * 3_600_000;
    await keyed("canary-key-of-ten", "create");
    expect(api.at("/create")).toHaveLength(2);
  });

  test("is finished by a process that is told to end", async () => {
    api.hold();
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${product.key}`, "idempotency-key": "eleven" };
    const gone = fetch(product.url + path("create"), { method: "POST", headers, signal: leaving.signal }).catch(() => "gone");
    await until(() => api.at("/create").length === 1);
    leaving.abort();
    expect(await gone).toBe("gone");
    const closed = product.server.close();
    api.release();
    await closed;
    product = await begin();
    const answer = await keyed("eleven", "create");
    expect([answer.status, answer.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
    expect(api.at("/create")).toHaveLength(1);
  });

  test("needs a key that a header can hold", async () => {
    for (const key of ["a b", "x".repeat(256)]) expect(coded(await keyed(key, "create"))).toEqual([400, "request_invalid"]);
    expect(api.seen).toHaveLength(0);
  });
});

describe("a step has a time to end in", () => {
  test("that its caller gives, and that bounds the provider's request", async () => {
    api.hold();
    const answer = await run("create", {}, { "request-timeout": "1.5" });
    api.release();
    expect(coded(answer)).toEqual([504, "step_timeout"]);
    expect(answer.json).toMatchObject({ sent: true, detail: expect.stringContaining("within 1500 ms") });
    expect(answer.json.detail).toContain(new URL(api.url).host);
  });

  test("that its waits for a provider fit into, or are not begun", async () => {
    api.answers.set("/read", fail(503, { "retry-after": "5" }));
    const answer = await run("read", {}, { "request-timeout": "2" });
    expect(coded(answer)).toEqual([502, "provider_unavailable"]);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(api.at("/read")).toHaveLength(1);
  });

  test("while one request of it has what the manifest gives", async () => {
    api.hold();
    const answer = await run("quick");
    api.release();
    expect(coded(answer)).toEqual([504, "provider_timeout"]);
    expect(answer.json.detail).toBe(`${new URL(api.url).host} did not answer within 1000 ms.`);
  });

  test("of sensible length", async () => {
    for (const time of ["0", "601", "soon", "-1"])
      expect(coded(await run("read", {}, { "request-timeout": time }))).toEqual([400, "request_invalid"]);
  });
});

describe("a step that somebody tries", () => {
  const long = { items: Array.from({ length: 500 }, (_, n) => ({ n, text: "é".repeat(300) })), name: "whole" };

  test("is shown shortened, reads one page, is marked in the log, and counts as no use", async () => {
    api.answers.set("/read", (response) => response.setHeader("content-type", "application/json").end(JSON.stringify(long)));
    api.answers.set("/pages", page(1000));
    const whole = await run("read", { workflow: "nightly-1" });
    const tried = await run("read", { mode: "test", workflow: "nightly-2" });
    expect(whole.json.output).toEqual(long);
    expect(tried.json.step).toMatchObject({ mode: "test", shortened: true });
    expect(Buffer.byteLength(JSON.stringify(tried.json.output))).toBeLessThanOrEqual(4096);
    expect(tried.json.output).toMatchObject({ name: "whole", items: expect.any(Array) });
    expect(tried.json.output.items[0]).toEqual({ n: 0, text: expect.stringMatching(/^é+…$/) });
    expect((await run("pages", { mode: "test" })).json).toMatchObject({
      output: [{ n: 1 }, { n: 2 }],
      step: { shortened: false },
    });
    expect(api.at("/pages?page=1")).toHaveLength(1);
    expect(api.at("/pages?page=2")).toHaveLength(0);

    const { items } = (await product.send("GET", `/v1/connections/${connections.acme}/events?limit=3`)).json;
    expect(items.map(({ mode, action }: { mode?: string; action: string }) => [action, mode])).toEqual([
      ["pages", "test"],
      ["read", "test"],
      ["read", undefined],
    ]);
    const usage = (await product.send("GET", `/v1/connections/${connections.acme}/usage`)).json;
    expect(usage.items.map(({ workflow }: { workflow: string }) => workflow)).toEqual(["nightly-1"]);
    const metrics = (await product.send("GET", "/metrics")).text;
    expect(metrics).toMatch(/steps_total\{[^}]*action="read"[^}]*\} \d/);
    expect(metrics).not.toMatch(/steps_total\{[^}]*action="pages"/);
  });
});

describe("a provider's budget", () => {
  test("of requests at once is kept: the others wait for their turn", async () => {
    api.hold();
    const all = Array.from({ length: 5 }, () => run("read", {}, {}, "narrow"));
    for (let done = 1; done <= 5; done += 1) {
      await until(() => api.at("/read").length === done);
      api.release();
      api.hold();
    }
    api.release();
    for (const answer of await Promise.all(all)) expect(answer.status).toBe(200);
  });

  test("of requests at once is told to those for whom it takes too long", async () => {
    api.hold();
    const first = run("read", {}, {}, "narrow");
    await until(() => api.at("/read").length === 1);
    const second = await run("read", {}, { "request-timeout": "1.5" }, "narrow");
    expect(coded(second)).toEqual([429, "connection_busy"]);
    expect(second.headers.get("retry-after")).toBe("1");
    api.release();
    expect((await first).status).toBe(200);
    expect(api.at("/read")).toHaveLength(1);
  });

  test("in a time is not overdrawn", async () => {
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(await run("read", {}, {}, "spare"));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]?.json).toMatchObject({ code: "provider_rate_limited", sent: false });
    expect(Number(answers[2]?.headers.get("retry-after"))).toBeGreaterThan(1000);
    expect(api.at("/read")).toHaveLength(2);
    ahead += 3_600_000;
    expect((await run("read", {}, {}, "spare")).status).toBe(200);
  });

  test("that the provider says is used up is left alone until it says", async () => {
    api.answers.set("/read", (response) => response.writeHead(200, { "x-left": "0", "x-reset": "120" }).end("{}"));
    expect((await run("read", {}, {}, "budget")).status).toBe(200);
    const refused = await run("read", {}, {}, "budget");
    expect(coded(refused)).toEqual([429, "provider_rate_limited"]);
    expect(api.at("/read")).toHaveLength(1);
    ahead += 121_000;
    api.answers.set("/read", fail(529, { "x-reset": "600" }));
    const busy = await run("read", {}, {}, "budget");
    expect(coded(busy)).toEqual([429, "provider_rate_limited"]);
    expect(busy.headers.get("retry-after")).toBe("600");
  });
});

describe("a host that does not work", () => {
  const shaky = (headers = {}) => run("create", {}, headers, "shaky");
  const exhaust = async () => {
    for (let n = 0; n < 10; n += 1) expect((await shaky()).json.provider).toBeDefined();
  };

  test("is left alone after a row of failures, and asked by one when it may work again", async () => {
    other.answers.set("/create", fail(502));
    await exhaust();
    const refused = await shaky();
    expect(coded(refused)).toEqual([502, "provider_unavailable"]);
    expect(refused.json).toMatchObject({
      circuit: "open",
      sent: false,
      detail: expect.stringContaining(new URL(other.url).host),
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(other.at("/create")).toHaveLength(10);
    expect((await run("create")).status).toBe(200);

    ahead += 5_001;
    other.hold();
    const probe = shaky();
    await until(() => other.at("/create").length === 11);
    expect((await shaky()).json.circuit).toBe("open");
    other.release();
    expect((await probe).json.provider).toMatchObject({ status: 502 });
    ahead += 5_001;
    expect((await shaky()).json.circuit).toBe("open");
    ahead += 5_000;
    other.answers.clear();
    expect((await shaky()).status).toBe(200);
    expect((await shaky()).status).toBe(200);
  });

  test("is one that nothing comes of: a good answer or a refusal begins the count anew", async () => {
    for (const good of [200, 404, 429]) {
      other.answers.set("/create", fail(500));
      for (let n = 0; n < 9; n += 1) await shaky();
      other.answers.set("/create", fail(good));
      expect((await shaky()).json.circuit).toBeUndefined();
    }
    other.answers.set("/create", fail(404));
    for (let n = 0; n < 12; n += 1) expect((await shaky()).json.code).toBe("provider_not_found");
  });

  test("leaves a step that it refused to be made again under its key", async () => {
    other.answers.set("/create", fail(503));
    await exhaust();
    expect((await shaky({ "idempotency-key": "k" })).json.circuit).toBe("open");
    ahead += 5_001;
    other.answers.clear();
    expect((await shaky({ "idempotency-key": "k" })).status).toBe(200);
  });
});

/** Pages of two items each, up to a last one. */
function page(last: number, item: (n: number) => object = (n) => ({ n })) {
  return (response: ServerResponse, { path: asked }: Seen) => {
    const number = Number(new URL(asked, "http://api").searchParams.get("page"));
    const items = number > last ? [] : [item(2 * number - 1), item(2 * number)];
    response.setHeader("content-type", "application/json").end(JSON.stringify({ items }));
  };
}

describe("pages as JSON lines", () => {
  const ask = (accept = "application/x-ndjson", headers: Record<string, string> = {}) =>
    fetch(product.url + path("pages"), {
      method: "POST",
      headers: { authorization: `Bearer ${product.key}`, accept, ...headers },
    });
  const linesOf = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  test("are all of them, however many, and the last line says that it is the last", async () => {
    api.answers.set("/pages", page(120));
    for (const media of ["application/x-ndjson", "application/jsonl"]) {
      const answer = await ask(media);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, media]);
      const lines = linesOf(await answer.text());
      expect(lines.slice(0, -1)).toEqual(Array.from({ length: 240 }, (_, n) => ({ item: { n: n + 1 } })));
      expect(lines.at(-1)).toEqual({ step: expect.objectContaining({ action: "pages", attempts: 121, status: 200 }) });
    }
    expect((await run("pages")).json.output).toHaveLength(200);
  });

  test("come while the next page is awaited", async () => {
    api.answers.set("/pages", (response, seen) => {
      if (seen.path.endsWith("=1")) api.hold();
      page(2)(response, seen);
    });
    const reader = (await ask()).body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(linesOf(Buffer.from(value ?? []).toString())).toEqual([{ item: { n: 1 } }, { item: { n: 2 } }]);
    await until(() => api.at("/pages?page=2").length === 1);
    api.release();
    await reader?.cancel();
  });

  test("are asked for no faster than they are read", async () => {
    api.answers.set(
      "/pages",
      page(160, (n) => ({ n, text: "x".repeat(64 * 1024) })),
    );
    const answer = await ask();
    // So many as fit into the buffers on the way, far from all of them.
    for (let seen = -1; seen !== api.seen.length; ) {
      seen = api.seen.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(api.seen.length).toBeLessThan(140);
    expect(linesOf(await answer.text())).toHaveLength(321);
  });

  test("end with the problem where a page fails, and are no answer at all where the first does", async () => {
    api.answers.set("/pages", (response, seen) => (seen.path.endsWith("=3") ? fail(500) : page(9))(response, seen));
    const lines = linesOf(await (await ask()).text());
    expect(lines).toHaveLength(5);
    expect(lines[4]).toEqual({
      error: expect.objectContaining({ code: "provider_unavailable", status: 502, request_id: expect.any(String) }),
    });
    api.answers.set("/pages", fail(404));
    const refused = await ask();
    expect([refused.status, refused.headers.get("content-type")]).toEqual([502, "application/problem+json"]);
  });

  test("end with the provider's request when their reader goes away", async () => {
    await run("read");
    api.answers.set("/pages", page(1_000_000));
    const leaving = new AbortController();
    const answer = await fetch(product.url + path("pages"), {
      method: "POST",
      headers: { authorization: `Bearer ${product.key}`, accept: "application/jsonl" },
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    const log = () => product.send("GET", `/v1/connections/${connections.acme}/events?limit=1`);
    const { items } = await until(async () => {
      const { json } = await log();
      return json.items[0].action === "pages" ? json : undefined;
    });
    expect(items[0].connection).toBe(connections.acme);
  });

  test("go with no Idempotency-Key, as nothing of them is kept", async () => {
    const answer = await ask("application/jsonl", { "idempotency-key": "k" });
    expect([answer.status, (await answer.json()).code]).toEqual([400, "request_invalid"]);
    expect(api.at("/pages?page=1")).toHaveLength(0);
  });
});

describe("a body that is no JSON", () => {
  const bytes = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255, 254, 13, 10, 26]);
  const answer = (type: string, body: Buffer | string, headers: Record<string, string> = {}) =>
    api.answers.set("/read", (response) => response.writeHead(200, { "content-type": type, ...headers }).end(body));

  test("is given as a file where it is no text, which another step takes as it is", async () => {
    answer("image/png", bytes, { "content-disposition": "attachment; filename=\"../a b.png\"; filename*=UTF-8''%C3%A4%20b.png" });
    const { output } = (await run("read")).json;
    expect(output).toEqual({ name: "ä b.png", type: "image/png", size: bytes.length, data: bytes.toString("base64") });
    expect((await run("upload", { input: { file: output } })).status).toBe(200);
    const [{ headers, body } = { headers: {}, body: "" }] = api.at("/upload");
    const sent = await new Response(Buffer.from(body, "latin1"), {
      headers: { "content-type": String(headers["content-type"]) },
    }).formData();
    const file = sent.get("file") as File;
    expect([file.name, file.type, Buffer.from(await file.arrayBuffer())]).toEqual(["ä b.png", "image/png", bytes]);
  });

  test("is judged by its bytes where its type says nothing", async () => {
    answer("application/octet-stream", bytes, { "content-disposition": 'attachment; filename="/etc/x.bin"' });
    expect((await run("read")).json.output).toEqual({
      ...{ name: "x.bin", type: "application/octet-stream", size: bytes.length },
      data: bytes.toString("base64"),
    });
    answer("application/octet-stream", "just text");
    expect((await run("read")).json.output).toEqual({ text: "just text", type: "application/octet-stream" });
    answer("application/octet-stream", '{"a":1}');
    expect((await run("read")).json.output).toEqual({ a: 1 });
  });

  test("is given as a text with its type, whatever looks like a value in it", async () => {
    answer("text/csv; charset=utf-8", "a,b\r\n1,ü\r\n");
    expect((await run("read")).json.output).toEqual({ text: "a,b\r\n1,ü\r\n", type: "text/csv; charset=utf-8" });
    answer("text/plain; charset=iso-8859-1", Buffer.from("ü", "latin1"));
    expect((await run("read")).json.output).toEqual({ text: "ü", type: "text/plain; charset=iso-8859-1" });
    answer("text/html", "<!doctype html><b>no</b>");
    expect((await run("read")).json.output).toEqual({ text: "<!doctype html><b>no</b>", type: "text/html" });
    answer("application/json", '"yes"');
    expect((await run("read")).json.output).toBe("yes");
  });

  test("holds nothing of the credential, not even in a file", async () => {
    answer("image/png", Buffer.concat([bytes, Buffer.from("canary-key-0123456789"), bytes]));
    const { output } = (await run("read")).json;
    const given = Buffer.from(output.data, "base64");
    expect(given.includes("canary-key-0123456789")).toBe(false);
    expect([given.subarray(0, 10), given.subarray(-10)]).toEqual([bytes, bytes]);
    expect(output.size).toBe(given.length);
  });

  test("is taken by us up to a file of ten megabytes", async () => {
    const data = Buffer.alloc(10 << 20, 7).toString("base64");
    expect((await run("upload", { input: { file: { name: "big", data } } })).status).toBe(200);
    expect(api.at("/upload")[0]?.body.length).toBeGreaterThan(10 << 20);
    expect(coded(await run("upload", { input: { file: { data: `${data}AAAA` } } }))).toEqual([422, "input_invalid"]);
    expect((await run("upload", { input: { file: { data: "A".repeat(16 << 20) } } })).status).toBe(413);
  });

  test("is declared as what it is sent as, and as nothing else", async () => {
    const sent = async (input: object) => [
      coded(await run("typed", { input })),
      api.at("/typed").at(-1)?.headers["content-type"],
    ];
    expect((await sent({}))[1]).toBe("application/json");
    expect((await sent({ headers: { "Content-Type": "application/vnd.api+json" } }))[1]).toBe("application/vnd.api+json");
    api.seen.length = 0;
    for (const type of ["text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"])
      expect(await sent({ headers: { "content-type": type } })).toEqual([[422, "header_refused"], undefined]);
  });
});

describe("a file that is given by its id", () => {
  const bytes = Buffer.alloc((1 << 20) + 17, "canary-file-content ");
  const upload = (content: Buffer, name: string, headers: Record<string, string> = {}) =>
    fetch(`${product.url}/v1/files?name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${product.key}`, "content-type": "text/csv", ...headers },
      body: new Uint8Array(content),
    });

  test("is what the step sends, with the name and the type that it came with or that the step gives", async () => {
    const kept = await (await upload(bytes, "ä b.csv")).json();
    expect(kept).toMatchObject({ name: "ä b.csv", type: "text/csv", size: bytes.length });
    for (const [given, name, type] of [
      [{ file: kept.id }, "ä b.csv", "text/csv"],
      [{ file: kept.id, name: "c.txt", type: "text/plain" }, "c.txt", "text/plain"],
    ] as const) {
      api.seen.length = 0;
      expect((await run("upload", { input: { file: given } })).status).toBe(200);
      const [{ headers, body } = { headers: {}, body: "" }] = api.at("/upload");
      const sent = await new Response(Buffer.from(body, "latin1"), {
        headers: { "content-type": String(headers["content-type"]) },
      }).formData();
      const file = sent.get("file") as File;
      expect([file.name, file.type, Buffer.from(await file.arrayBuffer()).equals(bytes)]).toEqual([name, type, true]);
    }
    const down = await fetch(`${product.url}/v1/files/${kept.id}`, { headers: { authorization: `Bearer ${product.key}` } });
    expect(down.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''%C3%A4%20b.csv");
    expect(Buffer.from(await down.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test("lies sealed in the store", async () => {
    const { id } = await (await upload(bytes, "a")).json();
    const files = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile());
    const stored = Buffer.concat(files.map(({ name }) => readFileSync(join(dataDir, name))));
    expect(stored.includes(id)).toBe(true);
    for (const form of ["canary-file-content", Buffer.from("canary-file-content").toString("base64").slice(0, 20)])
      expect(stored.includes(form)).toBe(false);
  });

  test("can be what a step leaves, of more than fits into an answer", async () => {
    const large = Buffer.alloc(11 << 20, 0xff);
    api.answers.set("/read", (response) => response.writeHead(200, { "content-type": "application/zip" }).end(large));
    expect((await run("read")).json.code).toBe("provider_answer_too_large");
    const { output } = (await run("read", { files: "reference" })).json;
    expect(output).toEqual({
      type: "application/zip",
      size: large.length,
      file: expect.stringMatching(/^fil_/),
      expires_at: expect.any(String),
    });
    expect((await run("upload", { input: { file: output } })).status).toBe(200);
    expect(api.at("/upload")[0]?.body.length).toBeGreaterThan(large.length);
  });

  test("is its owner's, gone when it is deleted or a day old, and no larger than it may be", async () => {
    const { key } = (await product.send("POST", "/v1/api_keys", { body: { name: "eve", role: "user" } })).json;
    const { id } = await (await upload(Buffer.from("x"), "x")).json();
    const told = async (asking: string) => coded(await product.send("GET", `/v1/files/${id}`, { key: asking }));
    expect(await told(key)).toEqual([404, "file_unknown"]);
    expect((await product.send("GET", `/v1/files/${id}`)).text).toBe("x");
    expect((await product.send("DELETE", `/v1/files/${id}`)).status).toBe(204);
    expect(await told(product.key)).toEqual([404, "file_unknown"]);
    expect(coded(await run("upload", { input: { file: { file: id } } }))).toEqual([404, "file_unknown"]);
    expect(api.seen).toHaveLength(0);
    const later = (await (await upload(Buffer.from("x"), "x")).json()).id;
    ahead += 24 * 3_600_000;
    expect(coded(await product.send("GET", `/v1/files/${later}`))).toEqual([404, "file_unknown"]);
    expect((await upload(Buffer.alloc((25 << 20) + 1), "big")).status).toBe(413);
  });
});

test("A form is told which inputs the choices of a drop-down depend on", async () => {
  const { actions } = (await product.send("GET", "/v1/connectors/acme")).json;
  const [{ input }] = actions.filter(({ id }: { id: string }) => id === "browse");
  expect(input.map((each: { options_depend_on: string[] }) => each.options_depend_on)).toEqual([[], ["account"]]);
});

test("A test of a connection shows what the provider answered, cut and without secrets", async () => {
  const me = { id: "u1", key: "canary-key-0123456789", items: Array.from({ length: 900 }, (_, n) => ({ n, text: "long text" })) };
  api.answers.set("/me", (response) => response.setHeader("content-type", "application/json").end(JSON.stringify(me)));
  const { ok, preview } = (await product.send("POST", `/v1/connections/${connections.acme}/test`)).json;
  expect([ok, preview.id, preview.items[0]]).toEqual([true, "u1", { n: 0, text: "long text" }]);
  expect(JSON.stringify(preview).length).toBeLessThanOrEqual(4096);
  expect(JSON.stringify(preview)).not.toContain("canary-key");
});

describe("inputs that belong together", () => {
  const invite = (input: object) => run("invite", { input });

  test("are checked and sent part by part", async () => {
    const people = [{ name: "Ada", age: "36" }, { name: "Eve" }];
    expect((await invite({ address: { street: "a/b", floor: "2" }, people })).status).toBe(200);
    const [{ path: at, body } = { path: "", body: "{}" }] = api.seen;
    expect([at, JSON.parse(body)]).toEqual([
      "/in/a%2Fb",
      { floor: 2, lift: true, people: [{ name: "Ada", age: 36 }, { name: "Eve" }] },
    ]);
  });

  test("are refused by the part's name, and nothing is sent", async () => {
    const named = async (input: object) => {
      const { status, json } = await invite(input);
      return [status, json.code, json.input];
    };
    const address = { street: "x" };
    expect(await named({})).toEqual([422, "input_invalid", "address"]);
    expect(await named({ address: { floor: 1 } })).toEqual([422, "input_invalid", "address.street"]);
    expect(await named({ address, people: [{ name: "Ada" }, { name: "Eve", age: -1 }] })).toEqual([
      422,
      "input_invalid",
      "people.1.age",
    ]);
    expect(api.seen).toHaveLength(0);
  });

  test("are told to forms", async () => {
    const { actions } = (await product.send("GET", "/v1/connectors/acme")).json;
    const [{ input }] = actions.filter(({ id }: { id: string }) => id === "invite");
    expect(input[0].fields).toMatchObject([
      { name: "street", label: "Street", type: "string", required: true },
      { name: "floor", type: "number" },
      { name: "lift", type: "boolean", default: true },
    ]);
  });
});
