import { mostWorkflows, type Store, type UsageRecord } from "@jackfield/engine";
import type { Sqlite } from "./database.ts";

/** The `usage` of the store's port. */
export function usageTable(sqlite: Sqlite): Store["usage"] {
  return {
    add: async (entries) =>
      sqlite.transaction(() => {
        for (const { connection, workflow, last_used_at, count } of entries) {
          sqlite.run(
            `INSERT INTO usage (connection, workflow, last_used_at, count) SELECT id, ?, ?, ? FROM connections WHERE id = ?
             ON CONFLICT (connection, workflow) DO UPDATE SET
               count = count + excluded.count, last_used_at = MAX(last_used_at, excluded.last_used_at)`,
            ...[workflow, last_used_at, count, connection],
          );
        }
        for (const connection of new Set(entries.map((entry) => entry.connection))) {
          sqlite.run(
            `DELETE FROM usage WHERE connection = ? AND workflow IN
             (SELECT workflow FROM usage WHERE connection = ? ORDER BY last_used_at DESC, workflow LIMIT -1 OFFSET ?)`,
            ...[connection, connection, mostWorkflows],
          );
        }
      }),
    list: async (connection) =>
      sqlite
        .all<UsageRecord>(
          "SELECT connection, workflow, last_used_at, count FROM usage WHERE connection = ? ORDER BY last_used_at DESC, workflow",
          connection,
        )
        .map(({ workflow, last_used_at, count }) => ({ connection, workflow, last_used_at, count })),
    expire: async (time) => sqlite.run("DELETE FROM usage WHERE last_used_at < ?", time),
  };
}
