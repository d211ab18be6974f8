import type { ConnectionEvent, Store } from "@jackfield/engine";
import { decodeCursor, paged } from "./cursor.ts";
import type { Sqlite } from "./database.ts";

interface Row {
  readonly seq: number;
  readonly at: string;
  readonly doc: string;
}

/**
 * Appends inside the caller's transaction. An event of a connection that has been erased meanwhile is dropped: a buffered event
 * must not bring back what a person had deleted.
 */
export function appendEvents(sqlite: Sqlite, events: readonly ConnectionEvent[]): void {
  for (const event of events) {
    sqlite.run(
      "INSERT INTO events (id, connection, at, doc) SELECT ?, id, ?, ? FROM connections WHERE id = ?",
      event.id,
      event.at,
      JSON.stringify(event),
      event.connection,
    );
  }
}

/** The `events` of the store's port. */
export function eventTable(sqlite: Sqlite): Store["events"] {
  return {
    append: async (events) => sqlite.transaction(() => appendEvents(sqlite, events)),
    async list(connection, page) {
      const after = page.after === undefined ? undefined : decodeCursor(page.after);
      const rows = sqlite.all<Row>(
        `SELECT seq, at, doc FROM events WHERE connection = ?${after === undefined ? "" : " AND (at, seq) < (?, ?)"}
         ORDER BY at DESC, seq DESC LIMIT ?`,
        connection,
        ...(after ?? []),
        page.limit + 1,
      );
      return paged(
        rows,
        page.limit,
        (row) => JSON.parse(row.doc) as ConnectionEvent,
        (row) => [row.at, row.seq],
      );
    },
    expire: async (time) =>
      sqlite.run("DELETE FROM events WHERE at < ?", time) + sqlite.run("DELETE FROM app_events WHERE at < ?", time),
  };
}
