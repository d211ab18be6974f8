import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { inForce, isOutdated, openFields, type Versioned } from "./open.ts";
import type { ConnectionRecord } from "./record.ts";
import { missingScopes } from "./scopes.ts";

/** A connection as people and workflows see it. */
export type Connection = Pick<
  ConnectionRecord,
  | "id"
  | "connector"
  | "auth"
  | "environment"
  | "owner"
  | "name"
  | "description"
  | "status"
  | "unique_id"
  | "client_id"
  | "fields"
  | "scopes"
  | "missing_scopes"
  | "renewable"
  | "expires_at"
  | "authorized_at"
  | "reauth_by"
  | "last_used_at"
  | "last_test"
  | "error"
  | "created_at"
  | "updated_at"
> & {
  /** The user's name for it, or else what it calls itself. */
  readonly label: string | null;
  /** The version of the auth block that it was made with; null until it is connected. */
  readonly auth_version: string | null;
  /** Whether the auth block has changed since: connecting again brings it to the version of now. */
  readonly upgrade_available: boolean;
};

/** What `actor` may see of a record: a masked label is shown in full to the owner only. */
export function view(runtime: Runtime, actor: Pick<Actor, "owner">, record: ConnectionRecord): Connection {
  const { id, connector, auth, environment, owner, name, description, status, fields, scopes, client_id } = record;
  const { renewable, expires_at, authorized_at, reauth_by, last_used_at, last_test, error, created_at, updated_at } = record;
  const used = authIn(runtime, record);
  const now = runtime.connectors.get(connector)?.auth[auth];
  const holds = record.credential_version > 0 && status !== "revoked";
  const { label, unique_id } = accountOf(runtime, actor, record);
  return {
    id,
    connector,
    auth,
    environment,
    owner,
    name,
    description,
    label,
    status,
    unique_id,
    client_id,
    // What was stored before the manifest called it a secret is none of the reader's business any more.
    fields: openFields({ fields: used?.fields ?? [] }, fields),
    auth_version: holds ? record.auth_version : null,
    upgrade_available: holds && isOutdated(now, record),
    scopes,
    missing_scopes: holds ? missingScopes(now, record) : record.missing_scopes,
    renewable,
    expires_at,
    authorized_at,
    reauth_by,
    last_used_at,
    last_test,
    error,
    created_at,
    updated_at,
  };
}

/** Whose account it is, as far as `reader` may know. */
export function accountOf(
  runtime: Runtime,
  reader: Pick<Actor, "owner">,
  record: Versioned & Pick<ConnectionRecord, "owner" | "name" | "label" | "unique_id">,
): Pick<Connection, "label" | "unique_id"> {
  const { owner, name, label, unique_id } = record;
  const auth = authIn(runtime, record);
  // Where nothing says any more whether it is masked, it is.
  const masked = owner !== reader.owner && (auth === undefined || auth.label?.mask === "partial");
  const computed = masked && label !== null ? mask(label) : label;
  return { label: name ?? computed, unique_id: masked ? null : unique_id };
}

/** The way to connect that it goes by; undefined where nothing is left of it. */
function authIn(runtime: Runtime, record: Versioned): Auth | undefined {
  try {
    return inForce(runtime, record).auth;
  } catch (cause) {
    if (cause instanceof JackfieldError) return undefined;
    throw cause;
  }
}

/** `Jane Miller` → `Ja••• Mi•••`. */
export function mask(label: string): string {
  return label.replace(/[\p{L}\p{N}]+/gu, (word) => `${[...word].slice(0, 2).join("")}•••`);
}
