import type {
  AppRecord,
  ConnectionEvent,
  DeliveryRecord,
  EndpointRecord,
  Outgoing,
  SealedRecords,
  UsageRecord,
} from "@jackfield/engine";
import type { Filter } from "mongodb";
import { parseConnection } from "../connection-record.ts";
import {
  type ConnectSessionRecord,
  type HostStore,
  type KeyRecord,
  type NoteKind,
  noteKinds,
  type Records,
  type Resealing,
  type SessionRecord,
  type Table,
} from "../port.ts";
import { appId, appKeys } from "./apps.ts";
import { type Documents, following, guarded, insertMissing, type Stored } from "./client.ts";
import { connectionKeys } from "./connections.ts";
import { chunkDocument, fileDocument, parseChunk, parseFile } from "./files.ts";
import { flowDocument, parseFlow } from "./flows.ts";
import { keptStepDocument, parseKeptStep } from "./kept-steps.ts";
import { deliveryKeys, endpointKeys } from "./outbound.ts";
import type { CollectionName, Collections } from "./schema.ts";
import { usageId } from "./usage.ts";
import { eventDocument, newSeq, outboxDocument, type Writes } from "./writes.ts";

/** How the records of a table are kept. */
interface Kept<T> {
  readonly collection: CollectionName;
  /** One key that tells its documents apart, or two, in whose order they are read. */
  readonly order: readonly [string] | readonly [string, string];
  readonly where?: Filter<Stored>;
  read(document: Stored): T;
  document(record: T): Stored;
}

/** Documents that are the records as they are, but for the one key that is `_id`. */
const plain = <T extends object>(collection: CollectionName, id: keyof T & string): Kept<T> => ({
  collection,
  order: ["_id"],
  read: ({ _id, ...rest }) => ({ ...rest, [id]: _id }) as T,
  document: (record) => {
    const { [id]: _id, ...rest } = record;
    return { ...rest, _id: String(_id) };
  },
});

const docOf =
  <T>() =>
  ({ doc }: Stored) =>
    JSON.parse(String(doc)) as T;

const kept: { readonly [Name in keyof Records]: Kept<Records[Name]> } = {
  workspaces: plain<Records["workspaces"]>("workspaces", "id"),
  keys: plain<KeyRecord>("keys", "id"),
  sessions: plain<SessionRecord>("sessions", "hash"),
  links: plain<SessionRecord>("links", "hash"),
  connect_sessions: plain<ConnectSessionRecord>("connect_sessions", "id"),
  auth_versions: plain<Records["auth_versions"]>("auth_versions", "version"),
  manifests: plain<Records["manifests"]>("manifests", "name"),
  apps: {
    collection: "apps",
    order: ["_id"],
    where: { removed: { $exists: false } },
    read: docOf<AppRecord>(),
    document: (app) => ({ _id: appId(app), rev: newSeq(), ...appKeys(app) }),
  },
  connections: {
    collection: "connections",
    order: ["_id"],
    read: ({ doc }) => parseConnection(String(doc)),
    document: (record) => ({ _id: record.id, rev: newSeq(), ...connectionKeys(record) }),
  },
  flows: { collection: "flows", order: ["_id"], read: parseFlow, document: flowDocument },
  events: {
    collection: "events",
    order: ["at", "seq"],
    read: docOf<ConnectionEvent>(),
    document: (event) => eventDocument(event, newSeq()),
  },
  outbox: {
    collection: "outbox",
    order: ["seq"],
    read: docOf<Outgoing>(),
    document: (entry) => outboxDocument(entry, newSeq()),
  },
  endpoints: {
    collection: "event_endpoints",
    order: ["_id"],
    read: docOf<EndpointRecord>(),
    document: (record) => ({ _id: record.id, rev: newSeq(), ...endpointKeys(record) }),
  },
  deliveries: {
    collection: "deliveries",
    order: ["_id"],
    read: docOf<DeliveryRecord>(),
    document: (record) => ({ _id: record.id, rev: newSeq(), ...deliveryKeys(record) }),
  },
  usage: {
    collection: "usage",
    order: ["_id"],
    read: ({ _id: _, ...usage }) => usage as unknown as UsageRecord,
    document: (usage) => ({ _id: usageId(usage.connection, usage.workflow), ...usage }),
  },
  kept_steps: { collection: "kept_steps", order: ["_id"], read: parseKeptStep, document: keptStepDocument },
  files: { collection: "files", order: ["_id"], read: parseFile, document: fileDocument },
  file_chunks: { collection: "file_chunks", order: ["_id"], read: parseChunk, document: chunkDocument },
  notes: {
    collection: "notes",
    order: ["_id"],
    // What begins with the kind and a slash: "0" is the character after it.
    where: { $or: noteKinds.map((kind) => ({ _id: { $gt: `${kind}/`, $lt: `${kind}0` } })) },
    read: ({ _id, text }) => {
      const at = _id.indexOf("/");
      return { kind: _id.slice(0, at) as NoteKind, name: _id.slice(at + 1), text: String(text) };
    },
    document: ({ kind, name, text }) => ({ _id: `${kind}/${name}`, text }),
  },
};

