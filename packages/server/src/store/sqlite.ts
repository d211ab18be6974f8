import type { Store } from "@jackfield/engine";
import { connectSessionTable, keyTable, linkTable, sessionTable } from "./access.ts";
import { appTable } from "./apps.ts";
import { connectionTable } from "./connections.ts";
import { type Opening, openSqlite, type Sqlite } from "./database.ts";
import { eventTable } from "./events.ts";
import { fileTable } from "./files.ts";
import { flowTable } from "./flows.ts";
import { keptStepTable } from "./kept-steps.ts";
import { createOwnLeases } from "./leases.ts";
import { noteTable } from "./notes.ts";
import { deliveryTable, endpointTable, outboxTable } from "./outbound.ts";
import type { HostStore } from "./port.ts";
import { reseal, tablesOf } from "./tables.ts";
import { usageTable } from "./usage.ts";

/** Everything in one file. */
export interface SqliteStore extends HostStore {
  readonly sqlite: Sqlite;
}

/** Opens the embedded store; `:memory:` is one that nothing is kept of. Throws `Error` with what to do when the file cannot be used. */
export function openStore(file: string, opening?: Opening): SqliteStore {
  return storeOver(openSqlite(file, opening));
}

export function storeOver(sqlite: Sqlite): SqliteStore {
  const own = createOwnLeases();
  return {
    sqlite,
    connections: connectionTable(sqlite),
    apps: appTable(sqlite),
    flows: flowTable(sqlite),
    events: eventTable(sqlite),
    outbox: outboxTable(sqlite),
    endpoints: endpointTable(sqlite),
    deliveries: deliveryTable(sqlite),
    usage: usageTable(sqlite),
    kept_steps: keptStepTable(sqlite),
    files: fileTable(sqlite),
    leases: own.leases,
    manifests: manifestTable(sqlite),
    auth_versions: authVersionTable(sqlite),
    workspaces: {
      async put(id, at) {
        sqlite.run("INSERT OR IGNORE INTO workspaces (id, created_at) VALUES (?, ?)", id, at);
      },
    },
    keys: keyTable(sqlite),
    sessions: sessionTable(sqlite),
    links: linkTable(sqlite),
    connect_sessions: connectSessionTable(sqlite),
    notes: noteTable(sqlite),
    tables: tablesOf(sqlite),
    reseal: async (table, records) => reseal(sqlite, table, records),
    isSealedWith: async (key) => isSealedWith(sqlite, key),
    async takeOver() {
      own.clear();
      sqlite.run("DELETE FROM sign_in_links");
    },
    async recover() {},
    async time() {
      sqlite.get("SELECT 1 AS one");
      return Date.now();
    },
    async close() {
      sqlite.close();
    },
  };
}

/** A sealed text names its key in its second part. */
function isSealedWith(sqlite: Sqlite, key: string): boolean {
  const mark = `"v1.${Buffer.from(key).toString("base64url")}.`;
  return ["connections", "apps", "flows", "event_endpoints", "kept_steps", "file_chunks"].some(
    (table) => sqlite.get(`SELECT 1 AS one FROM ${table} WHERE instr(doc, ?) > 0 LIMIT 1`, mark) !== undefined,
  );
}

function manifestTable(sqlite: Sqlite): Store["manifests"] {
  return {
    list: async (since = "") => sqlite.all("SELECT name, text FROM manifests WHERE at >= ? ORDER BY name", since),
    async put(name, text, at) {
      sqlite.run("INSERT OR REPLACE INTO manifests (name, text, at) VALUES (?, ?, ?)", name, text, at);
    },
    delete: async (name) => sqlite.run("DELETE FROM manifests WHERE name = ?", name) > 0,
  };
}

function authVersionTable(sqlite: Sqlite): Store["auth_versions"] {
  return {
    async put(version, definition, at) {
      sqlite.run("INSERT OR REPLACE INTO auth_versions (version, definition, at) VALUES (?, ?, ?)", version, definition, at);
    },
    get: async (version) =>
      sqlite.get<{ definition: string }>("SELECT definition FROM auth_versions WHERE version = ?", version)?.definition,
    list: async () => sqlite.all("SELECT version, definition FROM auth_versions ORDER BY version"),
    removeUnused: async (time) =>
      sqlite
        .all<{ version: string }>(
          `DELETE FROM auth_versions WHERE at < ? AND NOT EXISTS
           (SELECT 1 FROM connections WHERE connections.auth_version = auth_versions.version) RETURNING version`,
          time,
        )
        .map(({ version }) => version),
  };
}
