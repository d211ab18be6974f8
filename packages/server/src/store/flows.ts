import type { FlowRecord, Store } from "@jackfield/engine";
import type { Sqlite } from "./database.ts";

interface Row {
  readonly doc: string;
  readonly browser_hash: string | null;
}

const columns = "doc, browser_hash";
const parse = (row: Row): FlowRecord => ({ ...(JSON.parse(row.doc) as FlowRecord), browser_hash: row.browser_hash });

/** The `flows` of the store's port. */
export function flowTable(sqlite: Sqlite): Store["flows"] {
  const get = (id: string) => {
    const row = sqlite.get<Row>(`SELECT ${columns} FROM flows WHERE id = ?`, id);
    return row === undefined ? undefined : parse(row);
  };
  return {
    async insert(flow) {
      sqlite.run(
        "INSERT INTO flows (id, state_hash, browser_hash, expires_at, doc) VALUES (?, ?, ?, ?, ?)",
        flow.id,
        flow.state_hash,
        flow.browser_hash,
        flow.expires_at,
        JSON.stringify(flow),
      );
    },
    get: async (id) => get(id),
    bind: async (id, browserHash) =>
      sqlite.transaction(() => {
        sqlite.run("UPDATE flows SET browser_hash = ? WHERE id = ? AND browser_hash IS NULL", browserHash, id);
        return get(id);
      }),
    async consume(stateHash) {
      const [row] = sqlite.all<Row>(`DELETE FROM flows WHERE state_hash = ? RETURNING ${columns}`, stateHash);
      return row === undefined ? undefined : parse(row);
    },
    expire: async (time) => sqlite.all<Row>(`DELETE FROM flows WHERE expires_at < ? RETURNING ${columns}`, time).map(parse),
  };
}
