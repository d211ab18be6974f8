/*
 * What the API takes and answers. Made by `npm run generate` from the schemas that check requests and make /openapi.json, and from the
 * engine's table of errors.
 */

export interface Action {
  id: string;
  title: string;
  description: string | null;
  /** The ways to connect that it works with; null: all. */
  auth: string[] | null;
  scopes: string[];
  input: Input[];
}

export interface ApiKey {
  id: string;
  name: string;
  /** What the key may do. */
  role: "admin" | "author" | "user" | "workflow";
  workspace: string;
  /** Whose connections it makes. */
  owner: string;
  /** ISO 8601 in UTC. */
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

/** The client that an admin registered at the provider. */
export interface App {
  connector: string;
  auth: string;
  environment: string;
  client_id: string;
  /** How many working connections were made with it. */
  connections: number;
  /** Until when nothing is refreshed with it, because the provider refuses it; then one connection tries again. */
  paused_until: string | null;
  error: ConnectionError | null;
  /** The secret itself is never given back. */
  secret_set: boolean;
  /** Until when the secret before this one is tried where the provider refuses this one. */
  previous_secret_until: string | null;
  /** Whether it had to be: the provider does not take the new one. */
  previous_secret_used: boolean;
  /** When the secret ends at the provider. */
  expires_on: string | null;
  /** The clients before this one, kept for the connections that were made with them. */
  former: {
    client_id: string;
    /** How many working connections were made with it. */
    connections: number;
    /** Until when nothing is refreshed with it, because the provider refuses it; then one connection tries again. */
    paused_until: string | null;
    error: ConnectionError | null;
    /** ISO 8601 in UTC. */
    since: string;
  }[];
  /** What else was saved that is no secret. */
  fields: Record<string, unknown>;
  /** Names of the other secrets that were saved. */
  secrets_set: string[];
  /** Whether no admin saved it: the platform registered itself at the provider. */
  registered: boolean;
  redirect_uri: string;
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  updated_at: string;
}

/** One way to connect. */
export interface Auth {
  id: string;
  type: string;
  grant: string | null;
  title: string;
  description: string | null;
  /** At most one of a connector; never one that takes a person's password. */
  recommended: boolean;
  /** Whether this deployment allows it; otherwise connecting answers `grant_disabled`. */
  available: boolean;
  /** Of the grant `password`: whether the password is kept, sealed, after the first token. */
  stores_password: boolean | null;
  /** Whether the user signs in at the provider. */
  user_step: boolean;
  /** Whether an admin can save an app for it. */
  takes_app: boolean;
  /** Whether the platform registers itself where no app is saved. */
  registers_itself: boolean;
  /** What the admin enters beside client ID and secret. */
  app_fields: Field[];
  client_source: "app" | "connection" | "either" | "none" | null;
  /** Markdown: what the admin does at the provider. */
  setup: string | null;
  fields: Field[];
  scopes: {
    required: {
      name: string;
      reason: string;
    }[];
    optional: {
      name: string;
      reason: string;
    }[];
  };
}

export interface AuthItem {
  id: string;
  type: string;
  title: string;
  /** Whether this deployment allows it; otherwise connecting answers `grant_disabled`. */
  available: boolean;
}

/** A sign-in under way. */
export interface Authorization {
  /** Where the browser goes: a page of ours that goes on to the provider; with the grant `device_code` the provider's own. */
  authorization_url: string;
  /** ISO 8601 in UTC. */
  expires_at: string;
  /** With the grant `device_code`: what the person types at `verification_uri`, on any device. */
  user_code?: string;
  /** With the grant `device_code`: the provider's page for the code. */
  verification_uri?: string;
  /** With the grant `device_code`: seconds between two questions of ours whether it was confirmed. */
  interval?: number;
}

/** A link with which somebody without a key connects. */
export interface ConnectSession {
  id: string;
  /** `used`: something was connected; it can still be used. `ended`: before its time, or with its key. */
  state: "open" | "used" | "expired" | "ended";
  /** Whose connections it makes. */
  owner: string;
  /** Names of the connectors that may be connected; null: all. */
  connectors: string[] | null;
  /** The only way to connect; null: any. */
  auth: string | null;
  /** The only environment; null: any. */
  environment: string | null;
  /** The connection that may be reconnected; then no other can be made. */
  connection: string | null;
  name: string | null;
  return_origin: string | null;
  /** Where the page's link back leads to. */
  return_url: string | null;
  /** What was connected with it. */
  connections: Connection[];
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  expires_at: string;
}

export interface Connection {
  id: string;
  connector: string;
  auth: string;
  environment: string;
  owner: string;
  name: string | null;
  description: string | null;
  /** The user's name for it, or else what it calls itself. */
  label: string | null;
  /** Where the connection stands. */
  status: "draft" | "awaiting_authorization" | "connected" | "needs_reauth" | "error" | "revoked";
  unique_id: string | null;
  /** The app's client that it was made with; null where the connection brought its own, or needs none. */
  client_id: string | null;
  /** The fields that are not secret. */
  fields: Record<string, unknown>;
  /** The version of the way to connect that it was made with, and goes on with; null until it is connected. */
  auth_version: string | null;
  /** Whether the way to connect has changed since; reconnecting brings it up to date. */
  upgrade_available: boolean;
  scopes: string[];
  /** What the account has not granted, with what the connector has come to ask for since. */
  missing_scopes: string[];
  /** Whether it is kept fresh without its user. */
  renewable: boolean;
  expires_at: string | null;
  /** When its person signed in the last time. */
  authorized_at: string | null;
  /** Until when its person must sign in again, however often it is refreshed; null: never, or not known. */
  reauth_by: string | null;
  /** When a step last used it, to the hour. */
  last_used_at: string | null;
  last_test: {
    /** ISO 8601 in UTC. */
    at: string;
    /** How it ended. */
    outcome: "passed" | "failed" | "unreachable";
    status?: number;
    duration_ms: number;
  } | null;
  error: ConnectionError | null;
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  updated_at: string;
}

/** Why the connection is not well. */
export interface ConnectionError {
  code: string;
  message: string;
  hint: string;
  /** What the provider said, redacted and cut. */
  provider?: ProviderWords;
  /** ISO 8601 in UTC. */
  at: string;
}

/** One line of the workspace's log, and of a connection's or an app's. No bodies, no secrets. */
export interface ConnectionEvent {
  id: string;
  /** Null for what belongs to no connection. */
  connection: string | null;
  workspace: string;
  connector?: string;
  owner?: string;
  /** ISO 8601 in UTC. */
  at: string;
  type: string;
  /** `key/<id>` for an API key or a browser that signed in with one, `system`, or `nobody`. */
  actor: string;
  action?: string;
  host?: string;
  status?: number;
  duration_ms?: number;
  code?: string;
  /** As the step named it. */
  workflow?: string;
  /** A step that somebody only tried. */
  mode?: "test";
  /** The event endpoint that it is about. */
  endpoint?: string;
  /** The app of `connector` that it is about. */
  app?: {
    auth: string;
    environment: string;
    client_id: string;
    /** Of `app.refused`: when a connection tries again first. */
    paused_until?: string;
    /** Of `app.expiring` and `app.expired`: when the secret ends. */
    expires_on?: string;
  };
}

export interface ConnectorDetail {
  name: string;
  title: string;
  description: string;
  categories: string[];
  /** Relative to the public URL. */
  icon_url: string;
  docs_url: string | null;
  version: string;
  /** Whether a user can connect: no app is needed, or one is saved. */
  configured: boolean;
  /** To be registered at the provider. */
  redirect_uri: string;
  /** The first is the default. */
  environments: string[];
  auth: Auth[];
  actions: Action[];
}

export interface ConnectorItem {
  name: string;
  title: string;
  description: string;
  categories: string[];
  /** Relative to the public URL. */
  icon_url: string;
  docs_url: string | null;
  version: string;
  /** Whether a user can connect: no app is needed, or one is saved. */
  configured: boolean;
  auth: AuthItem[];
}

/** One event on its way to one event endpoint. */
export interface Delivery {
  id: string;
  /** The event's id, sent as `webhook-id`. */
  event: string;
  type: string;
  /** `cancelled`: its endpoint was disabled before. */
  status: "pending" | "delivered" | "failed" | "cancelled";
  attempts: number;
  /** Of the last attempt; null: there was no answer. */
  http_status: number | null;
  /** The code of why there was none. */
  error: string | null;
  duration_ms: number | null;
  /** When it is tried again. */
  next_at: string | null;
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  updated_at: string;
}

/** Where an embedding application hears of events. */
export interface EventEndpoint {
  id: string;
  url: string;
  description: string | null;
  /** What it is told of; none: everything. */
  types: string[];
  disabled: boolean;
  disabled_reason: "admin" | "gone" | "failing" | null;
  last_success_at: string | null;
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  updated_at: string;
}

/** What the user is asked. */
export interface Field {
  name: string;
  label: string;
  type: string;
  required: boolean;
  help: string | null;
  placeholder: string | null;
  pattern: string | null;
  /** null: none. */
  default: unknown;
  options: {
    label: string;
    value: unknown;
  }[] | null;
  /** The `options` block that asks the provider for the choices. */
  options_from: string | null;
  /** JSONata over `fields`; shown and sent only while true. */
  visible_if: string | null;
  /** Never given back. */
  secret: boolean;
  /** Takes a list of such values. */
  list: boolean;
  prefix: string | null;
  suffix: string | null;
}

/** A file that is kept for steps: an input of type `file` takes `{ file: <id> }`. */
export interface File {
  id: string;
  name: string | null;
  type: string;
  /** Bytes. */
  size: number;
  /** ISO 8601 in UTC. */
  created_at: string;
  /** ISO 8601 in UTC. */
  expires_at: string;
}

/** What an action takes. */
export interface Input {
  name: string;
  label: string;
  type: string;
  required: boolean;
  help: string | null;
  placeholder: string | null;
  pattern: string | null;
  /** null: none. */
  default: unknown;
  options: {
    label: string;
    value: unknown;
  }[] | null;
  /** The `options` block that asks the provider for the choices. */
  options_from: string | null;
  /** JSONata over `fields`; shown and sent only while true. */
  visible_if: string | null;
  /** The parts of a group; null: it is none. */
  fields: Member[] | null;
  /** The inputs that the choices of `options_from` are asked with: where one of them changes, ask again. */
  options_depend_on: string[];
  list: boolean;
  min: number | null;
  max: number | null;
}

export interface ManifestProblem {
  code: string;
  /** Whether it keeps the manifest from being used. */
  severity: "error" | "warning";
  path: string;
  line: number;
  column: number;
  message: string;
  hint: string;
}

/** One message of JSON-RPC 2.0; no batches. */
export interface McpMessage {
  jsonrpc: "2.0";
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: {
    code: number;
    message: string;
    data?: unknown;
  };
}

/** A part of an input that is a group. */
export interface Member {
  name: string;
  label: string;
  type: string;
  required: boolean;
  help: string | null;
  placeholder: string | null;
  pattern: string | null;
  /** null: none. */
  default: unknown;
  options: {
    label: string;
    value: unknown;
  }[] | null;
  /** The `options` block that asks the provider for the choices. */
  options_from: string | null;
  /** JSONata over `fields`; shown and sent only while true. */
  visible_if: string | null;
  list: boolean;
  min: number | null;
  max: number | null;
}

/** As the OpenAPI Specification 3.1 says. */
export interface OpenApiDocument {
  openapi: string;
  info: Record<string, unknown>;
  paths: Record<string, unknown>;
  components: Record<string, unknown>;
}

/** A page of a drop-down's choices. */
export interface OptionsPage {
  options: {
    label: string;
    value: unknown;
  }[];
  /** The next page's `cursor`. */
  next: string | null;
}

/** RFC 9457. Some codes have further members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** Never renamed and never reused. */
  code: string;
  detail: string;
  /** What to do about it. */
  hint: string;
  /** Who can do something about it: author, user, admin, provider or operator. */
  audience: string;
  request_id: string;
  /** What the provider said, redacted and cut. */
  provider?: ProviderWords;
}

