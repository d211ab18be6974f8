import type { Auth } from "@jackfield/manifest";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { openFields } from "./open.ts";
import type { ConnectionRecord } from "./record.ts";

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
};

/** What `actor` may see of a record: a masked label is shown in full to the owner only. */
export function view(runtime: Runtime, actor: Pick<Actor, "owner">, record: ConnectionRecord): Connection {
  const { id, connector, auth, environment, owner, name, description, status, unique_id, fields, scopes, missing_scopes } =
    record;
  const { client_id, renewable, expires_at, authorized_at, reauth_by, last_used_at } = record;
  const { last_test, error, created_at, updated_at } = record;
  const masked = owner !== actor.owner && authIn(runtime, record)?.label?.mask === "partial";
  const computed = masked && record.label !== null ? mask(record.label) : record.label;
  return {
    id,
    connector,
    auth,
    environment,
    owner,
    name,
    description,
    label: name ?? computed,
    status,
    unique_id: masked ? null : unique_id,
    client_id,
    // What was stored before the manifest called it a secret is none of the reader's business any more.
    fields: openFields({ fields: authIn(runtime, record)?.fields ?? [] }, fields),
    scopes,
    missing_scopes,
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

/** The way to connect as it is declared now; undefined where the connector is gone. */
function authIn(runtime: Runtime, record: ConnectionRecord): Auth | undefined {
  return runtime.connectors.get(record.connector)?.auth[record.auth];
}

/** `Jane Miller` → `Ja••• Mi•••`. */
export function mask(label: string): string {
  return label.replace(/[\p{L}\p{N}]+/gu, (word) => `${[...word].slice(0, 2).join("")}•••`);
}
