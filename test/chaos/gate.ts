import { createHash } from "node:crypto";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterwards } from "../harness/cleanup.ts";
import { pause } from "../harness/wait.ts";

/*
 * Stands between the product and an authorization server with its API. It counts what passes, knows which token came out of which, and makes
 * trouble when it is told to. It has the test's own clock and event loop, so what it sees has one order.
 */

/** How an answer that the provider had given did not reach the store. */
type Loss = "dropped" | "hung up" | "killed";

/** One pair of tokens, and what became of its refresh token. */
export interface Generation {
  /** Of the refresh token; the tokens themselves are not kept. */
  readonly hash: string;
  /** When the product was given it, as far as we know; the test's clock. */
  readonly answeredAt: number;
  /** How often it was sent to us, and how often we let it through to the provider. */
  sent: number;
  forwarded: number;
  /** What happened to the answer that it was exchanged for. */
  lost: Loss | undefined;
}

/** Everything that came out of one sign-in: reusing one of its refresh tokens ends them all. */
export interface Family {
  readonly generations: Generation[];
  /** Known once a step has used one of its tokens. */
  connection: string | undefined;
  /** The newest generation that a step was seen with. */
  used: number;
}

/** What the token endpoint is like just now. */
export interface Weather {
  /** Answered in the provider's place. */
  readonly refusal?: { readonly status: number; readonly headers?: Readonly<Record<string, string>> };
  /** How long an answer is held back that the provider has given, in milliseconds. */
  readonly hold?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

// A line of its own for each request: one that is used again may be closed by the provider at that very moment.
const agent = new Agent({ keepAlive: false });
const hashOf = (text: string) => createHash("sha256").update(text).digest("base64url").slice(0, 16);

export class Gate {
  readonly #issuer: string;
  readonly #token: Door;
  readonly #api: Door;
  #weather: Weather = {};
  #drops = 0;
  readonly #byRefresh = new Map<string, { readonly family: Family; readonly index: number }>();
  readonly #byAccess = new Map<string, { readonly family: Family; readonly index: number }>();
  readonly #byConnection = new Map<string, Family>();
  readonly #steps = new Map<string, { readonly connection: string; readonly newest: number }>();
  readonly families: Family[] = [];
  /** What must never happen, in words. */
  readonly wrongs: string[] = [];
  /** Refreshes that we answered in the provider's place, and those that came through; answers that were held or dropped. */
  readonly count = { refused: 0, forwarded: 0, held: 0, dropped: 0, api: 0 };

  private constructor(issuer: string, token: Door, api: Door) {
    this.#issuer = issuer;
    this.#token = token;
    this.#api = api;
    token.serve((request, response) => this.#exchange(request, response));
    api.serve((request, response) => this.#call(request, response));
  }

  static async open(issuer: string): Promise<Gate> {
    return new Gate(issuer, await Door.open(), await Door.open());
  }

  get tokenUrl(): string {
    return `${this.#token.origin}/token`;
  }

  get apiUrl(): string {
    return `${this.#api.origin}/api`;
  }

  weather(weather: Weather): void {
    this.#weather = weather;
  }

  /** The next so many refreshes are carried out by the provider, and then the line is cut. */
  drop(times: number): void {
    this.#drops = times;
  }

  /** Nobody listens at the token endpoint until the result is called. */
  refuse(): Promise<() => Promise<void>> {
    return this.#token.shut();
  }

  /** To be called right before a step is sent: from now on it may not arrive with an older token than any step so far. */
  expect(step: string, connection: string): void {
    this.#steps.set(step, { connection, newest: this.newest(connection) });
  }

  /** The generation of the newest token that a step of the connection was seen with: it is stored, or nobody could have used it. */
  newest(connection: string): number {
    return this.#byConnection.get(connection)?.used ?? -1;
  }

  familyOf(connection: string): Family | undefined {
    return this.#byConnection.get(connection);
  }

  /** A process was killed: an answer that was given after `since` and that no step has used yet may have died with it. */
  killed(since: number): void {
    for (const { generations, used } of this.families) {
      const last = generations.length - 1;
      const previous = generations[last - 1];
      const at = generations[last]?.answeredAt ?? 0;
      if (previous !== undefined && last > used && at >= since) previous.lost ??= "killed";
    }
  }

  async #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const form = new URLSearchParams(body.toString());
    const refresh = form.get("refresh_token");
    const found = refresh === null ? undefined : this.#byRefresh.get(hashOf(refresh));
    if (refresh !== null && found === undefined) this.wrongs.push("a refresh token was sent that the provider never handed out");
    const spent = found?.family.generations[found.index];
    if (spent !== undefined) spent.sent += 1;
    const { refusal, hold = 0 } = this.#weather;
    if (spent !== undefined && refusal !== undefined) {
      this.count.refused += 1;
      return void response.writeHead(refusal.status, refusal.headers).end();
    }
    if (spent !== undefined) this.#letThrough(spent, found?.family);
    response.on("close", () => {
      if (!response.writableFinished && spent !== undefined) spent.lost ??= "hung up";
    });
    const answer = await forward(`${this.#issuer}/token`, request, body);
    this.#note(answer, found?.family, Date.now() + hold);
    if (spent !== undefined && this.#drops > 0) {
      this.#drops -= 1;
      this.count.dropped += 1;
      spent.lost = "dropped";
      return void request.socket.destroy();
    }
    if (spent !== undefined && hold > 0) {
      this.count.held += 1;
      await pause(hold);
    }
    if (!response.destroyed) pass(answer, response);
  }

  #letThrough(spent: Generation, family: Family | undefined): void {
    spent.forwarded += 1;
    this.count.forwarded += 1;
    if (spent.forwarded > 1) {
      const number = (family?.generations.indexOf(spent) ?? -1) + 1;
      this.wrongs.push(`${family?.connection ?? "a connection"}: refresh token ${number} was sent ${spent.forwarded} times`);
    }
  }

