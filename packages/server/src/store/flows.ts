import type { FlowRecord, Store } from "@jackfield/engine";
import { type Columns, insertRow, type Sqlite } from "./database.ts";

interface Row {
  readonly doc: string;
  readonly browser_hash: string | null;
}

const columns = "doc, browser_hash";
export function parseFlow({ doc, browser_hash }: Row): FlowRecord {
  const flow = JSON.parse(doc) as FlowRecord;
  // One of before there was polling does not say so.
  return { ...flow, polling: flow.polling ?? null, browser_hash };
}

export const flowColumns = (flow: FlowRecord): Columns => ({
  id: flow.id,
  state_hash: flow.state_hash,
  connection: flow.connection,
  browser_hash: flow.browser_hash,
  poll_at: flow.polling?.at ?? null,
  expires_at: flow.expires_at,
  doc: JSON.stringify(flow),
});

/** The `flows` of the store's port. */
export function flowTable(sqlite: Sqlite): Store["flows"] {
  const get = (id: string) => {
    const row = sqlite.get<Row>(`SELECT ${columns} FROM flows WHERE id = ?`, id);
    return row === undefined ? undefined : parseFlow(row);
  };
  return {
    async insert(flow) {
      insertRow(sqlite, "flows", flowColumns(flow));
    },
    get: async (id) => get(id),
    bind: async (id, browserHash) =>
      sqlite.transaction(() => {
        sqlite.run("UPDATE flows SET browser_hash = ? WHERE id = ? AND browser_hash IS NULL", browserHash, id);
        return get(id);
      }),
    async consume(stateHash) {
      const [row] = sqlite.all<Row>(`DELETE FROM flows WHERE state_hash = ? RETURNING ${columns}`, stateHash);
      return row === undefined ? undefined : parseFlow(row);
    },
    expired: async (time, limit) =>
      sqlite
        .all<Row>(`SELECT ${columns} FROM flows WHERE expires_at < ? ORDER BY expires_at, id LIMIT ?`, time, limit)
        .map(parseFlow),
    repoll: async (id, polling, expect) =>
      sqlite.transaction(() => {
        const flow = get(id);
        if (flow?.polling?.at !== expect) return undefined;
        const next: FlowRecord = { ...flow, polling };
        sqlite.run("UPDATE flows SET poll_at = ?, doc = ? WHERE id = ?", polling.at, JSON.stringify(next), id);
        return next;
      }),
    due: async (time, limit, after) =>
      sqlite.all(
        `SELECT id, poll_at AS at FROM flows WHERE poll_at < ?${after === undefined ? "" : " AND (poll_at, id) > (?, ?)"}
         ORDER BY poll_at, id LIMIT ?`,
        ...[time, ...(after === undefined ? [] : [after.at, after.id]), limit],
      ),
    endPolled: async (connection) =>
      sqlite
        .all<Row>(`DELETE FROM flows WHERE connection = ? AND poll_at IS NOT NULL RETURNING ${columns}`, connection)
        .map(parseFlow),
  };
}
