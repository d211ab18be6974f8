import type { ConnectionEvent, ConnectionRecord, Outgoing } from "./record.ts";

/** What the embedding application is told of: our type of event → the one of the message; null: it is not told. */
export const outgoingTypes = {
  created: "connection.created",
  authorization_started: null,
  denied: null,
  authorized: "connection.connected",
  tested: null,
  refreshed: null,
  refresh_failed: "connection.refresh_failed",
  used: null,
  failed: null,
  needs_reauth: "connection.needs_reauth",
  recovered: "connection.connected",
  renamed: null,
  merged: "connection.merged",
  expiring: "connection.expiring",
  revoked: "connection.deleted",
  revocation_failed: null,
  sign_in_refused: null,
  endpoint_disabled: "event_endpoint.disabled",
  "app.saved": null,
  "app.secret_rotated": null,
  "app.previous_secret_used": "app.previous_secret_used",
  "app.refused": "app.refused",
  "app.resumed": "app.resumed",
  "app.expiring": "app.expiring",
  "app.expired": "app.expired",
  "app.deleted": null,
} as const satisfies Record<ConnectionEvent["type"], string | null>;

/** Sent on request only, to see whether an endpoint works. */
export const pingType = "ping";

/** Every type of message that an endpoint may ask for. */
export const messageTypes: readonly string[] = [...new Set(Object.values(outgoingTypes).filter((type) => type !== null))];

/** Whether an event is one that the embedding application is told of. */
export const isOutgoing = ({ type }: Pick<ConnectionEvent, "type">): boolean => outgoingTypes[type] !== null;

/**
 * What a store keeps of an event for the event endpoints, given the connection as the event's own write leaves it; undefined where there is
 * nothing to tell.
 */
export function outgoing(event: ConnectionEvent, record: ConnectionRecord | undefined): Outgoing | undefined {
  if (!isOutgoing(event)) return undefined;
  if (record === undefined) return { event, connection: null };
  const { id, connector, auth, environment, owner, name, label, status, unique_id, alias_of } = record;
  const { scopes, missing_scopes, expires_at, reauth_by, auth_version, credential_version, created_at, updated_at } = record;
  const account = { id, connector, auth, environment, owner, name, label, status, unique_id, alias_of };
  const access = { scopes, missing_scopes, expires_at, reauth_by, auth_version, credential_version };
  return { event, connection: { ...account, ...access, created_at, updated_at } };
}
