import { type ConnectionEvent, type ConnectionFilter, type ConnectionRecord, IdentityTaken, type Store } from "@jackfield/engine";
import { decodeCursor, paged } from "./cursor.ts";
import type { Sqlite, Value } from "./database.ts";
import { appendEvents } from "./events.ts";

interface Row {
  readonly doc: string;
}

const parse = (row: Row) => JSON.parse(row.doc) as ConnectionRecord;

/** What is searched: JavaScript folds the case of every script, SQLite only of ASCII. */
const folded = (text: string) => text.normalize("NFC").toLowerCase();
const searchText = (record: ConnectionRecord) =>
  folded([record.name, record.label, record.description, record.unique_id].filter((text) => text !== null).join("\n"));

const columns = (record: ConnectionRecord): Record<string, Value> => ({
  identity: record.identity,
  workspace: record.workspace,
  owner: record.owner,
  connector: record.connector,
  environment: record.environment,
  status: record.status,
  alias_of: record.alias_of,
  search: searchText(record),
  refresh_at: record.refresh_at,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

/** Throws before the unique index does, with the port's own error; inside the caller's transaction nothing comes between. */
function refuseTaken(sqlite: Sqlite, identity: string, id: string): void {
  const taken = sqlite.get("SELECT 1 AS one FROM connections WHERE identity = ? AND id <> ?", identity, id);
  if (taken !== undefined) throw new IdentityTaken(identity);
}

function insert(sqlite: Sqlite, record: ConnectionRecord, events: readonly ConnectionEvent[]): void {
  const values: Record<string, Value> = { id: record.id, ...columns(record) };
  const names = Object.keys(values);
  const sql = `INSERT INTO connections (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  sqlite.transaction(() => {
    refuseTaken(sqlite, record.identity, record.id);
    sqlite.run(sql, ...Object.values(values));
    appendEvents(sqlite, events);
  });
}

type Update = Store["connections"]["update"];

function update(sqlite: Sqlite, ...[id, patch, options]: Parameters<Update>): ConnectionRecord | undefined {
  return sqlite.transaction(() => {
    const row = sqlite.get<Row>("SELECT doc FROM connections WHERE id = ?", id);
    if (row === undefined) return undefined;
    const record = parse(row);
    const expect = options?.expect ?? {};
    if (expect.credential_version !== undefined && expect.credential_version !== record.credential_version) return undefined;
    if (expect.status !== undefined && expect.status !== record.status) return undefined;
    const set = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
    const next: ConnectionRecord = { ...record, ...set };
    refuseTaken(sqlite, next.identity, id);
    const values = columns(next);
    const assignments = Object.keys(values).map((name) => `${name} = ?`);
    sqlite.run(`UPDATE connections SET ${assignments.join(", ")} WHERE id = ?`, ...Object.values(values), id);
    appendEvents(sqlite, options?.events ?? []);
    return next;
  });
}

function conditions(filter: ConnectionFilter): { readonly sql: string[]; readonly values: Value[] } {
  const sql = ["alias_of IS NULL", "status <> 'revoked'"];
  const values: Value[] = [];
  for (const column of ["workspace", "owner", "connector", "environment", "status"] as const) {
    const value = filter[column];
    if (value === undefined) continue;
    sql.push(`${column} = ?`);
    values.push(value);
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

function erase(sqlite: Sqlite, id: string): boolean {
  return sqlite.transaction(() => {
    // The events go with their connections (ON DELETE CASCADE).
    sqlite.run("DELETE FROM connections WHERE alias_of = ?", id);
    return sqlite.run("DELETE FROM connections WHERE id = ?", id) > 0;
  });
}

/** The `connections` of the store's port. */
export function connectionTable(sqlite: Sqlite): Store["connections"] {
  return {
    insert: async (record, events) => insert(sqlite, record, events),
    async get(id) {
      const row = sqlite.get<Row>("SELECT doc FROM connections WHERE id = ?", id);
      return row === undefined ? undefined : parse(row);
    },
    async find(identity) {
      const row = sqlite.get<Row>("SELECT doc FROM connections WHERE identity = ?", identity);
      return row === undefined ? undefined : parse(row);
    },
    update: async (id, patch, options) => update(sqlite, id, patch, options),
    list: async (filter, page) => list(sqlite, filter, page),
    due: async (time, limit) =>
      sqlite.all("SELECT id, refresh_at FROM connections WHERE refresh_at < ? ORDER BY refresh_at, id LIMIT ?", time, limit),
    uses: async (workspace, connector) =>
      sqlite.get(
        "SELECT 1 AS one FROM connections WHERE workspace = ? AND connector = ? AND status <> 'revoked' LIMIT 1",
        workspace,
        connector,
      ) !== undefined,
    delete: async (id) => erase(sqlite, id),
  };
}
