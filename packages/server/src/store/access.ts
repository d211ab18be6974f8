import { type Columns, insertRow, type Sqlite } from "./database.ts";
import type { ConnectSessionRecord, HostStore, KeyRecord, SessionRecord } from "./port.ts";

const keyNames = "id, hash, name, role, workspace, owner, origin, created_at, last_used_at, revoked_at";

/** Only the columns: a single row of the driver also holds its own notes. */
export const keyOf = (row: KeyRecord): KeyRecord => {
  const { id, hash, name, role, workspace, owner, origin, created_at, last_used_at, revoked_at } = row;
  return { id, hash, name, role, workspace, owner, origin, created_at, last_used_at, revoked_at };
};

/** The `keys` of the host's port. */
export function keyTable(sqlite: Sqlite): HostStore["keys"] {
  const by = async (column: "id" | "hash", value: string) => {
    const row = sqlite.get<KeyRecord>(`SELECT ${keyNames} FROM api_keys WHERE ${column} = ?`, value);
    return row === undefined ? undefined : keyOf(row);
  };
  return {
    insert: async (key) => insertRow(sqlite, "api_keys", { ...keyOf(key) }, "OR IGNORE") > 0,
    get: (id) => by("id", id),
    find: (hash) => by("hash", hash),
    list: async (workspace) =>
      sqlite
        .all<KeyRecord>(`SELECT ${keyNames} FROM api_keys WHERE workspace = ? ORDER BY created_at DESC, id DESC`, workspace)
        .map(keyOf),
    revoke: async (workspace, id, at) =>
      sqlite.run("UPDATE api_keys SET revoked_at = ? WHERE workspace = ? AND id = ? AND revoked_at IS NULL", at, workspace, id) >
      0,
    async used(id, at) {
      sqlite.run("UPDATE api_keys SET last_used_at = ? WHERE id = ?", at, id);
    },
    restore: async (hash) => sqlite.run("UPDATE api_keys SET revoked_at = NULL, role = 'admin' WHERE hash = ?", hash) > 0,
    async revokeOperators(except, at) {
      sqlite.run(
        "UPDATE api_keys SET revoked_at = ? WHERE origin = 'environment' AND hash <> ? AND revoked_at IS NULL",
        at,
        except ?? "",
      );
    },
  };
}

export const sessionOf = ({ hash, key, expires_at }: SessionRecord): SessionRecord => ({ hash, key, expires_at });

const insertSession = (sqlite: Sqlite, table: "sessions" | "sign_in_links", record: SessionRecord) =>
  void insertRow(sqlite, table, { ...sessionOf(record) });

/** The `sessions` of the host's port. */
export function sessionTable(sqlite: Sqlite): HostStore["sessions"] {
  return {
    insert: async (record) => insertSession(sqlite, "sessions", record),
    async get(hash) {
      const row = sqlite.get<SessionRecord>("SELECT hash, key, expires_at FROM sessions WHERE hash = ?", hash);
      return row === undefined ? undefined : sessionOf(row);
    },
    async delete(hash) {
      sqlite.run("DELETE FROM sessions WHERE hash = ?", hash);
    },
    expire: async (time) => sqlite.run("DELETE FROM sessions WHERE expires_at <= ?", time),
  };
}

/** The `links` of the host's port. */
export function linkTable(sqlite: Sqlite): HostStore["links"] {
  return {
    insert: async (record) => insertSession(sqlite, "sign_in_links", record),
    async take(hash) {
      const sql = "DELETE FROM sign_in_links WHERE hash = ? RETURNING hash, key, expires_at";
      const [row] = sqlite.all<SessionRecord>(sql, hash);
      return row === undefined ? undefined : sessionOf(row);
    },
    expire: async (time) => sqlite.run("DELETE FROM sign_in_links WHERE expires_at <= ?", time),
  };
}

interface ConnectRow {
  readonly doc: string;
  readonly token_hash: string;
  readonly cookie_hash: string | null;
  readonly ended_at: string | null;
}

const connectNames = "doc, token_hash, cookie_hash, ended_at";
export const connectColumns = ({ token_hash, cookie_hash, ...session }: ConnectSessionRecord): Columns => ({
  id: session.id,
  token_hash,
  cookie_hash,
  key: session.key,
  workspace: session.workspace,
  owner: session.owner,
  expires_at: session.expires_at,
  ended_at: session.ended_at,
  doc: JSON.stringify(session),
});

export const connectOf = ({ doc, token_hash, cookie_hash, ended_at }: ConnectRow): ConnectSessionRecord => ({
  ...(JSON.parse(doc) as Omit<ConnectSessionRecord, "token_hash" | "cookie_hash">),
  token_hash,
  cookie_hash,
  ended_at,
});

/** The `connect_sessions` of the host's port. */
export function connectSessionTable(sqlite: Sqlite): HostStore["connect_sessions"] {
  const by = async (column: "id" | "token_hash", value: string) => {
    const row = sqlite.get<ConnectRow>(`SELECT ${connectNames} FROM connect_sessions WHERE ${column} = ?`, value);
    return row === undefined ? undefined : connectOf(row);
  };
  return {
    async insert(session) {
      insertRow(sqlite, "connect_sessions", connectColumns(session));
    },
    get: (id) => by("id", id),
    find: (tokenHash) => by("token_hash", tokenHash),
    bind: async (id, cookieHash) =>
      sqlite.run("UPDATE connect_sessions SET cookie_hash = ? WHERE id = ? AND cookie_hash IS NULL", cookieHash, id) > 0,
    end: async (workspace, id, at) =>
      sqlite.run(
        "UPDATE connect_sessions SET ended_at = ? WHERE workspace = ? AND id = ? AND ended_at IS NULL",
        at,
        workspace,
        id,
      ) > 0,
    expire: async (time) => sqlite.run("DELETE FROM connect_sessions WHERE expires_at <= ?", time),
  };
}
