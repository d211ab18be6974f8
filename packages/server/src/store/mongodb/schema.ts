import { setTimeout as sleep } from "node:timers/promises";
import { type Db, type IndexDescriptionInfo, MongoServerError } from "mongodb";
import { type Documents, isUncertain, type Stored } from "./client.ts";

/*
 * The collections and what each is found by. Every index serves a query of this adapter. A key that is null in most documents (such as
 * `refresh_at`) has a plain index all the same: queries ask for texts only, so that they read the entries that are due and no others.
 */

/** Grows with each change that an older version could not live with. */
const version = 1;

type Key = Readonly<Record<string, 1 | -1>>;
interface Index {
  readonly key: Key;
  readonly unique?: boolean;
}

const by = (...keys: readonly Key[]): Index => ({ key: Object.assign({}, ...keys) });
const unique = (name: string): Index => ({ key: { [name]: 1 }, unique: true });
const up = (...names: readonly string[]): Key => Object.fromEntries(names.map((name) => [name, 1]));
const down = (...names: readonly string[]): Key => Object.fromEntries(names.map((name) => [name, -1]));

/** Every collection, and its indexes beside that of the id. */
export const collections = {
  connections: [
    unique("identity"),
    by(up("workspace", "listed"), down("created_at", "_id")),
    by(up("workspace", "connector", "client_id")),
    by(up("listed", "status")),
    ...["refresh_at", "test_at", "remind_at", "revoke_at", "idle_at"].map((name) => by(up(name, "_id"))),
    by(up("alias_of")),
    by(up("made_in")),
    by(up("auth_version")),
    by(up("waiting")),
  ],
  events: [
    by(up("connection"), down("at", "seq")),
    by(up("workspace"), down("at", "seq")),
    by(up("workspace", "type"), down("at", "seq")),
    by(up("workspace", "connector", "auth", "environment"), down("at", "seq")),
    by(up("at", "seq")),
  ],
  outbox: [by(up("seq"))],
  apps: [by(up("workspace", "connector")), by(up("tend_at")), by(up("waiting"))],
  flows: [unique("state_hash"), by(up("expires_at", "_id")), by(up("poll_at", "_id")), by(up("connection"))],
  event_endpoints: [by(up("workspace", "created_at", "_id")), by(up("waiting"))],
  deliveries: [by(up("endpoint"), down("created_at", "_id")), by(up("endpoint", "next_at", "_id")), by(up("created_at"))],
  usage: [by(up("connection"), down("last_used_at"), up("workflow")), by(up("last_used_at"))],
  kept_steps: [by(up("connection")), by(up("expires_at"))],
  files: [by(up("workspace")), by(up("expires_at"))],
  file_chunks: [by(up("file")), by(up("expires_at"))],
  leases: [],
  manifests: [by(up("at"))],
  auth_versions: [],
  workspaces: [],
  keys: [unique("hash"), by(up("workspace"), down("created_at", "_id"))],
  sessions: [by(up("expires_at"))],
  links: [by(up("expires_at"))],
  connect_sessions: [unique("token_hash"), by(up("expires_at"))],
  notes: [],
  erasures: [],
} as const satisfies Readonly<Record<string, readonly Index[]>>;

export type CollectionName = keyof typeof collections;
export type Collections = { readonly [Name in CollectionName]: Documents };

export const collectionsOf = (db: Db): Collections =>
  Object.fromEntries(Object.keys(collections).map((name) => [name, db.collection<Stored>(name)])) as unknown as Collections;

/** Makes what is missing of the indexes. Any number of processes may do so at once. Throws `Error` with what to do. */
export async function prepare(db: Db): Promise<void> {
  const { notes, ...others } = collectionsOf(db);
  const stored = await notes.findOne({ _id: "schema" });
  if (Number(stored?.version ?? 0) > version) {
    throw new Error(
      `The database ${db.databaseName} was written by a newer version of Jackfield. Start that version or a newer one.`,
    );
  }
  for (const name of Object.keys(others) as (keyof typeof others)[]) await ensure(others[name], collections[name]);
  await notes.updateOne({ _id: "schema" }, { $max: { version } }, { upsert: true });
}

/** What is missing of the indexes, or stands in their way. Changes nothing. */
export async function faultsOf(db: Db): Promise<readonly string[]> {
  const { notes, ...others } = collectionsOf(db);
  const stored = await notes.findOne({ _id: "schema" });
  if (stored === null) return [`The database ${db.databaseName} was not used yet.`];
  if (Number(stored.version) > version) return [`The database ${db.databaseName} was written by a newer version of Jackfield.`];
  const faults: string[] = [];
  for (const name of Object.keys(others) as (keyof typeof others)[]) {
    const there = await indexesOf(others[name]);
    for (const index of collections[name]) {
      const fault = faultOf(others[name], there, index);
      if (fault !== undefined) faults.push(fault);
    }
  }
  return faults;
}

function faultOf(documents: Documents, there: readonly IndexDescriptionInfo[], index: Index): string | undefined {
  try {
    return has(documents, there, index) ? undefined : `The index ${nameOf(index)} of ${documents.collectionName} is missing.`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const nameOf = ({ key }: Index) =>
  Object.entries(key)
    .map(([name, direction]) => `${name}_${direction}`)
    .join("_");

/** How often a server is asked whether it has the index that it was told to make, and how long it may take for it. */
const asks = 300;
const pauseMs = 1_000;

async function ensure(documents: Documents, indexes: readonly Index[]): Promise<void> {
  for (let asked = 1; indexes.length > 0; asked += 1) {
    const there = await indexesOf(documents);
    const missing = indexes.filter((index) => !has(documents, there, index));
    try {
      for (const index of missing) {
        const unique = index.unique === true ? { unique: true } : {};
        await documents.createIndex(index.key, { name: nameOf(index), ...unique });
      }
      return;
    } catch (error) {
      judge(documents, error, asked);
      await sleep(pauseMs);
    }
  }
}

/** Throws unless it is worth to look again: to make an index over many documents takes longer than an answer may. */
function judge(documents: Documents, error: unknown, asked: number): void {
  const refused = error instanceof MongoServerError;
  // One that another process makes may be refused meanwhile.
  if (refused && asked > 3) throw unmakable(documents, error);
  if (asked === asks || !(refused || isUncertain(error))) throw error;
}

/** Throws `Error` where an index has the name or the key, and is not what it must be. */
function has(documents: Documents, there: readonly IndexDescriptionInfo[], wanted: Index): boolean {
  const { key, unique = false } = wanted;
  const found = there.find((index) => sameKey(index.key, key) || index.name === nameOf(wanted));
  if (found === undefined) return false;
  if (sameKey(found.key, key) && (found.unique ?? false) === unique) return true;
  throw new Error(
    `The index ${found.name} of ${documents.namespace} is not one that Jackfield made: it should be ${unique ? "unique, " : ""}` +
      `over ${JSON.stringify(key)}. Drop it, or give Jackfield a database of its own.`,
  );
}

async function indexesOf(documents: Documents): Promise<readonly IndexDescriptionInfo[]> {
  try {
    return await documents.listIndexes().toArray();
  } catch (error) {
    // The collection is not there yet.
    if (error instanceof MongoServerError && error.code === 26) return [];
    throw error;
  }
}

const sameKey = (one: object, other: object) => JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other));

function unmakable({ namespace }: Documents, cause: MongoServerError): Error {
  return new Error(`An index of ${namespace} cannot be made: ${cause.message}.`, { cause });
}
