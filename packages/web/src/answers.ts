/** What the server's HTTP API answers, as far as these pages use it. */

export type Role = "admin" | "author" | "user" | "workflow";

export interface Session {
  readonly id: string;
  readonly role: Role | "connect_session";
  readonly owner: string;
  readonly workspace: string;
}

export interface List<T> {
  readonly items: readonly T[];
  /** An opaque cursor, or null at the end. */
  readonly next: string | null;
}

export interface ConnectorSummary {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly icon_url: string | null;
  readonly docs_url?: string | null;
  readonly version: string;
  readonly auth: readonly { readonly id: string; readonly title: string; readonly type: string }[];
  readonly configured: boolean;
}

export interface Connector extends Omit<ConnectorSummary, "auth"> {
  readonly redirect_uri: string;
  readonly environments: readonly string[];
  readonly auth: readonly Auth[];
  readonly actions: readonly Action[];
}

export interface Auth {
  readonly id: string;
  readonly type: string;
  readonly grant?: string | null;
  readonly title: string;
  readonly description?: string | null;
  readonly recommended: boolean;
  /** Whether this deployment allows it. */
  readonly available?: boolean;
  /** Of a way that takes a person's password: whether it is kept. */
  readonly stores_password?: boolean | null;
  /** Whether a person signs in at the provider. */
  readonly user_step: boolean;
  readonly takes_app: boolean;
  /** Whether the platform registers itself at the provider where no app is saved. */
  readonly registers_itself?: boolean;
  /** What an admin enters beside client ID and secret. */
  readonly app_fields?: readonly Question[];
  readonly client_source?: "app" | "connection" | "either" | "none" | null;
  /** Markdown: what an admin does at the provider. */
  readonly setup?: string | null;
  readonly fields: readonly Question[];
  readonly scopes?: { readonly required: readonly Scope[]; readonly optional: readonly Scope[] } | null;
}

export interface Scope {
  readonly name: string;
  readonly reason?: string | null;
}

export type QuestionType =
  | "string"
  | "text"
  | "number"
  | "boolean"
  | "date"
  | "select"
  | "environment"
  | "file"
  | "object"
  | "url"
  | "path";

export interface Choice {
  readonly label: string;
  readonly value: string | number | boolean;
}

/** A field of an auth or an input of an action. */
export interface Question {
  readonly name: string;
  readonly label: string;
  readonly type: QuestionType;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly list?: boolean;
  /** Markdown. */
  readonly help?: string | null;
  readonly placeholder?: string | null;
  readonly default?: unknown;
  readonly pattern?: string | null;
  readonly options?: readonly Choice[] | null;
  /** What asks the provider for the choices. */
  readonly options_from?: string | null;
  /** The parts of a group. */
  readonly fields?: readonly Question[] | null;
  /** The questions whose answers the choices are asked with. */
  readonly options_depend_on?: readonly string[];
  readonly prefix?: string | null;
  readonly suffix?: string | null;
  readonly min?: number | null;
  readonly max?: number | null;
  /** JSONata. */
  readonly visible_if?: string | null;
}

export interface Action {
  readonly id: string;
  readonly title: string;
  readonly description?: string | null;
  /** The ways to connect that it works with; null: all. */
  readonly auth?: readonly string[] | null;
  readonly scopes?: readonly string[];
  readonly input: readonly Question[];
}

export interface OptionsPage {
  readonly options: readonly Choice[];
  readonly next: string | null;
}

/** A client at the provider, and who lives by it. */
export interface AppClient {
  readonly client_id: string;
  /** How many working connections were made with it. */
  readonly connections: number;
  /** Until when nothing is refreshed with it, because the provider refuses it. */
  readonly paused_until: string | null;
  readonly error: ConnectionError | null;
}

export interface App extends AppClient {
  readonly secret_set: boolean;
  readonly previous_secret_until: string | null;
  /** The provider takes the secret before this one and not this one. */
  readonly previous_secret_used: boolean;
  /** A day, such as 2026-12-31. */
  readonly expires_on: string | null;
  readonly former: readonly (AppClient & { readonly since: string })[];
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Names of the other secrets that are saved. */
  readonly secrets_set?: readonly string[];
  /** Whether the platform registered it by itself. */
  readonly registered?: boolean;
  readonly redirect_uri: string;
  readonly updated_at?: string;
}

