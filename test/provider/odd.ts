import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterwards } from "../harness/cleanup.ts";

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** Path and query. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes.
  readonly json: any;
  readonly form: URLSearchParams;
}

/** What is answered: a map is sent as JSON, a text as it is. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: unknown;
  /** The connection breaks instead. */
  readonly broken?: true;
}

/** Path → answer. */
export type Routes = Readonly<Record<string, (seen: Seen) => Reply | Promise<Reply>>>;

export interface OddProvider {
  readonly url: string;
  readonly seen: Seen[];
  at(path: string): Seen[];
}

/** A provider with manners of its own, on a loopback port: what it expects and answers is the test's to say. */
export async function startOddProvider(routes: Routes): Promise<OddProvider> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const target = request.url ?? "/";
    const { pathname, searchParams } = new URL(target, "http://odd.example");
    const arrived: Seen = {
      method: request.method ?? "",
      path: pathname,
      target,
      query: searchParams,
      headers: request.headers,
      body,
      get json() {
        return JSON.parse(body.toString("utf8"));
      },
      get form() {
        return new URLSearchParams(body.toString("utf8"));
      },
    };
    seen.push(arrived);
    const reply = (await routes[pathname]?.(arrived)) ?? { status: 404, body: { error: `nothing at ${pathname}` } };
    if ("broken" in reply) return void response.destroy();
    const isText = typeof reply.body === "string";
    response.writeHead(reply.status ?? 200, {
      ...(isText || reply.body === undefined ? {} : { "content-type": "application/json" }),
      ...reply.headers,
    });
    response.end(isText ? reply.body : reply.body === undefined ? undefined : JSON.stringify(reply.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    at: (path) => seen.filter((one) => one.path === path),
  };
}

/** Sends the browser back to the redirect URL, as a provider does after consent. */
export function backTo(redirect: string | null, parameters: Readonly<Record<string, string | null>>): Reply {
  const url = new URL(redirect ?? "http://nowhere.example");
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href } };
}
