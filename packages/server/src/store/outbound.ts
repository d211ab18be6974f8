import type { DeliveryRecord, EndpointRecord, Outgoing, Page, Store } from "@jackfield/engine";
import { decodeCursor, paged } from "./cursor.ts";
import { type Columns, insertRow, type Sqlite } from "./database.ts";
import { appendEvents } from "./events.ts";

interface Row {
  readonly doc: string;
}

/** The `outbox` of the store's port. */
export function outboxTable(sqlite: Sqlite): Store["outbox"] {
  return {
    list: async (limit) =>
      sqlite.all<Row>("SELECT doc FROM outbox ORDER BY seq LIMIT ?", limit).map(({ doc }) => JSON.parse(doc) as Outgoing),
    hand: (event, deliveries) =>
      sqlite.write(() => {
        for (const delivery of deliveries) insertDelivery(sqlite, delivery);
        sqlite.run("DELETE FROM outbox WHERE event = ?", event);
      }),
  };
}

const parseEndpoint = (row: Row) => JSON.parse(row.doc) as EndpointRecord;

export const endpointColumns = (record: EndpointRecord): Columns => ({
  id: record.id,
  workspace: record.workspace,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

/** The `endpoints` of the store's port. */
export function endpointTable(sqlite: Sqlite): Store["endpoints"] {
  const get = (id: string) => {
    const row = sqlite.get<Row>("SELECT doc FROM event_endpoints WHERE id = ?", id);
    return row === undefined ? undefined : parseEndpoint(row);
  };
  return {
    async insert(record) {
      insertRow(sqlite, "event_endpoints", endpointColumns(record));
    },
    get: async (id) => get(id),
    list: async (workspace) =>
      sqlite
        .all<Row>("SELECT doc FROM event_endpoints WHERE workspace = ? ORDER BY created_at, id", workspace)
        .map(parseEndpoint),
    update: async (id, patch, options) =>
      sqlite.transaction(() => {
        const record = get(id);
        if (record === undefined || (options?.expect?.enabled === true && record.disabled !== null)) return undefined;
        const next: EndpointRecord = { ...record, ...patch };
        sqlite.run("UPDATE event_endpoints SET doc = ? WHERE id = ?", JSON.stringify(next), id);
        appendEvents(sqlite, options?.events ?? []);
        return next;
      }),
    // The deliveries go with it (ON DELETE CASCADE).
    delete: async (id) => sqlite.run("DELETE FROM event_endpoints WHERE id = ?", id) > 0,
  };
}

const parseDelivery = (row: Row) => JSON.parse(row.doc) as DeliveryRecord;

export const deliveryColumns = (record: DeliveryRecord): Columns => ({
  id: record.id,
  endpoint: record.endpoint,
  attempts: record.attempts,
  next_at: record.next_at,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

/** Inside the caller's transaction, or by itself: an endpoint that is gone is found out in the same statement. */
function insertDelivery(sqlite: Sqlite, delivery: DeliveryRecord): void {
  const { id, endpoint, attempts, next_at, created_at } = delivery;
  sqlite.run(
    `INSERT INTO deliveries (id, endpoint, attempts, next_at, created_at, doc) SELECT ?, id, ?, ?, ?, ? FROM event_endpoints WHERE id = ?
     ON CONFLICT (id) DO NOTHING`,
    ...[id, attempts, next_at, created_at, JSON.stringify(delivery), endpoint],
  );
}

function list(sqlite: Sqlite, endpoint: string, page: Page) {
  const after = page.after === undefined ? undefined : decodeCursor(page.after);
  const rows = sqlite.all<Row>(
    `SELECT doc FROM deliveries WHERE endpoint = ?${after === undefined ? "" : " AND (created_at, id) < (?, ?)"}
     ORDER BY created_at DESC, id DESC LIMIT ?`,
    ...[endpoint, ...(after ?? []), page.limit + 1],
  );
  return paged(
    rows.map(parseDelivery),
    page.limit,
    (delivery) => delivery,
    (delivery) => [delivery.created_at, delivery.id],
  );
}

/** The `deliveries` of the store's port. */
export function deliveryTable(sqlite: Sqlite): Store["deliveries"] {
  return {
    insert: async (record) => insertDelivery(sqlite, record),
    list: async (endpoint, page) => list(sqlite, endpoint, page),
    pending: async (endpoint, limit) =>
      sqlite
        .all<Row>(
          "SELECT doc FROM deliveries WHERE endpoint = ? AND next_at IS NOT NULL ORDER BY next_at, id LIMIT ?",
          endpoint,
          limit,
        )
        .map(parseDelivery),
    due: async (time, limit) =>
      sqlite.all(
        // The plus keeps it from reading all that are pending, in the order of the endpoints, for those that are due.
        "SELECT endpoint, MIN(next_at) AS next_at FROM deliveries WHERE next_at < ? GROUP BY +endpoint ORDER BY 2, 1 LIMIT ?",
        time,
        limit,
      ),
    update: (id, patch, expect) =>
      sqlite.write(() => {
        const row = sqlite.get<Row>("SELECT doc FROM deliveries WHERE id = ? AND attempts = ?", id, expect.attempts);
        if (row === undefined) return undefined;
        const next: DeliveryRecord = { ...parseDelivery(row), ...patch };
        sqlite.run(
          "UPDATE deliveries SET attempts = ?, next_at = ?, doc = ? WHERE id = ?",
          ...[next.attempts, next.next_at, JSON.stringify(next), id],
        );
        return next;
      }),
    expire: async (time) => sqlite.run("DELETE FROM deliveries WHERE created_at < ? AND next_at IS NULL", time),
  };
}
