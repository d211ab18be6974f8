import type { AppPlace, AppRecord, Store } from "@jackfield/engine";
import { type Columns, insertRow, type Sqlite } from "./database.ts";
import { appendEvents } from "./events.ts";

interface Row {
  readonly doc: string;
}

const columns = ["workspace", "connector", "auth", "environment"] as const;
const here = columns.map((name) => `${name} = ?`).join(" AND ");
const keyOf = (place: AppPlace) => columns.map((name) => place[name]);
const parse = ({ doc }: Row) => JSON.parse(doc) as AppRecord;

export const appColumns = (app: AppRecord): Columns => ({
  ...Object.fromEntries(columns.map((name) => [name, app[name]])),
  version: app.version,
  tend_at: app.tend_at,
  doc: JSON.stringify(app),
});

function put(sqlite: Sqlite, ...[app, options = {}]: Parameters<Store["apps"]["put"]>): boolean {
  return sqlite.transaction(() => {
    const stored = sqlite.get<{ version: number }>(`SELECT version FROM apps WHERE ${here}`, ...keyOf(app));
    if (options.expect !== undefined && options.expect !== (stored?.version ?? null)) return false;
    insertRow(sqlite, "apps", appColumns(app), "OR REPLACE");
    appendEvents(sqlite, options.events ?? []);
    return true;
  });
}

/** The `apps` of the store's port. */
export function appTable(sqlite: Sqlite): Store["apps"] {
  return {
    put: async (app, options) => put(sqlite, app, options),
    async get(...key) {
      const row = sqlite.get<Row>(`SELECT doc FROM apps WHERE ${here}`, ...key);
      return row === undefined ? undefined : parse(row);
    },
    list: async (workspace, connector) =>
      sqlite
        .all<Row>("SELECT doc FROM apps WHERE workspace = ? AND connector = ? ORDER BY auth, environment", workspace, connector)
        .map(parse),
    due: async (time, limit) =>
      sqlite.all<Row>("SELECT doc FROM apps WHERE tend_at < ? ORDER BY tend_at LIMIT ?", time, limit).map(parse),
    delete: async (workspace, connector, auth, environment, events = []) =>
      sqlite.transaction(() => {
        const deleted = sqlite.run(`DELETE FROM apps WHERE ${here}`, workspace, connector, auth, environment) > 0;
        if (deleted) appendEvents(sqlite, events);
        return deleted;
      }),
  };
}
