import { Listing, type Page } from "./pages.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { type Operations, operations } from "./wire.ts";

export type OperationId = keyof Operations;

/** What an operation is called with: `params`, `query` and `body`, as far as it has them. */
export type RequestOf<Id extends OperationId> = {
  [Part in "params" | "query" | "body" as undefined extends Operations[Id][Part] ? never : Part]: Operations[Id][Part];
} & Partial<Pick<Operations[Id], "query" | "body">>;

export type AnswerOf<Id extends OperationId> = Operations[Id]["answer"];

/** The parts that an operation can have, with their types forgotten. */
interface Parts {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
}

export interface ApiOptions extends CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether sending it twice does no harm, where the method does not say so already. */
  readonly harmless?: boolean;
  /** Whether the server is told how much time is left. */
  readonly tellTime?: boolean;
}

/** The operations of the API by their ids: the table of wire.ts brought to life. */
export class Api {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Carries out an operation. Throws `JackfieldError`. */
  async call<Id extends OperationId>(id: Id, request: RequestOf<Id>, options: ApiOptions = {}): Promise<AnswerOf<Id>> {
    const [method, path, media = "application/json"]: readonly [string, string, string?] = operations[id];
    const { params = {}, query = {}, body } = request as Parts;
    const text = media === "application/json" && body !== undefined ? JSON.stringify(body) : (body as string | undefined);
    const harmless = options.harmless ?? (method === "GET" || method === "PUT");
    const answer = await this.transport.json(
      {
        method,
        target: targetOf(path, params, query),
        headers: { ...(text === undefined ? {} : { "content-type": media }), ...options.headers },
        body: text,
        repeat: harmless ? "harmless" : "undone",
        tellTime: options.tellTime ?? false,
      },
      options,
    );
    return answer as AnswerOf<Id>;
  }

  /** The list of an operation that answers with pages and takes `cursor` in its query, or is one page. */
  list<Id extends OperationId, T>(
    id: Id,
    request: RequestOf<Id>,
    options: CallOptions | undefined,
  ): Listing<AnswerOf<Id> extends { items: (infer Item)[] } ? Item : T> {
    return new Listing(async (cursor) => {
      const { query = {} } = request as Parts;
      const asked = cursor === undefined ? request : { ...request, query: { ...query, cursor } };
      return (await this.call(id, asked, options)) as unknown as Page<never>;
    });
  }
}

/** A route's path with its parameters, and the query. Throws `TypeError` for a parameter that cannot stand in a path. */
export function targetOf(path: string, params: Parts["params"] = {}, query: Parts["query"] = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, params[name]));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return search === "" ? filled : `${filled}?${search}`;
}

/** One segment of a path: an id that is empty or all dots would lead to another route. */
function segment(name: string, value: unknown): string {
  if (typeof value !== "string" || /^\.{0,2}$/.test(value))
    throw new TypeError(`\`${name}\` must be an id, not ${JSON.stringify(value)}.`);
  return encodeURIComponent(value);
}
