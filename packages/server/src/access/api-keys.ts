import { randomUUID } from "node:crypto";
import type { Sqlite } from "../store/database.ts";
import type { Role } from "./roles.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

/** A key as it is shown; the key itself is shown once, when it is made. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly workspace: string;
  readonly owner: string;
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

export interface ApiKeys {
  /** The key that a text is, unless it was revoked. */
  find(text: string): ApiKey | undefined;
  get(id: string): ApiKey | undefined;
  /** Newest first. */
  list(workspace: string): readonly ApiKey[];
  create(values: {
    readonly workspace: string;
    readonly name: string;
    readonly role: Role;
    readonly owner?: string | undefined;
  }): {
    readonly key: ApiKey;
    readonly text: string;
  };
  /** False when there is no such key. Its sessions and links end with it. */
  revoke(workspace: string, id: string): boolean;
  /** Notes that the key was used, at most once a minute. */
  used(id: string): void;
  /** Makes the operator's own key the one and only of its kind, or revokes it when `text` is undefined. */
  fix(workspace: string, text: string | undefined): void;
  /** Any admin key that is not revoked, the oldest first. */
  admin(workspace: string): ApiKey | undefined;
}

/** The owner of what admins connect, unless they name another. */
export const adminOwner = "admin";
const columns = "id, name, role, workspace, owner, created_at, last_used_at, revoked_at";
const useInterval = 60_000;

type Row = ApiKey & { readonly hash: string };

export function createApiKeys(sqlite: Sqlite, clock: () => number): ApiKeys {
  const now = () => new Date(clock()).toISOString();
  const lastUse = new Map<string, number>();

  const fresh = (values: Pick<ApiKey, "name" | "role" | "workspace"> & { readonly owner?: string | undefined }): ApiKey => {
    const id = randomUUID();
    const owner = values.owner ?? (values.role === "admin" ? adminOwner : id);
    return { ...values, id, owner, created_at: now(), last_used_at: null, revoked_at: null };
  };
  const get = (id: string) => asKey(sqlite.get<Row>(`SELECT ${columns} FROM api_keys WHERE id = ?`, id));

  return {
    find(text) {
      const hash = hashToken(text);
      const row = sqlite.get<Row>(`SELECT ${columns}, hash FROM api_keys WHERE hash = ? AND revoked_at IS NULL`, hash);
      return row !== undefined && sameHash(row.hash, hash) ? asKey(row) : undefined;
    },
    get,
    list: (workspace) =>
      sqlite.all(`SELECT ${columns} FROM api_keys WHERE workspace = ? ORDER BY created_at DESC, id DESC`, workspace),
    create(values) {
      const key = fresh(values);
      const text = `jf_${randomToken()}`;
      insert(sqlite, key, text, "made");
      return { key, text };
    },
    revoke: (workspace, id) =>
      sqlite.run(
        "UPDATE api_keys SET revoked_at = ? WHERE workspace = ? AND id = ? AND revoked_at IS NULL",
        now(),
        workspace,
        id,
      ) > 0,
    used(id) {
      if (clock() - (lastUse.get(id) ?? 0) < useInterval) return;
      lastUse.set(id, clock());
      sqlite.run("UPDATE api_keys SET last_used_at = ? WHERE id = ?", now(), id);
    },
    fix(workspace, text) {
      const hash = text === undefined ? "" : hashToken(text);
      sqlite.transaction(() => {
        sqlite.run(
          "UPDATE api_keys SET revoked_at = ? WHERE origin = 'environment' AND hash <> ? AND revoked_at IS NULL",
          now(),
          hash,
        );
        if (text === undefined) return;
        const kept = sqlite.run("UPDATE api_keys SET revoked_at = NULL, role = 'admin' WHERE hash = ?", hash);
        if (kept === 0) insert(sqlite, fresh({ workspace, name: "ADMIN_API_KEY", role: "admin" }), text, "environment");
      });
    },
    admin: (workspace) =>
      asKey(
        sqlite.get<Row>(
          `SELECT ${columns} FROM api_keys WHERE workspace = ? AND role = 'admin' AND revoked_at IS NULL ORDER BY created_at, id LIMIT 1`,
          workspace,
        ),
      ),
  };
}

function insert(sqlite: Sqlite, key: ApiKey, text: string, origin: "made" | "environment"): void {
  sqlite.run(
    "INSERT INTO api_keys (id, hash, role, workspace, owner, name, origin, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    key.id,
    hashToken(text),
    key.role,
    key.workspace,
    key.owner,
    key.name,
    origin,
    key.created_at,
  );
}

/** Only what is shown: a single row of the driver also holds the hash and the driver's own notes. */
function asKey(row: Row | undefined): ApiKey | undefined {
  if (row === undefined) return undefined;
  const { id, name, role, workspace, owner, created_at, last_used_at, revoked_at } = row;
  return { id, name, role, workspace, owner, created_at, last_used_at, revoked_at };
}
