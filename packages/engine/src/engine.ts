import type { Connector } from "@jackfield/manifest";
import type { ConnectionError, ConnectionEvent, LastTest, Status } from "./connection/record.ts";
import type { KeyRing } from "./connection/seal.ts";
import type { Listed, Page, Store } from "./connection/store.ts";
import type { Queue } from "./queue.ts";

/** Who asks. The host has authenticated them and checked that their role may use the route. */
export interface Actor {
  /** `key/<id>`: an API key, or the key behind a signed-in browser. */
  readonly id: string;
  readonly workspace: string;
  /** Whose connections are made. */
  readonly owner: string;
  /** Whether all connections of the workspace are within reach, or only the owner's. */
  readonly all: boolean;
  readonly via: "key" | "session";
  /** A signed-in browser's binding: a random text that only this browser knows. Present when `via` is `session`. */
  readonly browser?: string;
}

/** A connection as people and workflows see it. */
export interface Connection {
  readonly id: string;
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly owner: string;
  readonly name: string | null;
  readonly description: string | null;
  /** The user's name for it, or else what it calls itself. */
  readonly label: string | null;
  readonly status: Status;
  readonly unique_id: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly scopes: readonly string[];
  readonly missing_scopes: readonly string[];
  readonly renewable: boolean;
  readonly expires_at: string | null;
  readonly last_test: LastTest | null;
  readonly error: ConnectionError | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface App {
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly client_id: string;
  readonly secret_set: boolean;
  readonly redirect_uri: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface TestResult {
  readonly ok: boolean;
  readonly outcome: LastTest["outcome"];
  readonly status?: number;
  readonly duration_ms: number;
  readonly connection: Connection;
}

export interface StepResult {
  readonly output: unknown;
  readonly step: {
    readonly id: string;
    readonly connection: string;
    readonly action: string;
    readonly attempts: number;
    readonly status: number;
    readonly duration_ms: number;
  };
}

export interface ProxyRequest {
  readonly method: string;
  /** Begins with a slash; joined to the connector's `base_url`. As the caller sent it, still encoded. */
  readonly path: string;
  /** The raw query, without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How a sign-in ended. Nothing in it is secret. */
export interface CallbackOutcome {
  readonly connection: Connection;
  readonly outcome: "connected" | "denied" | "failed";
  readonly error: ConnectionError | null;
}

export interface Engine {
  readonly apps: {
    /** Throws `connector_unknown`, `auth_unknown`, `environment_unknown`, `app_not_used`. */
    get(actor: Actor, connector: string, auth: string, environment: string): Promise<App | undefined>;
    list(actor: Actor, connector: string): Promise<readonly App[]>;
    /** Without `client_secret` the stored secret stays. Throws as `get`, and `whitespace_in_credential`, `field_required`. */
    put(
      actor: Actor,
      connector: string,
      auth: string,
      environment: string,
      values: { readonly client_id: string; readonly client_secret?: string },
    ): Promise<App>;
    delete(actor: Actor, connector: string, auth: string, environment: string): Promise<boolean>;
  };
  readonly connections: {
    /** A draft; a grant without a user step connects at once and ends as `connected` or `error`. */
    create(
      actor: Actor,
      values: {
        readonly connector: string;
        readonly auth?: string | undefined;
        readonly environment?: string | undefined;
        readonly fields?: Readonly<Record<string, unknown>> | undefined;
        readonly name?: string | null | undefined;
        readonly description?: string | null | undefined;
        readonly owner?: string | undefined;
      },
    ): Promise<{ readonly connection: Connection; readonly reused: boolean }>;
    /** Follows aliases. Throws `connection_unknown`. */
    get(actor: Actor, id: string): Promise<Connection>;
    list(
      actor: Actor,
      filter: {
        readonly connector?: string | undefined;
        readonly environment?: string | undefined;
        readonly status?: Status | undefined;
        readonly search?: string | undefined;
        readonly owner?: string | undefined;
      },
      page: Page,
    ): Promise<Listed<Connection>>;
    /** `fields` of a grant without a user step are tried at once; of others they count from the next sign-in. */
    update(
      actor: Actor,
      id: string,
      values: {
        readonly name?: string | null | undefined;
        readonly description?: string | null | undefined;
        readonly fields?: Readonly<Record<string, unknown>> | undefined;
      },
    ): Promise<Connection>;
    remove(actor: Actor, id: string): Promise<void>;
    test(actor: Actor, id: string): Promise<TestResult>;
    /** Refreshes now. Throws `not_renewable`, `needs_reauth`, … */
    refresh(actor: Actor, id: string): Promise<Connection>;
    events(actor: Actor, id: string, page: Page): Promise<Listed<ConnectionEvent>>;
    /** Calls `listener` with each further event of the connection, and of the one it is merged into, until the result is called. */
    watch(actor: Actor, id: string, listener: (event: ConnectionEvent, connection: Connection) => void): Promise<() => void>;
  };
  readonly authorization: {
    /** Starts a sign-in, also of an existing connection. Throws `app_not_configured`, `no_user_step`. */
    begin(actor: Actor, connection: string): Promise<{ readonly authorization_url: string; readonly expires_at: string }>;
    /**
     * A browser opens our `authorization_url`. Gives where it goes on to, and the binding that it must keep in a cookie. `person` is
     * the signed-in actor's id, if the browser is signed in. Throws `state_invalid`, `browser_mismatch`, `person_mismatch`.
     */
    open(
      ticket: string,
      browser: string | undefined,
      person: string | undefined,
    ): Promise<{ readonly location: string; readonly browser: string }>;
    /**
     * The provider sent the browser back to a connector's redirect URL; `query` is the raw query. Throws `state_invalid`,
     * `callback_invalid`, `browser_mismatch`, `person_mismatch` before any token request; everything later is an outcome.
     */
    finish(connector: string, query: string, browser: string | undefined, person: string | undefined): Promise<CallbackOutcome>;
    /** The redirect URL of a connector: constant, to be registered at the provider. */
    redirectUri(connector: string): string;
  };
  readonly steps: {
    /** Throws `input_invalid` before any request, `url_not_whitelisted`, `needs_reauth`, `provider_…`. */
    run(
      actor: Actor,
      connection: string,
      action: string,
      input: unknown,
      options?: { readonly signal?: AbortSignal },
    ): Promise<StepResult>;
    proxy(
      actor: Actor,
      connection: string,
      request: ProxyRequest,
      options?: { readonly signal?: AbortSignal },
    ): Promise<ProxyAnswer>;
  };
  /** Begins to work the queues and to sweep. */
  start(): Promise<void>;
  /** Finishes what runs, takes nothing new, writes what is buffered. */
  stop(): Promise<void>;
}

/** Connectors by name. */
export interface Registry {
  get(name: string): Connector | undefined;
  list(): readonly Connector[];
}

/** One line of the engine's log; `fields` hold no secrets. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Everything that the engine takes from outside. */
export interface EngineOptions {
  readonly connectors: Registry;
  readonly store: Store;
  readonly queue: Queue;
  readonly keys: KeyRing;
  /** What templates know as `platform`: the public URL of this deployment without a trailing slash, and the demo provider's if it is on. */
  readonly platform: { readonly url: string; readonly sandbox_url?: string | undefined };
  readonly egress: EgressOptions;
  readonly log: Log;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  /** Default: the system's generator. */
  readonly random?: (bytes: number) => Buffer;
}

export interface EgressOptions {
  /** CIDRs, or host:port of one listener, that may be reached although private, and in plain http. */
  readonly allowPrivate: readonly string[];
}
