import { type Api, type RequestOf, targetOf } from "./api.ts";
import type { Listing } from "./pages.ts";
import { serverEvents } from "./server-events.ts";
import type { CallOptions } from "./transport.ts";
import type { Authorization, Connection, ConnectionEvent, Operations, TestResult, Unrevoked, Usage } from "./wire.ts";

type Query<Id extends keyof Operations> = Omit<Exclude<Operations[Id]["query"], undefined>, "cursor">;
type Body<Id extends keyof Operations> = Exclude<RequestOf<Id>["body"], undefined>;

/** What a watched connection tells: first how it stands, then each event with how it stands after it. */
export interface Change {
  readonly connection: Connection;
  /** Undefined: nothing has happened yet. */
  readonly event: ConnectionEvent | undefined;
}

export class Connections {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Connections, the newest first. */
  list(query: Query<"listConnections"> = {}, options?: CallOptions): Listing<Connection> {
    return this.#api.list("listConnections", { query }, options);
  }

  get(id: string, options?: CallOptions): Promise<Connection> {
    return this.#api.call("getConnection", { params: { id } }, options);
  }

  /** Makes a draft, which `authorize` leads its person to sign in for; a grant without a user step connects at once. */
  create(body: Body<"createConnection">, options?: CallOptions): Promise<Connection & { reused: boolean }> {
    return this.#api.call("createConnection", { body }, options);
  }

  /** Begins a sign-in, also to reconnect: gives the address that the person's browser is to be sent to. */
  authorize(id: string, body: Body<"authorizeConnection"> = {}, options?: CallOptions): Promise<Authorization> {
    return this.#api.call("authorizeConnection", { params: { id }, body }, options);
  }

  /** Makes the test call. */
  test(id: string, options?: CallOptions): Promise<TestResult> {
    return this.#api.call("testConnection", { params: { id } }, { ...options, harmless: true });
  }

  /** Replaces the credential now; nobody needs to, before a step. */
  refresh(id: string, options?: CallOptions): Promise<Connection> {
    return this.#api.call("refreshConnection", { params: { id } }, options);
  }

  /** Gives it a name; null: it is called again what it calls itself. */
  rename(id: string, name: string | null, options?: CallOptions): Promise<Connection> {
    return this.update(id, { name }, options);
  }

  /** Names, describes, or gives new fields. */
  update(id: string, body: Body<"updateConnection">, options?: CallOptions): Promise<Connection> {
    return this.#api.call("updateConnection", { params: { id }, body }, { ...options, harmless: true });
  }

  /** Erases it, and revokes it at the provider; gives what the provider said where it did not take the revocation. */
  delete(id: string, query: Query<"deleteConnection"> = {}, options?: CallOptions): Promise<Unrevoked | undefined> {
    return this.#api.call("deleteConnection", { params: { id }, query }, options);
  }

  /** Its log, the newest first. */
  events(id: string, query: Query<"listConnectionEvents"> = {}, options?: CallOptions): Listing<ConnectionEvent> {
    return this.#api.list("listConnectionEvents", { params: { id }, query }, options);
  }

  /** The workflows that named themselves in steps, the last one first. */
  usage(id: string, options?: CallOptions): Listing<Usage> {
    return this.#api.list("listConnectionUsage", { params: { id } }, options);
  }

  /**
   * How it stands now, and from then on whatever happens to it, as it happens. It ends when the connection is erased or the server ends
   * the stream; `signal` or leaving the loop end it too.
   */
  async *watch(id: string, options: Omit<CallOptions, "retries"> = {}): AsyncGenerator<Change, void, undefined> {
    const sent = {
      method: "GET",
      target: targetOf("/v1/connections/{id}/events", { id }),
      headers: { accept: "text/event-stream" },
    };
    const { body } = await this.#api.transport.open(sent, options);
    for await (const { event, data } of serverEvents(body, options.signal)) {
      if (event === "connection") yield { connection: JSON.parse(data) as Connection, event: undefined };
      if (event === "change") yield JSON.parse(data) as Change;
    }
  }
}
