import {
  type ConnectionEvent,
  type ConnectionFilter,
  type ConnectionRecord,
  IdentityTaken,
  type Status,
  type Store,
} from "@jackfield/engine";
import { folded, isAs, lastActivity, needsVersion, parseConnection, patched, searchText } from "./connection-record.ts";
import { decodeCursor, paged } from "./cursor.ts";
import { type Columns, insertRow, type Sqlite, type Value } from "./database.ts";
import { appendEvents } from "./events.ts";

interface Row {
  readonly doc: string;
}

const parse = ({ doc }: Row) => parseConnection(doc);

/** What a connection stands in, beside its id. */
const columns = (record: ConnectionRecord): Columns => ({
  identity: record.identity,
  workspace: record.workspace,
  owner: record.owner,
  connector: record.connector,
  environment: record.environment,
  client_id: record.client_id,
  status: record.status,
  alias_of: record.alias_of,
  search: searchText(record),
  auth_version: needsVersion(record) ? record.auth_version : null,
  refresh_at: record.refresh_at,
  test_at: record.test_at,
  remind_at: record.remind_at,
  revoke_at: record.revoke_at,
  active_at: lastActivity(record),
  made_in: record.made_in ?? null,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

export const connectionColumns = (record: ConnectionRecord): Columns => ({ id: record.id, ...columns(record) });

/** Throws before the unique index does, with the port's own error; inside the caller's transaction nothing comes between. */
function refuseTaken(sqlite: Sqlite, identity: string, id: string): void {
  const taken = sqlite.get("SELECT 1 AS one FROM connections WHERE identity = ? AND id <> ?", identity, id);
  if (taken !== undefined) throw new IdentityTaken(identity);
}

function insert(sqlite: Sqlite, record: ConnectionRecord, events: readonly ConnectionEvent[]): Promise<void> {
  return sqlite.write(() => {
    refuseTaken(sqlite, record.identity, record.id);
    insertRow(sqlite, "connections", connectionColumns(record));
    appendEvents(sqlite, events, record);
  });
}

type Update = Store["connections"]["update"];

function update(sqlite: Sqlite, ...[id, patch, options]: Parameters<Update>): Promise<ConnectionRecord | undefined> {
  return sqlite.write(() => {
    const row = sqlite.get<Row>("SELECT doc FROM connections WHERE id = ?", id);
    if (row === undefined) return undefined;
    const record = parse(row);
    if (!isAs(record, options?.expect)) return undefined;
    const next = patched(record, patch);
    refuseTaken(sqlite, next.identity, id);
    const values = columns(next);
    const assignments = Object.keys(values).map((name) => `${name} = ?`);
    sqlite.run(`UPDATE connections SET ${assignments.join(", ")} WHERE id = ?`, ...Object.values(values), id);
    appendEvents(sqlite, options?.events ?? [], next);
    return next;
  });
}

function conditions(filter: ConnectionFilter): { readonly sql: string[]; readonly values: Value[] } {
  const sql = ["alias_of IS NULL", "status <> 'revoked'"];
  const values: Value[] = [];
  for (const column of ["workspace", "owner", "connector", "environment", "client_id", "status"] as const) {
    const value = filter[column];
    if (value === undefined) continue;
    sql.push(`${column} = ?`);
    values.push(value);
  }
  if (filter.auth !== undefined) {
    sql.push("doc ->> 'auth' = ?");
    values.push(filter.auth);
  }
  if (filter.search !== undefined && filter.search !== "") {
    sql.push("search LIKE ? ESCAPE '\\'");
    values.push(`%${folded(filter.search).replaceAll(/[\\%_]/g, "\\$&")}%`);
  }
  return { sql, values };
}

function list(sqlite: Sqlite, ...[filter, page]: Parameters<Store["connections"]["list"]>) {
  const { sql, values } = conditions(filter);
  if (page.after !== undefined) {
    sql.push("(created_at, id) < (?, ?)");
    values.push(...decodeCursor(page.after));
  }
  const rows = sqlite.all<Row>(
    `SELECT doc FROM connections WHERE ${sql.join(" AND ")} ORDER BY created_at DESC, id DESC LIMIT ?`,
    ...values,
    page.limit + 1,
  );
  return paged(
    rows.map(parse),
    page.limit,
    (record) => record,
    (record) => [record.created_at, record.id],
  );
}

function count(sqlite: Sqlite, filter: ConnectionFilter): number {
  const { sql, values } = conditions(filter);
  return sqlite.get<{ n: number }>(`SELECT count(*) AS n FROM connections WHERE ${sql.join(" AND ")}`, ...values)?.n ?? 0;
}

function erase(sqlite: Sqlite, id: string): boolean {
  return sqlite.transaction(() => {
    // The events and the usage go with their connections (ON DELETE CASCADE).
    sqlite.run("DELETE FROM connections WHERE alias_of = ?", id);
    return sqlite.run("DELETE FROM connections WHERE id = ?", id) > 0;
  });
}

/** The `connections` of the store's port. */
export function connectionTable(sqlite: Sqlite): Store["connections"] {
  return {
    insert: (record, events) => insert(sqlite, record, events),
    async get(id) {
      const row = sqlite.get<Row>("SELECT doc FROM connections WHERE id = ?", id);
      return row === undefined ? undefined : parse(row);
    },
    async find(identity) {
      const row = sqlite.get<Row>("SELECT doc FROM connections WHERE identity = ?", identity);
      return row === undefined ? undefined : parse(row);
    },
    update: (id, patch, options) => update(sqlite, id, patch, options),
    list: async (filter, page) => list(sqlite, filter, page),
    count: async (filter) => count(sqlite, filter),
    states: async () => {
      const rows = sqlite.all<{ status: Status; n: number }>(
        "SELECT status, count(*) AS n FROM connections WHERE alias_of IS NULL AND status <> 'revoked' GROUP BY status",
      );
      return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
    },
    madeIn: async (session) =>
      sqlite.all<Row>("SELECT doc FROM connections WHERE made_in = ? ORDER BY created_at, id", session).map(parse),
    due: async (duty, time, limit, after) =>
      sqlite.all(
        `SELECT id, ${duty}_at AS at FROM connections WHERE ${duty}_at < ?${after === undefined ? "" : ` AND (${duty}_at, id) > (?, ?)`}
         ORDER BY ${duty}_at, id LIMIT ?`,
        ...[time, ...(after === undefined ? [] : [after.at, after.id]), limit],
      ),
    idle: async (time, limit) =>
      sqlite
        .all<{ id: string }>(
          "SELECT id FROM connections WHERE active_at < ? AND status = 'connected' AND alias_of IS NULL ORDER BY active_at LIMIT ?",
          time,
          limit,
        )
        .map(({ id }) => id),
    uses: async (workspace, connector) =>
      sqlite.get(
        "SELECT 1 AS one FROM connections WHERE workspace = ? AND connector = ? AND status <> 'revoked' LIMIT 1",
        workspace,
        connector,
      ) !== undefined,
    delete: async (id) => erase(sqlite, id),
  };
}
