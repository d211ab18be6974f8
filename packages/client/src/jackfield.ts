import { type ActionName, type ActionNamed, Actions, type AnyConnectors, type ConnectorTypes } from "./actions.ts";
import { type AnswerOf, Api, type ApiOptions, type OperationId, type RequestOf } from "./api.ts";
import { BoundConnection } from "./bound-connection.ts";
import { Connections } from "./connections.ts";
import type { Listing } from "./pages.ts";
import { type ProxyOptions, proxyFetch } from "./proxy.ts";
import * as resources from "./resources.ts";
import { type CallOptions, type Settings, Transport } from "./transport.ts";

/** Where the deployment is, and who asks. */
export type JackfieldSettings = Settings & ({ readonly api_key: string } | { readonly apiKey: string });

/**
 * A deployment of Jackfield, seen with one API key. `C` is what `jackfield client types` wrote; with it the compiler checks the names and
 * inputs of actions.
 */
export class Jackfield<C extends ConnectorTypes = AnyConnectors> {
  readonly connections: Connections;
  readonly actions: Actions<C>;
  readonly proxy: {
    /** A `fetch` that sends through a connection; see `proxyFetch`. */
    readonly fetch: (connection: string, options?: ProxyOptions) => typeof fetch;
  };
  readonly connectors: ReturnType<typeof resources.connectors>;
  readonly apps: ReturnType<typeof resources.apps>;
  readonly connect_sessions: ReturnType<typeof resources.connectSessions>;
  readonly events: ReturnType<typeof resources.events>;
  readonly files: ReturnType<typeof resources.files>;
  readonly event_endpoints: ReturnType<typeof resources.eventEndpoints>;
  readonly api_keys: ReturnType<typeof resources.apiKeys>;
  readonly #api: Api;

  /** Throws `TypeError` for a URL or a key that cannot be one. Nothing is sent. */
  constructor(settings: JackfieldSettings) {
    const key = "api_key" in settings ? settings.api_key : settings.apiKey;
    const transport = new Transport(settings, key);
    const api = new Api(transport);
    this.#api = api;
    this.connections = new Connections(api);
    this.actions = new Actions(api);
    this.proxy = { fetch: (connection, options) => proxyFetch(transport, connection, options) };
    this.connectors = resources.connectors(api);
    this.apps = resources.apps(api);
    this.connect_sessions = resources.connectSessions(api);
    this.events = resources.events(api);
    this.files = resources.files(api);
    this.event_endpoints = resources.eventEndpoints(api);
    this.api_keys = resources.apiKeys(api);
  }

  /** A drop-down's choices, as the provider has them; `input` is what the form holds already. */
  options(
    connection: string,
    name: string,
    input?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Listing<resources.Choice> {
    return resources.choices(this.#api, connection, name, input, options);
  }

  /** A connection to run steps through. With its connector's name the compiler knows which actions it has. */
  connection(id: string): BoundConnection<{ readonly [A in ActionName<C>]: ActionNamed<C, A> }>;
  connection<Name extends keyof C & string>(connector: Name, id: string): BoundConnection<C[Name]>;
  connection(first: string, second?: string): unknown {
    return new BoundConnection(this.#api, second ?? first);
  }

  /** Any operation of /openapi.json with an answer in JSON, by its operationId. */
  call<Id extends OperationId>(id: Id, request: RequestOf<Id>, options?: ApiOptions): Promise<AnswerOf<Id>> {
    return this.#api.call(id, request, options);
  }
}
