import type { ConnectSessionRecord, HostStore, KeyRecord, SessionRecord } from "../port.ts";
import { type Documents, isTaken, type Stored } from "./client.ts";
import type { Collections } from "./schema.ts";

/*
 * The host's records are flat and of our own making, so they are documents as they are: the id, or the hash that is one, is `_id`.
 */

const recordOf = <T>(found: Stored | null, id: keyof T): T | undefined => {
  if (found === null) return undefined;
  const { _id, ...rest } = found;
  return { ...rest, [id]: _id } as T;
};

/** Whether it was inserted: false where a unique key is taken. */
async function inserted(documents: Documents, document: Stored): Promise<boolean> {
  try {
    await documents.insertOne(document);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** The `workspaces` of the host's port. */
export const workspaceDocuments = ({ workspaces }: Collections): HostStore["workspaces"] => ({
  async put(id, at) {
    await inserted(workspaces, { _id: id, created_at: at });
  },
});

/** The `keys` of the host's port. */
export function keyDocuments({ keys }: Collections): HostStore["keys"] {
  const one = (found: Stored | null) => recordOf<KeyRecord>(found, "id");
  return {
    insert: ({ id, ...key }) => inserted(keys, { _id: id, ...key }),
    get: async (id) => one(await keys.findOne({ _id: id })),
    find: async (hash) => one(await keys.findOne({ hash })),
    async list(workspace) {
      const found = await keys.find({ workspace }).sort({ created_at: -1, _id: -1 }).toArray();
      return found.flatMap((each) => one(each) ?? []);
    },
    revoke: async (workspace, id, at) =>
      (await keys.updateOne({ _id: id, workspace, revoked_at: null }, { $set: { revoked_at: at } })).matchedCount > 0,
    async used(id, at) {
      await keys.updateOne({ _id: id }, { $set: { last_used_at: at } });
    },
    restore: async (hash) => (await keys.updateOne({ hash }, { $set: { revoked_at: null, role: "admin" } })).matchedCount > 0,
    async revokeOperators(except, at) {
      const others = { origin: "environment", revoked_at: null, hash: { $ne: except ?? "" } };
      await keys.updateMany(others, { $set: { revoked_at: at } });
    },
  };
}

const sessionOf = (found: Stored | null) => recordOf<SessionRecord>(found, "hash");

const insertSession = async (documents: Documents, { hash, ...session }: SessionRecord): Promise<void> =>
  void (await documents.insertOne({ _id: hash, ...session }));

const expire = (documents: Documents) => async (time: string) =>
  (await documents.deleteMany({ expires_at: { $lte: time } })).deletedCount;

/** The `sessions` of the host's port. */
export function sessionDocuments({ sessions }: Collections): HostStore["sessions"] {
  return {
    insert: (record) => insertSession(sessions, record),
    get: async (hash) => sessionOf(await sessions.findOne({ _id: hash })),
    async delete(hash) {
      await sessions.deleteOne({ _id: hash });
    },
    expire: expire(sessions),
  };
}

/** The `links` of the host's port. */
export function linkDocuments({ links }: Collections): HostStore["links"] {
  return {
    insert: (record) => insertSession(links, record),
    take: async (hash) => sessionOf(await links.findOneAndDelete({ _id: hash })),
    expire: expire(links),
  };
}

/** The `connect_sessions` of the host's port. */
export function connectSessionDocuments({ connect_sessions: sessions }: Collections): HostStore["connect_sessions"] {
  const one = (found: Stored | null) => recordOf<ConnectSessionRecord>(found, "id");
  return {
    async insert({ id, ...session }) {
      await sessions.insertOne({ _id: id, ...session });
    },
    get: async (id) => one(await sessions.findOne({ _id: id })),
    find: async (tokenHash) => one(await sessions.findOne({ token_hash: tokenHash })),
    bind: async (id, cookieHash) =>
      (await sessions.updateOne({ _id: id, cookie_hash: null }, { $set: { cookie_hash: cookieHash } })).matchedCount > 0,
    end: async (workspace, id, at) =>
      (await sessions.updateOne({ _id: id, workspace, ended_at: null }, { $set: { ended_at: at } })).matchedCount > 0,
    expire: expire(sessions),
  };
}

/** The `notes` of the host's port. */
export function noteDocuments({ notes }: Collections): HostStore["notes"] {
  return {
    async list(kind) {
      // What begins with the kind and a slash: "0" is the character after it.
      const found = await notes.find({ _id: { $gt: `${kind}/`, $lt: `${kind}0` } }).toArray();
      return new Map(found.map(({ _id, text }) => [_id.slice(kind.length + 1), String(text)]));
    },
    async add(kind, name, text) {
      const _id = `${kind}/${name}`;
      if (await inserted(notes, { _id, text })) return text;
      return String((await notes.findOne({ _id }))?.text ?? text);
    },
    async delete(kind, name) {
      await notes.deleteOne({ _id: `${kind}/${name}` });
    },
  };
}
