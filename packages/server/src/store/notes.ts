import type { Sqlite } from "./database.ts";
import type { HostStore } from "./port.ts";

/** The `notes` of the host's port. */
export function noteTable(sqlite: Sqlite): HostStore["notes"] {
  return {
    async list(kind) {
      const prefix = `${kind}/`;
      const rows = sqlite.all<{ key: string; value: string }>(
        "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?",
        prefix.length,
        prefix,
      );
      return new Map(rows.map((row) => [row.key.slice(prefix.length), row.value]));
    },
    add: async (kind, name, text) =>
      sqlite.transaction(() => {
        const key = `${kind}/${name}`;
        sqlite.run("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", key, text);
        return sqlite.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)?.value ?? text;
      }),
    async delete(kind, name) {
      sqlite.run("DELETE FROM meta WHERE key = ?", `${kind}/${name}`);
    },
  };
}
