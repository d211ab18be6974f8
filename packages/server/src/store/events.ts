import {
  type ConnectionEvent,
  type ConnectionRecord,
  type EventFilter,
  isOutgoing,
  outgoing,
  type Page,
  type Store,
} from "@jackfield/engine";
import { decodeCursor, paged } from "./cursor.ts";
import type { Columns, Sqlite, Value } from "./database.ts";

interface Row {
  readonly seq: number;
  readonly at: string;
  readonly doc: string;
}

export const eventColumns = (event: ConnectionEvent): Columns => ({
  id: event.id,
  workspace: event.workspace,
  connection: event.connection,
  connector: event.connector ?? null,
  auth: event.app?.auth ?? null,
  environment: event.app?.environment ?? null,
  owner: event.owner ?? null,
  type: event.type,
  at: event.at,
  doc: JSON.stringify(event),
});

const insertion = `INSERT INTO events (id, workspace, connection, connector, auth, environment, owner, type, at, doc)
  SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ? IS NULL OR EXISTS (SELECT 1 FROM connections WHERE id = ?)`;

/**
 * Appends inside the caller's transaction, with their entries in the outbox; `written` is the record as that transaction leaves it. An
 * event of a connection that has been erased meanwhile is dropped: a buffered event must not bring back what a person had deleted.
 */
export function appendEvents(sqlite: Sqlite, events: readonly ConnectionEvent[], written?: ConnectionRecord): void {
  for (const event of events) {
    const { connection } = event;
    const appended = sqlite.run(insertion, ...Object.values(eventColumns(event)), connection, connection);
    if (appended > 0 && isOutgoing(event)) appendToOutbox(sqlite, event, written);
  }
}

function appendToOutbox(sqlite: Sqlite, event: ConnectionEvent, written: ConnectionRecord | undefined): void {
  const row =
    event.connection === null || event.connection === written?.id
      ? undefined
      : sqlite.get<{ doc: string }>("SELECT doc FROM connections WHERE id = ?", event.connection);
  const record = row === undefined ? written : (JSON.parse(row.doc) as ConnectionRecord);
  const entry = outgoing(event, event.connection === null ? undefined : record);
  if (entry !== undefined) sqlite.run("INSERT INTO outbox (event, doc) VALUES (?, ?)", event.id, JSON.stringify(entry));
}

function conditions(filter: EventFilter): { readonly sql: string[]; readonly values: Value[] } {
  const comparisons = [
    ["workspace = ?", filter.workspace],
    ["connection = ?", filter.connection],
    ["type = ?", filter.type],
    ["connector = ?", filter.connector],
    ["auth = ?", filter.app?.auth],
    ["environment = ?", filter.app?.environment],
    ["owner = ?", filter.owner],
    ["at >= ?", filter.from],
    ["at < ?", filter.to],
    ["json_extract(doc, '$.actor') IN (SELECT value FROM json_each(?))", filter.actors && JSON.stringify(filter.actors)],
  ] as const;
  const given = comparisons.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
  return { sql: given.map(({ sql }) => sql), values: given.map(({ value }) => value) };
}

function list(sqlite: Sqlite, filter: EventFilter, page: Page) {
  const { sql, values } = conditions(filter);
  if (page.after !== undefined) {
    sql.push("(at, seq) < (?, ?)");
    values.push(...decodeCursor(page.after));
  }
  const rows = sqlite.all<Row>(
    `SELECT seq, at, doc FROM events WHERE ${sql.join(" AND ")} ORDER BY at DESC, seq DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return paged(
    rows,
    page.limit,
    (row) => JSON.parse(row.doc) as ConnectionEvent,
    (row) => [row.at, row.seq],
  );
}

/** The `events` of the store's port. */
export function eventTable(sqlite: Sqlite): Store["events"] {
  return {
    append: (events) => sqlite.write(() => appendEvents(sqlite, events)),
    list: async (filter, page) => list(sqlite, filter, page),
    recent: async (connections, time, limit) =>
      sqlite
        .all<Row>(
          `SELECT seq, at, doc FROM events WHERE connection IN (SELECT value FROM json_each(?)) AND at >= ?
           ORDER BY at DESC, seq DESC LIMIT ?`,
          ...[JSON.stringify(connections), time, limit],
        )
        .map((row) => JSON.parse(row.doc) as ConnectionEvent),
    expire: async (time) => sqlite.run("DELETE FROM events WHERE at < ?", time),
  };
}