export type Status = "draft" | "awaiting_authorization" | "connected" | "needs_reauth" | "error" | "revoked";

export interface ProviderWords {
  readonly status?: number;
  readonly error?: string;
  readonly error_description?: string;
  readonly error_uri?: string;
}

export interface ConnectionError {
  readonly code: string;
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

export interface Connection {
  readonly id: string;
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly owner: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly label: string | null;
  readonly status: Status;
  readonly unique_id: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly auth_version: string | null;
  /** Whether the way to connect has changed since it was connected. */
  readonly upgrade_available: boolean;
  readonly scopes: readonly string[];
  readonly missing_scopes: readonly string[];
  readonly renewable: boolean;
  readonly expires_at: string | null;
  readonly reauth_by: string | null;
  readonly last_used_at: string | null;
  readonly last_test: LastTest | null;
  readonly error: ConnectionError | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** One line of a connection's or an app's log, or of the workspace's. */
export interface ConnectionEvent {
  readonly id: string;
  /** Null for what belongs to no connection. */
  readonly connection?: string | null;
  readonly connector?: string;
  readonly owner?: string;
  readonly at: string;
  readonly type: string;
  readonly actor: string;
  readonly action?: string;
  readonly host?: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly code?: string;
  readonly workflow?: string;
  readonly mode?: "test";
  readonly endpoint?: string;
  readonly app?: {
    readonly auth: string;
    readonly environment: string;
    readonly client_id: string;
    readonly expires_on?: string;
  };
}

/** How a workflow has used a connection. */
export interface Usage {
  readonly workflow: string;
  readonly last_used_at: string;
  readonly count: number;
}

/** Where an embedding application hears of events. */
export interface EventEndpoint {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly string[];
  readonly disabled: boolean;
  readonly disabled_reason: "admin" | "gone" | "failing" | null;
  readonly last_success_at: string | null;
}

export interface Delivery {
  readonly id: string;
  readonly type: string;
  readonly status: "pending" | "delivered" | "failed" | "cancelled";
  readonly attempts: number;
  readonly http_status: number | null;
  readonly error: string | null;
  readonly duration_ms: number | null;
  readonly next_at: string | null;
  readonly created_at: string;
}

/** A link with which somebody without a key connects. */
export interface ConnectSession {
  readonly id: string;
  readonly state: "open" | "used" | "expired" | "ended";
  readonly owner: string;
  /** The connection to reconnect. */
  readonly connection: string | null;
  readonly name: string | null;
  readonly return_origin: string | null;
  readonly return_url: string | null;
  /** What was connected with it. */
  readonly connections: readonly Connection[];
}

export interface Authorization {
  readonly authorization_url: string;
  readonly expires_at: string;
  /** Where the person types a code on any device: what, and at which page. */
  readonly user_code?: string;
  readonly verification_uri?: string;
}

export interface TestResult {
  readonly ok: boolean;
  readonly outcome: LastTest["outcome"];
  readonly status?: number;
  readonly duration_ms: number;
  /** What the provider answered, shortened. */
  readonly preview?: unknown;
  readonly connection: Connection;
}

export interface StepResult {
  readonly output: unknown;
  readonly step: {
    readonly id: string;
    readonly attempts: number;
    readonly status: number;
    readonly duration_ms: number;
    readonly shortened?: boolean;
  };
}

export interface ApiKey {
  readonly id: string;
  readonly name: string | null;
  readonly role: Role;
  readonly created_at?: string;
  readonly last_used_at?: string | null;
  readonly revoked_at?: string | null;
}

/** A problem document (RFC 9457). */
export interface ProblemDocument {
  readonly title?: string;
  readonly status?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly request_id?: string;
  readonly provider?: ProviderWords;
  readonly field?: string;
  readonly input?: string;
  readonly connection?: string;
}
