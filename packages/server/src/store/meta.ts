import type { Sqlite } from "./database.ts";

/** The host's own notes about the store. */
export interface Meta {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
  /** The values under a prefix, by what follows it. */
  list(prefix: string): Map<string, string>;
}

export function metaTable(sqlite: Sqlite): Meta {
  return {
    get: (key) => sqlite.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)?.value,
    set(key, value) {
      sqlite.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value);
    },
    delete(key) {
      sqlite.run("DELETE FROM meta WHERE key = ?", key);
    },
    list(prefix) {
      const rows = sqlite.all<{ key: string; value: string }>(
        "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?",
        prefix.length,
        prefix,
      );
      return new Map(rows.map((row) => [row.key.slice(prefix.length), row.value]));
    },
  };
}