  /** Remembers which tokens were handed out, and after which. */
  #note(answer: Answer, known: Family | undefined, answeredAt: number): void {
    if (answer.status !== 200) {
      this.wrongs.push(`the provider refused ${known?.connection ?? "a sign-in"}: ${answer.body.toString()}`);
      return;
    }
    const { access_token, refresh_token } = JSON.parse(answer.body.toString());
    const family = known ?? { generations: [], connection: undefined, used: -1 };
    if (known === undefined) this.families.push(family);
    const generation = { hash: hashOf(refresh_token), answeredAt, sent: 0, forwarded: 0, lost: undefined };
    const place = { family, index: family.generations.push(generation) - 1 };
    this.#byRefresh.set(generation.hash, place);
    this.#byAccess.set(hashOf(access_token), place);
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.count.api += 1;
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    const { pathname, searchParams } = new URL(request.url ?? "/", this.#api.origin);
    const step = this.#steps.get(searchParams.get("run") ?? "");
    const found = this.#byAccess.get(hashOf(token));
    if (found === undefined) this.wrongs.push(`${pathname} was called with a token that the provider never handed out`);
    else if (step !== undefined) this.#judge(step, found.family, found.index);
    pass(await forward(`${this.#issuer}${request.url}`, request, await read(request)), response);
  }

  #judge({ connection, newest }: { readonly connection: string; readonly newest: number }, family: Family, index: number): void {
    const own = this.#byConnection.get(connection) ?? family;
    this.#byConnection.set(connection, own);
    family.connection ??= connection;
    if (own !== family || family.connection !== connection) this.wrongs.push(`${connection}: a step got another's token`);
    else if (index < newest) this.wrongs.push(`${connection}: a step got token ${index + 1} after one had got ${newest + 1}`);
    family.used = Math.max(family.used, index);
  }
}

/** A server whose port stays its own when it is shut and opened again. */
class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  #serve: (request: IncomingMessage, response: ServerResponse) => Promise<void> = async () => {};

  private constructor(server: Server) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    server.keepAliveTimeout = 60_000;
    server.on("request", (request, response) => {
      // Whoever hung up does not hear of it.
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    afterwards(() => this.#close());
  }

  static async open(): Promise<Door> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Door(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  serve(serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): void {
    this.#serve = serve;
  }

  async shut(): Promise<() => Promise<void>> {
    // What is under way is carried out, so that nothing is lost but the way here.
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    return async () => {
      const idle = setInterval(() => this.#server.closeIdleConnections(), 20);
      await closed;
      clearInterval(idle);
      await new Promise<void>((resolve) => void this.#server.listen(this.#port, "127.0.0.1", resolve));
    };
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function forward(url: string, { method, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host: _, connection: __, ...rest } = headers;
    const request = httpRequest(url, { method, headers: { ...rest, "content-length": body.length }, agent }, (response) => {
      read(response).then((text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function pass({ status, headers, body }: Answer, response: ServerResponse): void {
  const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...rest } = headers;
  response.writeHead(status, { ...rest, "content-length": body.length }).end(body);
}