/** What the provider said, redacted and cut. */
export interface ProviderWords {
  status?: number;
  error?: string;
  error_description?: string;
  error_uri?: string;
}

export interface Session {
  /** The id of the API key, or of the connect session. */
  id: string;
  /** What it may do. */
  role: "admin" | "author" | "user" | "workflow" | "connect_session";
  owner: string;
  workspace: string;
}

export interface StepResult {
  output: unknown;
  step: {
    id: string;
    connection: string;
    action: string;
    attempts: number;
    status: number;
    duration_ms: number;
    /** Somebody only tried it. */
    mode?: "test";
    /** With mode `test`: whether the output was cut. */
    shortened?: boolean;
  };
}

export interface TestResult {
  ok: boolean;
  /** How it ended. */
  outcome: "passed" | "failed" | "unreachable";
  status?: number;
  duration_ms: number;
  /** What the provider answered, without secrets, shortened to 4 KiB. */
  preview?: unknown;
  connection: Connection;
}

/** A connection that is erased here and may live on at the provider. */
export interface Unrevoked {
  provider_revoked: false;
  /** What the provider said, redacted and cut. */
  provider: ProviderWords;
  /** Whether the provider is told again in the background. */
  retrying: boolean;
}

/** How a workflow that named itself has used a connection. */
export interface Usage {
  connection: string;
  workflow: string;
  /** ISO 8601 in UTC. */
  last_used_at: string;
  /** How many steps. */
  count: number;
}

