import type { KeptStep, Store } from "@jackfield/engine";
import { type Columns, insertRow, type Sqlite } from "./database.ts";

export const keptStepColumns = (step: KeptStep): Columns => ({
  id: step.id,
  connection: step.connection,
  step: step.step,
  expires_at: step.expires_at,
  doc: JSON.stringify(step),
});

/** The `kept_steps` of the store's port. */
export function keptStepTable(sqlite: Sqlite): Store["kept_steps"] {
  return {
    begin: (record, now) =>
      sqlite.write(() => {
        const row = sqlite.get<{ doc: string }>("SELECT doc FROM kept_steps WHERE id = ? AND expires_at > ?", record.id, now);
        if (row !== undefined) return JSON.parse(row.doc) as KeptStep;
        insertRow(sqlite, "kept_steps", keptStepColumns(record), "OR REPLACE");
        return record;
      }),
    end: (record) =>
      sqlite.write(() => {
        const { id, step, expires_at } = record;
        const sql = "UPDATE kept_steps SET expires_at = ?, doc = ? WHERE id = ? AND step = ?";
        return sqlite.run(sql, expires_at, JSON.stringify(record), id, step) > 0;
      }),
    forget: async (id, step) => sqlite.run("DELETE FROM kept_steps WHERE id = ? AND step = ?", id, step) > 0,
    async erase(connection) {
      sqlite.run("DELETE FROM kept_steps WHERE connection = ?", connection);
    },
    expire: async (time) => sqlite.run("DELETE FROM kept_steps WHERE expires_at <= ?", time),
  };
}
