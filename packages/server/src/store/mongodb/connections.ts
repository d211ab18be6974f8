import { createHash } from "node:crypto";
import {
  type ConnectionFilter,
  type ConnectionRecord,
  type Due,
  type Duty,
  IdentityTaken,
  type Page,
  type Store,
  statuses,
} from "@jackfield/engine";
import type { Filter } from "mongodb";
import { folded, isAs, lastActivity, needsVersion, parseConnection, patched, searchText } from "../connection-record.ts";
import { decodeCursor, paged } from "../cursor.ts";
import { type Documents, following, literally, type Stored } from "./client.ts";
import type { Erasures } from "./erasures.ts";
import type { Collections } from "./schema.ts";
import { parcels, type Writes } from "./writes.ts";

const parse = ({ doc }: Stored) => parseConnection(String(doc));

/** An identity may be longer than what some servers take into an index. */
const digest = (identity: string) => createHash("sha256").update(identity, "utf8").digest("hex");

/** What a connection is found by. */
export const connectionKeys = (record: ConnectionRecord) => ({
  identity: digest(record.identity),
  workspace: record.workspace,
  owner: record.owner,
  connector: record.connector,
  auth: record.auth,
  environment: record.environment,
  client_id: record.client_id,
  status: record.status,
  alias_of: record.alias_of,
  listed: record.alias_of === null && record.status !== "revoked",
  search: searchText(record),
  auth_version: needsVersion(record) ? record.auth_version : null,
  refresh_at: record.refresh_at,
  test_at: record.test_at,
  remind_at: record.remind_at,
  revoke_at: record.revoke_at,
  idle_at: record.alias_of === null && record.status === "connected" ? lastActivity(record) : null,
  made_in: record.made_in ?? null,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

function conditions(filter: ConnectionFilter): Filter<Stored> {
  const { workspace, search = "", ...others } = filter;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  return {
    workspace,
    listed: true,
    ...Object.fromEntries(given),
    ...(search === "" ? {} : { search: { $regex: literally(folded(search)) } }),
  };
}

async function list(documents: Documents, filter: ConnectionFilter, page: Page) {
  const after = page.after === undefined ? {} : following("descending", ["created_at", "_id"], decodeCursor(page.after));
  const found = await documents
    .find({ ...conditions(filter), ...after }, { projection: { doc: 1 } })
    .sort({ created_at: -1, _id: -1 })
    .limit(page.limit + 1)
    .toArray();
  return paged(
    found.map(parse),
    page.limit,
    (record) => record,
    (record) => [record.created_at, record.id],
  );
}

/** Texts only, so that the entries of what is never due are not read. */
export const before = (key: string, time: string, after: Due | undefined): Filter<Stored> => ({
  [key]: { $gt: "", $lt: time },
  ...(after === undefined ? {} : following("ascending", [key, "_id"], [after.at, after.id])),
});

async function due(documents: Documents, duty: Duty, time: string, limit: number, after?: Due): Promise<readonly Due[]> {
  const key = `${duty}_at` as const;
  const found = await documents
    .find(before(key, time, after), { projection: { [key]: 1 } })
    .sort({ [key]: 1, _id: 1 })
    .limit(limit)
    .toArray();
  return found.map((each) => ({ id: each._id, at: String(each[key]) }));
}

/** The `connections` of the store's port. */
export function connectionDocuments(all: Collections, writes: Writes, erasures: Erasures): Store["connections"] {
  const { connections } = all;
  const takenFrom = async (id: string, identity: string) =>
    (await connections.findOne({ identity: digest(identity), _id: { $ne: id } })) === null
      ? undefined
      : new IdentityTaken(identity);
  const first = async (filter: Filter<Stored>) => {
    const found = await connections.findOne(filter, { projection: { doc: 1 } });
    return found === null ? undefined : parse(found);
  };
  return {
    async insert(record, events) {
      const next = (stored: Stored | undefined) => {
        if (stored !== undefined) throw new Error(`There is a connection ${record.id} already.`);
        return { keys: connectionKeys(record), out: parcels(events, record), result: true };
      };
      await writes.change("connections", record.id, next, () => takenFrom(record.id, record.identity));
    },
    get: (id) => first({ _id: id }),
    find: (identity) => first({ identity: digest(identity) }),
    async update(id, patch, options) {
      let identity = "";
      return writes.change(
        "connections",
        id,
        (stored) => {
          if (stored === undefined) return undefined;
          const record = parse(stored);
          if (!isAs(record, options?.expect)) return undefined;
          const next = patched(record, patch);
          identity = next.identity;
          return { keys: connectionKeys(next), out: parcels(options?.events ?? [], next), result: next };
        },
        () => takenFrom(id, identity),
      );
    },
    list: (filter, page) => list(connections, filter, page),
    count: (filter) => connections.countDocuments(conditions(filter)),
    async states() {
      const counts = statuses.map(
        async (status) => [status, await connections.countDocuments({ listed: true, status })] as const,
      );
      return Object.fromEntries((await Promise.all(counts)).filter(([, count]) => count > 0));
    },
    async madeIn(session) {
      const records = (await connections.find({ made_in: session }).toArray()).map(parse);
      const place = ({ created_at, id }: ConnectionRecord) => `${created_at} ${id}`;
      return records.toSorted((one, other) => (place(one) < place(other) ? -1 : 1));
    },
    due: (duty, time, limit, after) => due(connections, duty, time, limit, after),
    async idle(time, limit) {
      const found = connections.find({ idle_at: { $gt: "", $lt: time } }, { projection: { _id: 1 } });
      return (await found.sort({ idle_at: 1, _id: 1 }).limit(limit).toArray()).map(({ _id }) => _id);
    },
    uses: async (workspace, connector) =>
      (await connections.findOne({ workspace, connector, status: { $ne: "revoked" } }, { projection: { _id: 1 } })) !== null,
    async delete(id) {
      const aliases = await connections.find({ alias_of: id }, { projection: { _id: 1 } }).toArray();
      const there = await connections.findOne({ _id: id }, { projection: { _id: 1 } });
      if (there === null && aliases.length === 0) return false;
      return erasures.erase("connections", [id, ...aliases.map(({ _id }) => _id)]);
    },
  };
}
