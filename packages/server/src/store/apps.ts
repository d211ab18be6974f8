import type { AppEvent, AppPlace, AppRecord, Store } from "@jackfield/engine";
import { decodeCursor, paged } from "./cursor.ts";
import type { Sqlite } from "./database.ts";

interface Row {
  readonly doc: string;
}

interface EventRow extends Row {
  readonly seq: number;
  readonly at: string;
}

const columns = ["workspace", "connector", "auth", "environment"] as const;
const here = columns.map((name) => `${name} = ?`).join(" AND ");
const keyOf = (place: AppPlace) => columns.map((name) => place[name]);
const parse = ({ doc }: Row) => JSON.parse(doc) as AppRecord;

function appendEvents(sqlite: Sqlite, events: readonly AppEvent[]): void {
  for (const event of events) {
    sqlite.run(
      `INSERT INTO app_events (id, ${columns.join(", ")}, at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      event.id,
      ...keyOf(event),
      event.at,
      JSON.stringify(event),
    );
  }
}

function put(sqlite: Sqlite, ...[app, options = {}]: Parameters<Store["apps"]["put"]>): boolean {
  return sqlite.transaction(() => {
    const stored = sqlite.get<{ version: number }>(`SELECT version FROM apps WHERE ${here}`, ...keyOf(app));
    if (options.expect !== undefined && options.expect !== (stored?.version ?? null)) return false;
    sqlite.run(
      `INSERT OR REPLACE INTO apps (${columns.join(", ")}, version, tend_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...keyOf(app),
      app.version,
      app.tend_at,
      JSON.stringify(app),
    );
    appendEvents(sqlite, options.events ?? []);
    return true;
  });
}

function listEvents(sqlite: Sqlite, ...[place, page]: Parameters<Store["apps"]["events"]>) {
  const after = page.after === undefined ? undefined : decodeCursor(page.after);
  const rows = sqlite.all<EventRow>(
    `SELECT seq, at, doc FROM app_events WHERE ${here}${after === undefined ? "" : " AND (at, seq) < (?, ?)"}
     ORDER BY at DESC, seq DESC LIMIT ?`,
    ...keyOf(place),
    ...(after ?? []),
    page.limit + 1,
  );
  return paged(
    rows,
    page.limit,
    ({ doc }) => JSON.parse(doc) as AppEvent,
    ({ at, seq }) => [at, seq],
  );
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
    events: async (place, page) => listEvents(sqlite, place, page),
  };
}
