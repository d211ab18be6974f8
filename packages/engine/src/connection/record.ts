import type { ErrorCode, ProviderWords } from "../errors.ts";

export const statuses = ["draft", "awaiting_authorization", "connected", "needs_reauth", "error", "revoked"] as const;
export type Status = (typeof statuses)[number];

/** What a connection is waiting for: each has a time in the record, `<duty>_at`, and jobs of its name. */
export const duties = ["refresh", "test", "remind", "revoke"] as const;
export type Duty = (typeof duties)[number];

/** Why a connection is not well, as the person reads it. */
export interface ConnectionError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly provider?: ProviderWords;
  readonly at: string;
}

export interface LastTest {
  readonly at: string;
  readonly outcome: "passed" | "failed" | "unreachable";
  readonly status?: number;
  readonly duration_ms: number;
}

/**
 * A connection as it is stored. Times are ISO 8601 in UTC. Secrets are sealed texts (`seal.ts`); nothing else in here is secret.
 */
export interface ConnectionRecord {
  readonly id: string;
  readonly workspace: string;
  readonly owner: string;
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly status: Status;
  /** What the user called it; it wins over `label`. */
  readonly name: string | null;
  readonly description: string | null;
  /** What the connection calls itself. */
  readonly label: string | null;
  readonly unique_id: string | null;
  /**
   * Unique in the store: the tuple (workspace, owner, connector, auth, environment, unique id), or `draft/<id>` before the account is
   * known. A plain unique index on it is what makes two callbacks at once end in one connection.
   */
  readonly identity: string;
  /** Set on a draft that turned out to be an account already connected: the id it stands for. */
  readonly alias_of: string | null;
  /** Fields that are not secret. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Sealed: secret fields, and the user's own client credentials. */
  readonly sealed_fields: string | null;
  /** Sealed: the tokens. */
  readonly sealed_credential: string | null;
  /** The client of the app that the credential was obtained with; null where it is the connection's own, or none is needed. */
  readonly client_id: string | null;
  /**
   * The version of the auth block that the credential was made with, or that the draft's fields were given for; null in records from
   * before there were versions.
   */
  readonly auth_version: string | null;
  /** Grows by one with each credential that is stored; every write of a credential is guarded by it. */
  readonly credential_version: number;
  readonly scopes: readonly string[];
  readonly missing_scopes: readonly string[];
  /** Whether it can be kept fresh without its user. */
  readonly renewable: boolean;
  readonly expires_at: string | null;
  /** When the next refresh is due; null when none is. */
  readonly refresh_at: string | null;
  /** How many refreshes in a row have failed. */
  readonly refresh_failures: number;
  /** Until when no step tries either, after a refresh that failed; null where none did. */
  readonly refresh_held_until: string | null;
  /** Refusals in a row that said nothing readable, and when the first of them came. */
  readonly refresh_doubts: { readonly count: number; readonly since: string } | null;
  /**
   * When this version's refresh token was sent to a provider that takes each only once, as long as nothing of an answer is stored: noted
   * before it is sent, so that whoever finds it knows that the token may be spent.
   */
  readonly refreshing: string | null;
  /** Whether it is known that no answer will come. */
  readonly refresh_lost: boolean;
  /** When its person signed in, or its client was asked for. */
  readonly authorized_at: string | null;
  /** Until when its person must sign in again, however often it is refreshed; null: never, or not known. */
  readonly reauth_by: string | null;
  /** When its person is to be reminded of that. */
  readonly remind_at: string | null;
  /** When the next test is due; null where none is made in the background. */
  readonly test_at: string | null;
  /** When a step last used it, to the hour. */
  readonly last_used_at: string | null;
  /** Sealed: what telling the provider takes, after everything else was erased. */
  readonly sealed_tombstone: string | null;
  /** When the provider is told again; null when nothing is left to tell. */
  readonly revoke_at: string | null;
  /** How often it was told in vain. */
  readonly revoke_failures: number;
  readonly last_test: LastTest | null;
  readonly error: ConnectionError | null;
  /** The connect session that it was made in, if it was. */
  readonly made_in?: string;
  /** Who connected it last: an actor's id. Unknown in records from before this was noted. */
  readonly connected_by?: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What a record says before anything is known of the account. */
export const untold = {
  alias_of: null,
  sealed_credential: null,
  client_id: null,
  auth_version: null,
  credential_version: 0,
  scopes: [],
  missing_scopes: [],
  renewable: false,
  expires_at: null,
  refresh_at: null,
  refresh_failures: 0,
  refresh_held_until: null,
  refresh_doubts: null,
  refreshing: null,
  refresh_lost: false,
  authorized_at: null,
  reauth_by: null,
  remind_at: null,
  test_at: null,
  last_used_at: null,
  sealed_tombstone: null,
  revoke_at: null,
  revoke_failures: 0,
  last_test: null,
  error: null,
} as const satisfies Partial<ConnectionRecord>;

/** One line of the workspace's log, and of its connection's or app's. No bodies, no secrets. */
export interface ConnectionEvent {
  readonly id: string;
  /** Null for what belongs to no connection. */
  readonly connection: string | null;
  readonly workspace: string;
  readonly connector?: string;
  readonly owner?: string;
  readonly at: string;
  readonly type:
    | "created"
    | "authorization_started"
    | "denied"
    | "authorized"
    | "tested"
    | "refreshed"
    | "refresh_failed"
    | "used"
    | "failed"
    | "needs_reauth"
    | "recovered"
    | "renamed"
    | "merged"
    | "expiring"
    | "revoked"
    | "revocation_failed"
    | "sign_in_refused"
    | "endpoint_disabled"
    | "app.saved"
    | "app.secret_rotated"
    | "app.previous_secret_used"
    | "app.refused"
    | "app.resumed"
    | "app.expiring"
    | "app.expired"
    | "app.deleted";
  /** Who: an API key, a connect session, `system`, or `nobody` for a browser that is not signed in. */
  readonly actor: string;
  readonly action?: string;
  readonly host?: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly code?: ErrorCode;
  /** The workflow that a step named. */
  readonly workflow?: string;
  /** Of a step that somebody only tried. */
  readonly mode?: "test";
  /** The event endpoint that it is about. */
  readonly endpoint?: string;
  /** The app that it is about, of `connector`; with every event of a type `app.…`. */
  readonly app?: EventApp;
}

/** What the event of an app tells of it. */
export interface EventApp extends Pick<AppPlace, "auth" | "environment"> {
  readonly client_id: string;
  /** Of `app.refused`: when the first connection may try again. */
  readonly paused_until?: string;
  /** Of `app.expiring` and `app.expired`: the day on which the secret ends. */
  readonly expires_on?: string;
}

/** An event that the embedding application is told of, with its connection as the event left it. */
export interface Outgoing {
  readonly event: ConnectionEvent;
  readonly connection: ToldConnection | null;
}

/** What of a connection may be told outside: nothing sealed, none of its fields. */
export type ToldConnection = Pick<
  ConnectionRecord,
  | "id"
  | "connector"
  | "auth"
  | "environment"
  | "owner"
  | "name"
  | "label"
  | "status"
  | "unique_id"
  | "alias_of"
  | "scopes"
  | "missing_scopes"
  | "expires_at"
  | "reauth_by"
  | "auth_version"
  | "credential_version"
  | "created_at"
  | "updated_at"
>;

/** Where an embedding application hears of events. */
export interface EndpointRecord {
  readonly id: string;
  readonly workspace: string;
  readonly url: string;
  readonly description: string | null;
  /** The types that it wants; none: all. */
  readonly types: readonly string[];
  /** Sealed: `EndpointSecrets`. */
  readonly sealed_secrets: string;
  readonly disabled: { readonly at: string; readonly reason: "admin" | "gone" | "failing" } | null;
  readonly last_success_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What of an endpoint is sealed: the secret, and the one before it as long as both are used. */
export interface EndpointSecrets {
  readonly current: string;
  readonly previous: { readonly secret: string; readonly until: string } | null;
}

/** One event on its way to one endpoint. */
export interface DeliveryRecord {
  /** `<endpoint>.<event>`, so that an event which is handed out twice is still delivered once. */
  readonly id: string;
  readonly endpoint: string;
  /** The event's id, which is also the message's. */
  readonly event: string;
  readonly type: string;
  /** What is sent; null once nothing will be. */
  readonly body: string | null;
  readonly status: "pending" | "delivered" | "failed" | "cancelled";
  readonly attempts: number;
  /** Of the last attempt: the answer's status, or why there was none, and how long it took. */
  readonly http_status: number | null;
  readonly error: ErrorCode | null;
  readonly duration_ms: number | null;
  /** When it is tried again; null when it is not. */
  readonly next_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** How a workflow has used a connection. */
export interface UsageRecord {
  readonly connection: string;
  /** As its steps named it. */
  readonly workflow: string;
  readonly last_used_at: string;
  readonly count: number;
}

/** Where an app is kept: there is one per workspace, connector, auth and environment. */
export interface AppPlace {
  readonly workspace: string;
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
}

/** A client at the provider, as an admin entered it. */
export interface StoredClient {
  readonly client_id: string;
  /** What else the admin entered that is no secret. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Sealed: `AppSecrets`. */
  readonly sealed_secret: string | null;
  /** Sealed: the client secret that this one replaced. */
  readonly sealed_previous: string | null;
  readonly previous_secret_until: string | null;
  /** Whether the provider has refused the new secret and taken the previous one. */
  readonly previous_secret_used: boolean;
  /** Set while the provider refuses the client. */
  readonly pause: AppPause | null;
  /** The connection that alone was refused when others were served: its refusals say nothing about the client. */
  readonly refused_alone: string | null;
  /** Set where no admin saved it: the platform registered itself (RFC 7591). */
  readonly registered?: {
    /** When its secret ends; null: it does not. */
    readonly expires_at: string | null;
    /** What was registered where: of another server, or for another redirect URL, it is none. */
    readonly as?: string;
  };
}

/** Why nobody refreshes with a client for now. */
export interface AppPause {
  /** When the next connection may try. */
  readonly until: string;
  readonly since: string;
  /** How many in a row. */
  readonly refusals: number;
  /** Who was refused; null when several were. */
  readonly connection: string | null;
  readonly error: ConnectionError;
}

/** A client that an admin has replaced, kept for the connections that were made with it. */
export interface FormerClient extends StoredClient {
  readonly since: string;
  /** Since when no connection lives by it. */
  readonly unused_since: string | null;
}

/** An admin's app at the provider. */
export interface AppRecord extends AppPlace, StoredClient {
  /** Grows by one with each write; every write is guarded by it. */
  readonly version: number;
  readonly former: readonly FormerClient[];
  /** The day on which the secret ends at the provider, such as 2026-12-31. */
  readonly expires_on: string | null;
  /** What of that end the admin has been told. */
  readonly expiry_told: "expiring" | "expired" | null;
  /** When something is to be done about it next; null when nothing is. */
  readonly tend_at: string | null;
  readonly created_at: string;
  /** When an admin saved it. */
  readonly updated_at: string;
}

/** What a client starts with, and what an app does. */
export const untried = {
  sealed_previous: null,
  previous_secret_until: null,
  previous_secret_used: false,
  pause: null,
  refused_alone: null,
} as const satisfies Partial<StoredClient>;

/** What of an app is sealed; a record of before there were other secrets holds the client secret alone. */
export type AppSecrets =
  | string
  | { readonly client_secret: string | undefined; readonly extra: Readonly<Record<string, string>> };

/** A sign-in under way. It lives ten minutes, or as long as a code for another device, and is consumed once. */
export interface FlowRecord {
  /** SHA-256 of the ticket in our own authorization URL, hex; random where nothing comes back by a browser, as is `state_hash`. */
  readonly id: string;
  /** SHA-256 of `state`, hex. */
  readonly state_hash: string;
  readonly connection: string;
  readonly workspace: string;
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  /** The person who started it, and whether with an API key, in a signed-in browser or in a connect session. */
  readonly actor: string;
  readonly via: "key" | "session" | "connect";
  /** SHA-256 of the browser's binding, hex; null until a browser has opened a flow that a key started. */
  readonly browser_hash: string | null;
  readonly redirect_uri: string;
  /** The version of the auth block that it began with; undefined in flows from before there were versions. */
  readonly auth_version?: string | undefined;
  /** Sealed: the provider's authorization URL, the PKCE verifier, the code that is asked about. */
  readonly sealed: string;
  /** Set where the token endpoint is asked instead of a browser coming back. */
  readonly polling: Polling | null;
  readonly created_at: string;
  readonly expires_at: string;
}

/** When the token endpoint is asked next whether a code was confirmed (RFC 8628 §3.4). */
export interface Polling {
  readonly at: string;
  /** Milliseconds that must pass between two questions. */
  readonly interval: number;
  /** How many questions in a row got no answer. */
  readonly failures: number;
}
