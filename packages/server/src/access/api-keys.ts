import { randomUUID } from "node:crypto";
import type { HostStore, KeyRecord } from "../store/port.ts";
import type { Role } from "./roles.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

/** A key as it is shown; the key itself is shown once, when it is made. */
export type ApiKey = Omit<KeyRecord, "hash" | "origin">;

export interface ApiKeys {
  /** The key that a text is, unless it was revoked. */
  find(text: string): Promise<ApiKey | undefined>;
  get(id: string): Promise<ApiKey | undefined>;
  /** Newest first. */
  list(workspace: string): Promise<readonly ApiKey[]>;
  create(values: {
    readonly workspace: string;
    readonly name: string;
    readonly role: Role;
    readonly owner?: string | undefined;
  }): Promise<MadeKey>;
  /** False when there is no such key. Its sessions and links end with it. */
  revoke(workspace: string, id: string): Promise<boolean>;
  /** Notes that the key was used, at most once a minute. */
  used(id: string): Promise<void>;
  /** Makes the operator's own key the one and only of its kind, or revokes it when `text` is undefined. */
  fix(workspace: string, text: string | undefined): Promise<void>;
  /** Any admin key that is not revoked, the oldest first; where there is none, one is made, by one of those who ask at once. */
  admin(workspace: string): Promise<{ readonly key: ApiKey; readonly text: string | undefined }>;
}

export interface MadeKey {
  readonly key: ApiKey;
  readonly text: string;
}

/** The owner of what admins connect, unless they name another. */
export const adminOwner = "admin";
const useInterval = 60_000;

/** How long a key that was found counts as found, in milliseconds, if another process may revoke it; here it ends at once. */
const foundMs = 1_000;
const mostFound = 1_000;

export function createApiKeys(store: HostStore["keys"], clock: () => number): ApiKeys {
  const now = () => new Date(clock()).toISOString();
  const lastUse = new Map<string, number>();

  type Values = Pick<ApiKey, "name" | "role" | "workspace"> & { readonly owner?: string | undefined };
  const insert = async (values: Values, text: string, origin: KeyRecord["origin"], id: string = randomUUID()) => {
    const owner = values.owner ?? (values.role === "admin" ? adminOwner : id);
    const key: ApiKey = { ...values, id, owner, created_at: now(), last_used_at: null, revoked_at: null };
    return (await store.insert({ ...key, hash: hashToken(text), origin })) ? key : undefined;
  };
  const found = createFound(clock);
  const shown = (record: KeyRecord | undefined) => (record === undefined ? undefined : keyOf(record));

  return {
    async find(text) {
      const hash = hashToken(text);
      return found.get(hash, async () => {
        const record = await store.find(hash);
        return record?.revoked_at === null && sameHash(record.hash, hash) ? keyOf(record) : undefined;
      });
    },
    get: async (id) => shown(await store.get(id)),
    list: async (workspace) => (await store.list(workspace)).map(keyOf),
    async create(values) {
      const text = madeText();
      const key = await insert(values, text, "made");
      if (key === undefined) throw new Error("A random key was taken.");
      return { key, text };
    },
    revoke: (workspace, id) => store.revoke(workspace, id, now()).finally(found.forget),
    async used(id) {
      if (clock() - (lastUse.get(id) ?? 0) < useInterval) return;
      lastUse.set(id, clock());
      await store.used(id, now());
    },
    async fix(workspace, text) {
      const hash = text === undefined ? undefined : hashToken(text);
      await store.revokeOperators(hash, now()).finally(found.forget);
      if (text === undefined || hash === undefined || (await store.restore(hash))) return;
      const made = await insert({ workspace, name: "ADMIN_API_KEY", role: "admin" }, text, "environment");
      // Another process came first.
      if (made === undefined) await store.restore(hash);
    },
    async admin(workspace) {
      for (;;) {
        const keys = await store.list(workspace);
        const known = keys.filter(({ role, revoked_at }) => role === "admin" && revoked_at === null).at(-1);
        if (known !== undefined) return { key: keyOf(known), text: undefined };
        const text = madeText();
        // Processes that find the same keys make one with the same id, so that one of them does.
        const key = await insert(
          { workspace, name: "First admin", role: "admin" },
          text,
          "made",
          `first-admin-${keys.length + 1}`,
        );
        if (key !== undefined) return { key, text };
      }
    },
  };
}

/** Keys that were found a moment ago. What this process changes counts at once: what was being read meanwhile is not kept. */
function createFound(clock: () => number) {
  const keys = new Map<string, { readonly key: ApiKey; readonly until: number }>();
  let turn = 0;
  return {
    async get(hash: string, read: () => Promise<ApiKey | undefined>): Promise<ApiKey | undefined> {
      const known = keys.get(hash);
      if (known !== undefined && known.until > clock()) return known.key;
      const asked = turn;
      const key = await read();
      if (key === undefined || asked !== turn) return key;
      if (keys.size >= mostFound) keys.clear();
      keys.set(hash, { key, until: clock() + foundMs });
      return key;
    },
    forget(): void {
      turn += 1;
      keys.clear();
    },
  };
}

const madeText = () => `jf_${randomToken()}`;

/** Only what is shown. */
function keyOf({ hash: _hash, origin: _origin, ...key }: KeyRecord): ApiKey {
  return key;
}
