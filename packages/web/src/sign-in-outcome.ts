import type { Connection, ConnectionError, ConnectionEvent } from "./api.ts";

/** What the server says of a sign-in at the provider. */
export type Outcome =
  | { readonly kind: "connected"; readonly connection: Connection }
  | { readonly kind: "denied" | "failed"; readonly connection: Connection; readonly error: ConnectionError | null };

/** What one event of the connection's log means for the sign-in under way; undefined: nothing yet. */
export function outcomeOfEvent(event: ConnectionEvent, connection: Connection): Outcome | undefined {
  if (event.type === "authorized" || event.type === "merged") return { kind: "connected", connection };
  if (event.type === "denied") return { kind: "denied", connection, error: connection.error };
  // A step of a workflow that failed names its action; it says nothing about the sign-in.
  if (event.type === "failed" && event.action === undefined) return { kind: "failed", connection, error: connection.error };
  return undefined;
}

/**
 * What the connection's state means, compared with the state before the sign-in: for events that were missed. A connection that was
 * connected before tells nothing by being connected.
 */
export function outcomeOfState(before: Connection, now: Connection): Outcome | undefined {
  if (now.status === "connected" && before.status !== "connected") return { kind: "connected", connection: now };
  if (now.error !== null && now.error.at !== before.error?.at) {
    return { kind: now.error.code === "access_denied" ? "denied" : "failed", connection: now, error: now.error };
  }
  return undefined;
}