/** The `tables` of the host's port. */
export const tablesOf = (all: Collections) =>
  Object.fromEntries(
    Object.entries(kept).map(([name, how]) => [name, guarded(tableOf(all[how.collection], how as Kept<unknown>))]),
  ) as unknown as HostStore["tables"];

function tableOf<T>(documents: Documents, { order, where = {}, read, document }: Kept<T>): Table<T> {
  const sort = Object.fromEntries(order.map((name) => [name, 1] as const));
  return {
    count: () => documents.countDocuments(where),
    async page(limit, after) {
      const later = after === undefined ? {} : beyond(order, JSON.parse(after) as readonly unknown[]);
      const found = await documents
        .find({ $and: [where, later] })
        .sort(sort)
        .limit(limit)
        .toArray();
      return found.map((each) => ({ key: JSON.stringify(order.map((name) => each[name])), record: read(each) }));
    },
    put: (records) => insertMissing(documents, records.map(document)),
  };
}

const beyond = (order: readonly [string] | readonly [string, string], last: readonly unknown[]): Filter<Stored> =>
  order.length === 1 ? { [order[0]]: { $gt: last[0] } } : following("ascending", order, last);

/** The `reseal` of the host's port: a sealed text stands nowhere but in `doc`, and needs no escape there. */
export async function reseal(
  all: Collections,
  writes: Writes,
  table: keyof SealedRecords,
  records: readonly Resealing[],
): Promise<number> {
  let replaced = 0;
  // Each lane takes the next record that none has taken.
  const waiting = records.values();
  const lane = async () => {
    for (const { key, texts } of waiting) {
      const [id] = JSON.parse(key) as [string];
      const count = isPlain(table) ? await resealPlain(all[table], id, texts) : await resealRecord(writes, table, id, texts);
      replaced += count;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return replaced;
}

/** How many records are written at once: the servers have their own work with the database. */
const lanes = 4;

/** The tables whose documents are written without `writes`, each as a whole. */
const plainTables = ["flows", "kept_steps", "file_chunks"] as const;
type PlainTable = (typeof plainTables)[number];
const isPlain = (table: keyof SealedRecords): table is PlainTable => plainTables.some((name) => name === table);

async function resealRecord(
  writes: Writes,
  table: Exclude<keyof SealedRecords, PlainTable>,
  id: string,
  texts: Resealing["texts"],
) {
  const name = kept[table].collection as "connections" | "apps" | "event_endpoints";
  const written = await writes.change(name, id, (stored) => {
    const next = replacedIn(String(stored?.doc), texts);
    if (stored === undefined || next.count === 0) return undefined;
    const { _id, rev, out, waiting, ...keys } = stored;
    return { keys: { ...keys, doc: next.doc }, result: next.count };
  });
  return written ?? 0;
}

/** Whoever writes another text meanwhile has sealed it with the key of then. */
async function resealPlain(documents: Documents, id: string, texts: Resealing["texts"]): Promise<number> {
  const stored = await documents.findOne({ _id: id }, { projection: { doc: 1 } });
  const { doc, count } = replacedIn(String(stored?.doc), texts);
  if (stored === null || count === 0) return 0;
  return (await documents.updateOne({ _id: id, doc: stored.doc }, { $set: { doc } })).matchedCount > 0 ? count : 0;
}

function replacedIn(doc: string, texts: Resealing["texts"]): { readonly doc: string; readonly count: number } {
  const there = [...texts].filter(([from]) => doc.includes(JSON.stringify(from)));
  const next = there.reduce((text, [from, to]) => text.replaceAll(JSON.stringify(from), JSON.stringify(to)), doc);
  return { doc: next, count: there.length };
}
