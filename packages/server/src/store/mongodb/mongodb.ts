import { JackfieldError, type SealedRecords, type Store } from "@jackfield/engine";
import type { Db, MongoClient } from "mongodb";
import type { HostStore, Resealing } from "../port.ts";
import {
  connectSessionDocuments,
  keyDocuments,
  linkDocuments,
  noteDocuments,
  sessionDocuments,
  workspaceDocuments,
} from "./access.ts";
import { appDocuments } from "./apps.ts";
import { connectTo, guarded, isTaken, literally } from "./client.ts";
import { connectionDocuments } from "./connections.ts";
import { createErasures } from "./erasures.ts";
import { eventDocuments } from "./events.ts";
import { fileDocuments } from "./files.ts";
import { flowDocuments } from "./flows.ts";
import { keptStepDocuments } from "./kept-steps.ts";
import { deliveryDocuments, endpointDocuments, outboxDocuments } from "./outbound.ts";
import { type Collections, collectionsOf, faultsOf, prepare } from "./schema.ts";
import { reseal, tablesOf } from "./tables.ts";
import { usageDocuments } from "./usage.ts";
import { createWrites } from "./writes.ts";

/**
 * Opens a store that any number of processes share, in the database that the URL names. Throws `store_unavailable` where no server
 * answers, and `Error` with what to do where the URL or the database cannot be used.
 */
export async function openMongoStore(url: string): Promise<HostStore> {
  const { client, db } = await connectTo(url);
  try {
    await guarded({ prepare: () => prepare(db) }).prepare();
  } catch (error) {
    await client.close();
    throw error;
  }
  return storeOver(client, db);
}

/** As `openMongoStore`, without changing anything in it; `faults` says what is missing or wrong, `version` what kind of server it is. */
export async function lookIntoMongo(
  url: string,
): Promise<{ readonly store: HostStore; readonly version: string; readonly faults: () => Promise<readonly string[]> }> {
  const { client, db } = await connectTo(url);
  try {
    const { version } = await db.admin().serverInfo();
    return { store: storeOver(client, db), version: String(version), faults: () => faultsOf(db) };
  } catch (error) {
    await client.close();
    throw error;
  }
}

function storeOver(client: MongoClient, db: Db): HostStore {
  const all = collectionsOf(db);
  const writes = createWrites(all);
  const erasures = createErasures(all, writes);
  return {
    connections: guarded(connectionDocuments(all, writes, erasures)),
    apps: guarded(appDocuments(all, writes)),
    flows: guarded(flowDocuments(all)),
    events: guarded(eventDocuments(all)),
    outbox: guarded(outboxDocuments(all)),
    endpoints: guarded(endpointDocuments(all, writes, erasures)),
    deliveries: guarded(deliveryDocuments(all, writes)),
    usage: guarded(usageDocuments(all)),
    kept_steps: guarded(keptStepDocuments(all)),
    files: guarded(fileDocuments(all)),
    leases: guarded(leaseDocuments(all)),
    manifests: guarded(manifestDocuments(all)),
    auth_versions: guarded(authVersionDocuments(all)),
    workspaces: guarded(workspaceDocuments(all)),
    keys: guarded(keyDocuments(all)),
    sessions: guarded(sessionDocuments(all)),
    links: guarded(linkDocuments(all)),
    connect_sessions: guarded(connectSessionDocuments(all)),
    notes: guarded(noteDocuments(all)),
    tables: tablesOf(all),
    ...guarded({
      reseal: (table: keyof SealedRecords, records: readonly Resealing[]) => reseal(all, writes, table, records),
      isSealedWith: (key: string) => isSealedWith(all, key),
      async takeOver() {
        await all.leases.deleteMany({});
        await all.links.deleteMany({});
      },
      async recover() {
        await erasures.recover();
        await writes.recover();
      },
      time: () => timeOf(db),
    }),
    close: () => client.close(),
  };
}

async function timeOf(db: Db): Promise<number> {
  const { localTime } = await db.command({ hello: 1 });
  if (!(localTime instanceof Date))
    throw new JackfieldError("store_unavailable", { detail: "The store does not tell its time." });
  return localTime.getTime();
}

/** A sealed text names its key in its second part. */
async function isSealedWith(
  { connections, apps, flows, event_endpoints, kept_steps, file_chunks }: Collections,
  key: string,
): Promise<boolean> {
  const mark = { $regex: literally(`"v1.${Buffer.from(key).toString("base64url")}.`) };
  for (const documents of [connections, apps, flows, event_endpoints, kept_steps, file_chunks])
    if ((await documents.findOne({ doc: mark }, { projection: { _id: 1 } })) !== null) return true;
  return false;
}

function leaseDocuments({ leases }: Collections): Store["leases"] {
  return {
    async acquire(key, owner, now, until) {
      try {
        const free = { _id: key, $or: [{ until: { $lte: now } }, { owner }] };
        await leases.updateOne(free, { $set: { owner, until } }, { upsert: true });
        return true;
      } catch (error) {
        // It is there and not free, so that one with the same key was to be made.
        if (isTaken(error)) return false;
        throw error;
      }
    },
    renew: async (key, owner, until) => (await leases.updateOne({ _id: key, owner }, { $set: { until } })).matchedCount > 0,
    async release(key, owner) {
      await leases.deleteOne({ _id: key, owner });
    },
  };
}

function manifestDocuments({ manifests }: Collections): Store["manifests"] {
  return {
    async list(since) {
      const found = await manifests
        .find(since === undefined ? {} : { at: { $gte: since } })
        .sort({ _id: 1 })
        .toArray();
      return found.map(({ _id, text }) => ({ name: _id, text: String(text) }));
    },
    async put(name, text, at) {
      await manifests.updateOne({ _id: name }, { $set: { text, at } }, { upsert: true });
    },
    delete: async (name) => (await manifests.deleteOne({ _id: name })).deletedCount > 0,
  };
}

function authVersionDocuments({ auth_versions: versions, connections }: Collections): Store["auth_versions"] {
  return {
    async put(version, definition, at) {
      await versions.updateOne({ _id: version }, { $set: { definition, at } }, { upsert: true });
    },
    async get(version) {
      const found = await versions.findOne({ _id: version }, { projection: { definition: 1 } });
      return found === null ? undefined : String(found.definition);
    },
    async list() {
      const found = await versions.find({}).sort({ _id: 1 }).toArray();
      return found.map(({ _id, definition }) => ({ version: _id, definition: String(definition) }));
    },
    async removeUnused(time) {
      const removed: string[] = [];
      for (const { _id, at } of await versions.find({ at: { $lt: time } }, { projection: { at: 1 } }).toArray()) {
        if ((await connections.findOne({ auth_version: _id }, { projection: { _id: 1 } })) !== null) continue;
        // One that was put again meanwhile stays.
        if ((await versions.deleteOne({ _id, at })).deletedCount > 0) removed.push(_id);
      }
      return removed;
    },
  };
}