/** What each operation takes and answers, by its operationId. */
export interface Operations {
  /** This document. */
  getOpenApi: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: OpenApiDocument;
  };
  /** A connector's actions as typed operations: what a client is generated from. */
  getConnectorOpenApi: {
    params: {
      /** The connector's name. */
      name: string;
    };
    query: undefined;
    body: undefined;
    answer: OpenApiDocument;
  };
  /** The public URL, and what this deployment allows. */
  getPlatform: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: {
      url: string;
      /** `{connector}` stands for the connector's name. */
      redirect_uri_template: string;
      /** Whether the demonstration provider runs here. */
      sandbox: boolean;
      /** Whether connectors may ask for a person's password here. */
      password_grant: boolean;
      version: string;
    };
  };
  /** Whether the process runs. */
  healthz: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: {
      status: "ok";
    };
  };
  /** Whether the process can do its work, and which of what it needs answers. 503 while it is stopping. */
  readyz: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: {
      status: "ok" | "degraded" | "down";
      checks: {
        store: "ok" | "down";
        queue: "ok" | "down";
      };
    };
  };
  /** Who the request comes from. */
  getSession: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: Session;
  };
  /** Signs a browser in with an API key. */
  signIn: {
    params: undefined;
    query: undefined;
    body: {
      api_key: string;
    };
    answer: Session;
  };
  /** Signs the browser out. */
  signOut: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  /** The workspace's API keys, the newest first. */
  listApiKeys: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: {
      items: ApiKey[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** Makes an API key. It is shown in this answer only. */
  createApiKey: {
    params: undefined;
    query: undefined;
    body: {
      name: string;
      /** What the key may do. */
      role: "admin" | "author" | "user" | "workflow";
      /** Whose connections it makes. Default: its own, or the admins'. */
      owner?: string | undefined;
    };
    answer: ApiKey & {
      key: string;
    };
  };
  /** Revokes an API key, and signs out the browsers that used it. */
  revokeApiKey: {
    params: {
      /** The key's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  /** The catalogue, by name. */
  listConnectors: {
    params: undefined;
    query: {
      /** How many items at most. Default: all. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: ConnectorItem[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** Checks a manifest and stores nothing. */
  validateManifest: {
    params: undefined;
    query: undefined;
    body: string;
    answer: {
      valid: boolean;
      name: string | null;
      problems: ManifestProblem[];
    };
  };
  /** A connector's forms, set-up and actions; with `Accept: text/event-stream`, when they change. */
  getConnector: {
    params: {
      /** The connector's name. */
      name: string;
    };
    query: undefined;
    body: undefined;
    answer: ConnectorDetail;
  };
  /** Publishes a manifest at run time. */
  publishConnector: {
    params: {
      /** The connector's name. */
      name: string;
    };
    query: undefined;
    body: string;
    answer: ConnectorDetail;
  };
  /** A saved app, without its secret. */
  getApp: {
    params: {
      /** The connector's name. */
      name: string;
      /** The auth's id. */
      auth: string;
      /** The environment. */
      environment: string;
    };
    query: undefined;
    body: undefined;
    answer: App;
  };
  /** Saves an app. Without `client_secret` the stored secret stays; what connections were made with is kept for them. */
  putApp: {
    params: {
      /** The connector's name. */
      name: string;
      /** The auth's id. */
      auth: string;
      /** The environment. */
      environment: string;
    };
    query: undefined;
    body: {
      client_id: string;
      client_secret?: string | undefined;
      /** False: the secret before this one is given up at once. Default: it is held for seven days. */
      keep_previous?: boolean | undefined;
      expires_on?: string | null | undefined;
      [name: string]: string | undefined | boolean | null;
    };
    answer: App;
  };
  /** Erases an app, unless connections live by it. */
  deleteApp: {
    params: {
      /** The connector's name. */
      name: string;
      /** The auth's id. */
      auth: string;
      /** The environment. */
      environment: string;
    };
    query: {
      /** Also where connections live by it: they work until their tokens end, and say so then. */
      force?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Makes a draft; a grant without a user step connects at once. */
  createConnection: {
    params: undefined;
    query: undefined;
    body: {
      /** The connector's name. */
      connector: string;
      /** Default: the recommended one. */
      auth?: string | undefined;
      /** Default: the first one. */
      environment?: string | undefined;
      fields?: Record<string, unknown> | undefined;
      name?: string | null | undefined;
      description?: string | null | undefined;
      /** Whose connection it is. Admins only. */
      owner?: string | undefined;
    };
    answer: Connection & {
      reused: boolean;
    };
  };
  /** Connections, the newest first. */
  listConnections: {
    params: undefined;
    query: {
      /** Only of this connector. */
      connector?: string | undefined;
      /** Only of this way to connect. */
      auth?: string | undefined;
      /** Only of this environment. */
      environment?: string | undefined;
      /** Only those made with this client of an app. */
      client_id?: string | undefined;
      /** Where the connection stands. */
      status?: "draft" | "awaiting_authorization" | "connected" | "needs_reauth" | "error" | "revoked" | undefined;
      /** Only this owner's. Without effect for those who see their own only. */
      owner?: string | undefined;
      /** Part of name, label, description or unique id. */
      search?: string | undefined;
      /** How many items at most. Default: 50. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: Connection[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** One connection. */
  getConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Connection;
  };
  /** Renames, describes, or takes new fields. */
  updateConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: {
      name?: string | null | undefined;
      description?: string | null | undefined;
      fields?: Record<string, unknown> | undefined;
    };
    answer: Connection;
  };
  /** Disconnects: erases at once, and revokes at the provider where that is possible. */
  deleteConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: {
      /** Also when workflows have used it in the last 30 days. */
      force?: boolean | undefined;
    };
    body: undefined;
    answer: Unrevoked | undefined;
  };
  /** The workflows that named themselves in steps, the last one first. */
  listConnectionUsage: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: {
      items: Usage[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** Starts a sign-in at the provider, also to reconnect, with other fields where the body gives some. */
  authorizeConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: {
      fields?: Record<string, unknown> | undefined;
    };
    answer: Authorization;
  };
  /** Makes the test call. */
  testConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: TestResult;
  };
  /** Replaces the credential now. */
  refreshConnection: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Connection;
  };
  /** A connection's log, the newest first; with `Accept: text/event-stream`, live. */
  listConnectionEvents: {
    params: {
      /** The connection's id. */
      id: string;
    };
    query: {
      /** Only events of this type. */
      type?: "created" | "authorization_started" | "denied" | "authorized" | "tested" | "refreshed" | "refresh_failed" | "used" | "failed" | "needs_reauth" | "recovered" | "renamed" | "merged" | "expiring" | "revoked" | "revocation_failed" | "sign_in_refused" | "endpoint_disabled" | "app.saved" | "app.secret_rotated" | "app.previous_secret_used" | "app.refused" | "app.resumed" | "app.expiring" | "app.expired" | "app.deleted" | undefined;
      /** How many items at most. Default: 50. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: ConnectionEvent[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** What happened to the app, the newest first. */
  listAppEvents: {
    params: {
      /** The connector's name. */
      name: string;
      /** The auth's id. */
      auth: string;
      /** The environment. */
      environment: string;
    };
    query: {
      /** Only events of this type. */
      type?: "created" | "authorization_started" | "denied" | "authorized" | "tested" | "refreshed" | "refresh_failed" | "used" | "failed" | "needs_reauth" | "recovered" | "renamed" | "merged" | "expiring" | "revoked" | "revocation_failed" | "sign_in_refused" | "endpoint_disabled" | "app.saved" | "app.secret_rotated" | "app.previous_secret_used" | "app.refused" | "app.resumed" | "app.expiring" | "app.expired" | "app.deleted" | undefined;
      /** How many items at most. Default: 50. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: ConnectionEvent[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** The workspace's log, the newest first. */
  listEvents: {
    params: undefined;
    query: {
      /** Only events of this type. */
      type?: "created" | "authorization_started" | "denied" | "authorized" | "tested" | "refreshed" | "refresh_failed" | "used" | "failed" | "needs_reauth" | "recovered" | "renamed" | "merged" | "expiring" | "revoked" | "revocation_failed" | "sign_in_refused" | "endpoint_disabled" | "app.saved" | "app.secret_rotated" | "app.previous_secret_used" | "app.refused" | "app.resumed" | "app.expiring" | "app.expired" | "app.deleted" | undefined;
      /** Only of this connector. */
      connector?: string | undefined;
      /** Only of this connection. */
      connection?: string | undefined;
      /** Only of this owner's connections. */
      owner?: string | undefined;
      /** The first moment that counts, ISO 8601. */
      from?: string | undefined;
      /** The first moment that does not, ISO 8601. */
      to?: string | undefined;
      /** How many items at most. Default: 50. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: ConnectionEvent[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** Has events sent to a URL, signed as Standard Webhooks says. */
  createEventEndpoint: {
    params: undefined;
    query: undefined;
    body: {
      /** Where messages are sent by POST. */
      url: string;
      /** What it is told of. Default: everything. */
      types?: readonly ("connection.created" | "connection.connected" | "connection.refresh_failed" | "connection.needs_reauth" | "connection.merged" | "connection.expiring" | "connection.deleted" | "event_endpoint.disabled" | "app.previous_secret_used" | "app.refused" | "app.resumed" | "app.expiring" | "app.expired")[] | undefined;
      description?: string | null | undefined;
      /** A disabled endpoint is told nothing, then or later. */
      disabled?: boolean | undefined;
    };
    answer: EventEndpoint & {
      /** `whsec_…`: what messages are signed with. It is shown in this answer only. */
      secret: string;
    };
  };
  /** The workspace's event endpoints, the oldest first. */
  listEventEndpoints: {
    params: undefined;
    query: undefined;
    body: undefined;
    answer: {
      items: EventEndpoint[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** One event endpoint. */
  getEventEndpoint: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: EventEndpoint;
  };
  /** Changes an event endpoint, or disables and enables it. */
  updateEventEndpoint: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: undefined;
    body: {
      /** Where messages are sent by POST. */
      url?: string | undefined;
      /** What it is told of. Default: everything. */
      types?: readonly ("connection.created" | "connection.connected" | "connection.refresh_failed" | "connection.needs_reauth" | "connection.merged" | "connection.expiring" | "connection.deleted" | "event_endpoint.disabled" | "app.previous_secret_used" | "app.refused" | "app.resumed" | "app.expiring" | "app.expired")[] | undefined;
      description?: string | null | undefined;
      /** A disabled endpoint is told nothing, then or later. */
      disabled?: boolean | undefined;
    };
    answer: EventEndpoint;
  };
  /** Removes an event endpoint, with what was still to be sent to it. */
  deleteEventEndpoint: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  /** Makes a new secret; for 24 hours messages are signed with the old one too. */
  rotateEventEndpoint: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: EventEndpoint & {
      /** `whsec_…`: what messages are signed with. It is shown in this answer only. */
      secret: string;
    };
  };
  /** Sends a message of type `ping`, once. */
  testEventEndpoint: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Delivery;
  };
  /** What was and is to be sent to an event endpoint, the newest first. */
  listDeliveries: {
    params: {
      /** The endpoint's id. */
      id: string;
    };
    query: {
      /** How many items at most. Default: 50. */
      limit?: number | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    body: undefined;
    answer: {
      items: Delivery[];
      /** Give it as `cursor` to get the next page; null: there is none. */
      next: string | null;
    };
  };
  /** Runs a step. */
  runAction: {
    params: {
      /** The connection's id. */
      id: string;
      /** The action's id. */
      action: string;
    };
    query: undefined;
    body: {
      input?: Record<string, unknown> | undefined;
      /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
      workflow?: string | undefined;
      /** An answer that is no text is kept as a file, up to 25 MiB, and given as `{ name, type, size, file }` with its id. */
      files?: "reference" | undefined;
      /** Somebody tries it: marked in the log, counted as no use, one page at the most, the output shortened. */
      mode?: "test" | undefined;
    };
    answer: StepResult;
  };
  /** A drop-down's choices, as the provider has them. */
  listOptions: {
    params: {
      /** The connection's id. */
      id: string;
      /** As an input's `options_from` names it. */
      name: string;
    };
    query: undefined;
    body: {
      input?: Record<string, unknown> | undefined;
      /** `next` of the page before. */
      cursor?: string | undefined;
    };
    answer: OptionsPage;
  };
  /** Deletes a file before it expires. */
  deleteFile: {
    params: {
      /** The file's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  /** The Model Context Protocol, streamable HTTP: actions as tools of a language model. Every answer is one of JSON. */
  mcp: {
    params: undefined;
    query: {
      /** Only this connection; tools are then called as its actions. */
      connection?: string | undefined;
      /** Only this owner's connections. Without effect for those who see their own only. */
      owner?: string | undefined;
      /** Only this connector; also before anything is connected to it. */
      connector?: string | undefined;
      /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
      workflow?: string | undefined;
    };
    body: McpMessage;
    answer: McpMessage | undefined;
  };
  /** Makes a short-lived link with which a person without a key connects for one owner. It is shown in this answer only. */
  createConnectSession: {
    params: undefined;
    query: undefined;
    body: {
      /** Whose connections will be made. Only an admin may name another than the key's own. */
      owner: string;
      /** What may be connected. Default: every connector. */
      connectors?: readonly string[] | undefined;
      /** The only way to connect; each of `connectors` must have it. */
      auth?: string | undefined;
      /** The only environment; each of `connectors` must have it. */
      environment?: string | undefined;
      /** The id of a connection to reconnect, in place of `connectors`, `auth` and `environment`. */
      connection?: string | undefined;
      /** Who asks, as the person is told. */
      name?: string | undefined;
      /** The origin of the page that is told, by postMessage, what was connected. */
      return_origin?: string | undefined;
      /** Where, within `return_origin`, the link back leads to. Default: `/`. */
      return_path?: string | undefined;
      /** Seconds. Default: 1800, half an hour. */
      expires_in?: number | undefined;
    };
    answer: ConnectSession & {
      url: string;
    };
  };
  /** How a connect session stands, and what was connected with it; known for a week after its end. */
  getConnectSession: {
    params: {
      /** The session's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: ConnectSession;
  };
  /** Ends a connect session. What was connected with it stays. */
  endConnectSession: {
    params: {
      /** The session's id. */
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
}

/** Where each operation is found, and what its body is where that is not JSON. */
export const operations = {
  getOpenApi: ["GET", "/openapi.json"],
  getConnectorOpenApi: ["GET", "/v1/connectors/{name}/openapi.json"],
  getPlatform: ["GET", "/v1/platform"],
  healthz: ["GET", "/healthz"],
  readyz: ["GET", "/readyz"],
  getSession: ["GET", "/v1/session"],
  signIn: ["POST", "/v1/session"],
  signOut: ["DELETE", "/v1/session"],
  listApiKeys: ["GET", "/v1/api_keys"],
  createApiKey: ["POST", "/v1/api_keys"],
  revokeApiKey: ["DELETE", "/v1/api_keys/{id}"],
  listConnectors: ["GET", "/v1/connectors"],
  validateManifest: ["POST", "/v1/connectors/validate", "application/yaml"],
  getConnector: ["GET", "/v1/connectors/{name}"],
  publishConnector: ["PUT", "/v1/connectors/{name}", "application/yaml"],
  getApp: ["GET", "/v1/connectors/{name}/apps/{auth}/{environment}"],
  putApp: ["PUT", "/v1/connectors/{name}/apps/{auth}/{environment}"],
  deleteApp: ["DELETE", "/v1/connectors/{name}/apps/{auth}/{environment}"],
  createConnection: ["POST", "/v1/connections"],
  listConnections: ["GET", "/v1/connections"],
  getConnection: ["GET", "/v1/connections/{id}"],
  updateConnection: ["PATCH", "/v1/connections/{id}"],
  deleteConnection: ["DELETE", "/v1/connections/{id}"],
  listConnectionUsage: ["GET", "/v1/connections/{id}/usage"],
  authorizeConnection: ["POST", "/v1/connections/{id}/authorize"],
  testConnection: ["POST", "/v1/connections/{id}/test"],
  refreshConnection: ["POST", "/v1/connections/{id}/refresh"],
  listConnectionEvents: ["GET", "/v1/connections/{id}/events"],
  listAppEvents: ["GET", "/v1/connectors/{name}/apps/{auth}/{environment}/events"],
  listEvents: ["GET", "/v1/events"],
  createEventEndpoint: ["POST", "/v1/event_endpoints"],
  listEventEndpoints: ["GET", "/v1/event_endpoints"],
  getEventEndpoint: ["GET", "/v1/event_endpoints/{id}"],
  updateEventEndpoint: ["PATCH", "/v1/event_endpoints/{id}"],
  deleteEventEndpoint: ["DELETE", "/v1/event_endpoints/{id}"],
  rotateEventEndpoint: ["POST", "/v1/event_endpoints/{id}/rotate"],
  testEventEndpoint: ["POST", "/v1/event_endpoints/{id}/test"],
  listDeliveries: ["GET", "/v1/event_endpoints/{id}/deliveries"],
  runAction: ["POST", "/v1/connections/{id}/actions/{action}"],
  listOptions: ["POST", "/v1/connections/{id}/options/{name}"],
  deleteFile: ["DELETE", "/v1/files/{id}"],
  mcp: ["POST", "/mcp"],
  createConnectSession: ["POST", "/v1/connect_sessions"],
  getConnectSession: ["GET", "/v1/connect_sessions/{id}"],
  endConnectSession: ["DELETE", "/v1/connect_sessions/{id}"],
} as const satisfies Readonly<Record<keyof Operations, readonly [method: string, path: string, media?: string]>>;

/** Every code that an error of the API can have; ERRORS.md tells of each. */
export type ErrorCode =
  | "access_denied"
  | "account_mismatch"
  | "action_of_other_auth"
  | "action_unknown"
  | "address_refused"
  | "admin_required"
  | "app_in_use"
  | "app_not_configured"
  | "app_not_used"
  | "assertion_key_invalid"
  | "auth_unknown"
  | "auth_version_missing"
  | "authorization_failed"
  | "body_not_repeatable"
  | "body_too_large"
  | "callback_invalid"
  | "caller_gone"
  | "capture_missing"
  | "capture_refused"
  | "certificate_invalid"
  | "choice_needed"
  | "client_refused"
  | "code_expired"
  | "connect_session_full"
  | "connect_session_invalid"
  | "connection_busy"
  | "connection_idle"
  | "connection_revoked"
  | "connection_unknown"
  | "connector_unknown"
  | "credentials_invalid"
  | "duplicate_connection"
  | "egress_proxy_failed"
  | "endpoint_unknown"
  | "environment_unknown"
  | "expression_error"
  | "field_invalid"
  | "field_required"
  | "fields_need_sign_in"
  | "file_unknown"
  | "files_full"
  | "forbidden"
  | "grant_disabled"
  | "grant_refused"
  | "grant_unsupported"
  | "header_refused"
  | "id_token_invalid"
  | "idempotency_key_reused"
  | "in_use"
  | "input_invalid"
  | "internal"
  | "issuer_mismatch"
  | "manifest_invalid"
  | "metadata_lacking"
  | "method_not_allowed"
  | "needs_reauth"
  | "no_refresh_token"
  | "no_user_step"
  | "not_connected"
  | "not_found"
  | "not_renewable"
  | "options_unknown"
  | "origin_refused"
  | "provider_answer_too_large"
  | "provider_not_found"
  | "provider_permission"
  | "provider_rate_limited"
  | "provider_refused"
  | "provider_timeout"
  | "provider_unauthorized"
  | "provider_unavailable"
  | "redirect_uri_mismatch"
  | "refresh_answer_lost"
  | "refresh_too_soon"
  | "registration_refused"
  | "request_invalid"
  | "scope_missing"
  | "scope_refused"
  | "seal_broken"
  | "sign_in_link_invalid"
  | "signature_invalid"
  | "state_invalid"
  | "step_answer_not_kept"
  | "step_interrupted"
  | "step_running"
  | "step_timeout"
  | "stopping"
  | "store_unavailable"
  | "test_unreachable"
  | "token_answer_invalid"
  | "token_request_refused"
  | "token_type_unsupported"
  | "unauthenticated"
  | "unique_id_missing"
  | "upgrade_refused"
  | "url_invalid"
  | "url_not_whitelisted"
  | "whitespace_in_credential";
