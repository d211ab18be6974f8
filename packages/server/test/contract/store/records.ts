import type {
  AppRecord,
  ConnectionEvent,
  ConnectionRecord,
  DeliveryRecord,
  EndpointRecord,
  FileChunk,
  FileRecord,
  FlowRecord,
  KeptStep,
  Listed,
} from "@jackfield/engine";

export const time = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

export function connection(id: string, values: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id,
    workspace: "w",
    owner: "ada",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    status: "connected",
    name: null,
    description: null,
    label: "Ada's Acme",
    unique_id: `u-${id}`,
    identity: `w/ada/acme/${id}`,
    alias_of: null,
    fields: { region: "eu", nested: { list: [1, "two", null] } },
    sealed_fields: null,
    sealed_credential: "v1.a.b.c",
    client_id: null,
    auth_version: null,
    credential_version: 1,
    scopes: ["read"],
    missing_scopes: [],
    renewable: true,
    expires_at: time(3600),
    refresh_at: null,
    refresh_failures: 0,
    refresh_held_until: null,
    refresh_doubts: null,
    refreshing: null,
    refresh_lost: false,
    authorized_at: time(0),
    reauth_by: null,
    remind_at: null,
    test_at: null,
    last_used_at: null,
    sealed_tombstone: null,
    revoke_at: null,
    revoke_failures: 0,
    last_test: null,
    error: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

export function event(id: string, of: string, values: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return { id, connection: of, workspace: "w", at: time(0), type: "used", actor: "system", ...values };
}

export function flow(id: string, values: Partial<FlowRecord> = {}): FlowRecord {
  return {
    id,
    state_hash: `state-${id}`,
    connection: "c",
    workspace: "w",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    actor: "key/1",
    via: "key",
    browser_hash: null,
    redirect_uri: "https://here.example/oauth/callback/acme",
    sealed: "v1.x.y.z",
    polling: null,
    created_at: time(0),
    expires_at: time(600),
    ...values,
  };
}

export const polled = (id: string, at: number, values: Partial<FlowRecord> = {}) =>
  flow(id, { polling: { at: time(at), interval: 5_000, failures: 0 }, ...values });

export function app(values: Partial<AppRecord> = {}): AppRecord {
  return {
    workspace: "w",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    client_id: "client",
    fields: { team: "t" },
    sealed_secret: "v1.s",
    sealed_previous: null,
    previous_secret_until: null,
    previous_secret_used: false,
    pause: null,
    refused_alone: null,
    version: 1,
    former: [],
    expires_on: null,
    expiry_told: null,
    tend_at: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

export function endpoint(id: string, values: Partial<EndpointRecord> = {}): EndpointRecord {
  return {
    id,
    workspace: "w",
    url: "https://hooks.example/in",
    description: null,
    types: [],
    sealed_secrets: "v1.e",
    disabled: null,
    last_success_at: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

export function delivery(to: string, of: string, values: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return {
    id: `${to}.${of}`,
    endpoint: to,
    event: of,
    type: "connection.needs_reauth",
    body: "{}",
    status: "pending",
    attempts: 0,
    http_status: null,
    error: null,
    duration_ms: null,
    next_at: time(0),
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

export function keptStep(id: string, values: Partial<KeptStep> = {}): KeptStep {
  return {
    id,
    workspace: "w",
    connector: "acme",
    connection: "c",
    step: `step-${id}`,
    running_until: time(60),
    sealed: "v1.a.b.c",
    expires_at: time(86_400),
    ...values,
  };
}

export function file(id: string, values: Partial<FileRecord> = {}): FileRecord {
  return {
    ...{ id, workspace: "w", owner: "ada", name: "a b.txt", type: "text/plain", size: 3 },
    ...{ created_at: time(0), expires_at: time(86_400) },
    ...values,
  };
}

export function chunk(of: string, part: number, values: Partial<FileChunk> = {}): FileChunk {
  return { id: `${of}/${part}`, file: of, workspace: "w", sealed: "v1.g.h.i", expires_at: time(86_400), ...values };
}

export const ids = (listed: Listed<{ readonly id: string }>) => listed.items.map(({ id }) => id);
export const count = <T>(list: readonly T[], is: (item: T) => boolean) => list.filter(is).length;
