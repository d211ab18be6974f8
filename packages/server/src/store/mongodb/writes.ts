import type { ConnectionEvent, ConnectionRecord, Outgoing } from "@jackfield/engine";
import { outgoing } from "@jackfield/engine";
import { ObjectId } from "mongodb";
import { type Documents, insertMissing, isTaken, isUncertain, type Stored } from "./client.ts";
import type { CollectionName, Collections } from "./schema.ts";

/*
 * A write of a record with its events, without transactions. The record's document takes the events and their outbox entries along, in
 * `out`: so they are stored with it, as a whole or not at all. Then they are moved to the collections where they are looked for, and taken
 * out of the document. A process that dies in between leaves a document with `waiting`, which `recover` finds; to move something twice
 * does no harm, as events and entries are known by the event's id.
 *
 * Each write makes a new `rev` and names the one that it replaces, so of several writers at once one is first, and the others look again.
 */

/** What an event is on its way, as JSON text in `out`. */
interface Parcel {
  /** The place among events of one time, in the order in which they were made. */
  readonly seq: string;
  readonly event: ConnectionEvent;
  readonly told: Outgoing | null;
}

export const newSeq = () => new ObjectId().toHexString();

export const eventDocument = (event: ConnectionEvent, seq: string): Stored => ({
  _id: event.id,
  seq,
  workspace: event.workspace,
  connection: event.connection,
  connector: event.connector ?? null,
  owner: event.owner ?? null,
  auth: event.app?.auth ?? null,
  environment: event.app?.environment ?? null,
  type: event.type,
  actor: event.actor,
  at: event.at,
  doc: JSON.stringify(event),
});

export const outboxDocument = (told: Outgoing, seq: string): Stored => ({
  _id: told.event.id,
  seq,
  doc: JSON.stringify(told),
});

/** The events of a write, with the connection as the write leaves it. */
export const parcels = (events: readonly ConnectionEvent[], written?: ConnectionRecord): readonly Parcel[] =>
  events.map((event) => ({
    seq: newSeq(),
    event,
    told: outgoing(event, event.connection === null ? undefined : written) ?? null,
  }));

/** What a document becomes: its keys without `_id` and those of this file. */
export interface Next<T> {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly out?: readonly Parcel[];
  readonly result: T;
}

/** Collections whose documents take events along. */
type Carrying = Extract<CollectionName, "connections" | "apps" | "event_endpoints">;
const carrying: readonly Carrying[] = ["connections", "apps", "event_endpoints"];

export interface Writes {
  /**
   * Replaces a document by what `next` makes of it, or makes it where there is none; gives the result, or undefined where `next` does, and
   * then nothing was changed. `next` is asked again when somebody else was first. `refused` says why a document could not be written, if
   * it knows more than the server.
   */
  change<T>(
    name: Carrying | "deliveries",
    id: string,
    next: (stored: Stored | undefined) => Next<T> | undefined,
    refused?: () => Promise<Error | undefined>,
  ): Promise<T | undefined>;
  /** Removes a document for good, after what it takes along was moved; false where there is none. */
  remove(name: Carrying, id: string): Promise<boolean>;
  /** Finishes what processes that died have left. */
  recover(): Promise<void>;
}

export function createWrites(all: Collections): Writes {
  return {
    async change(name, id, next, refused) {
      const documents = all[name];
      // One for all attempts: a document that has it was written by this change, even if no answer has told so.
      const rev = newSeq();
      const write = createWrite(documents, rev);
      for (;;) {
        const stored = (await documents.findOne({ _id: id })) ?? undefined;
        const made = next(stored?.removed === true ? undefined : stored);
        if (made === undefined) return undefined;
        const document = { _id: id, rev, ...made.keys, ...carried(rev, stored, made.out) };
        const written = await write(stored, document).catch(async (error: unknown) => {
          throw (await refused?.()) ?? error;
        });
        if (!written) continue;
        await settleSoon(all, documents, document);
        return made.result;
      }
    },
    async remove(name, id) {
      const documents = all[name];
      for (;;) {
        const stored = await documents.findOne({ _id: id });
        if (stored === null) return false;
        const rev = stored.out === undefined ? stored.rev : await settle(all, documents, stored);
        if (rev === undefined) continue;
        if ((await documents.deleteOne({ _id: id, rev })).deletedCount > 0) return true;
      }
    },
    async recover() {
      for (const name of carrying) {
        for (;;) {
          const left = await all[name]
            .find({ waiting: { $gt: "" } })
            .limit(100)
            .toArray();
          for (const document of left) await settle(all, all[name], document);
          if (left.length < 100) break;
        }
      }
    },
  };
}

/** What a document takes along: also what was not moved yet of the write before. */
function carried(rev: string, stored: Stored | undefined, out: readonly Parcel[] = []) {
  const texts = [...((stored?.out ?? []) as readonly string[]), ...out.map((parcel) => JSON.stringify(parcel))];
  return texts.length === 0 ? {} : { out: texts, waiting: rev };
}

/**
 * Writes a document in the place of the one that was read; false where that is not there any more. Where a connection ends without an
 * answer, it looks whether the write was carried out; if it was not, it may be tried once more, as both would replace the same document.
 */
function createWrite(documents: Documents, rev: string) {
  let failed = false;
  /** Whether the document is in the store after all; throws where it is neither that nor worth another attempt. */
  const judge = async (error: unknown, stored: Stored | undefined, id: string): Promise<boolean> => {
    const lost = isUncertain(error);
    const there = lost || isTaken(error) ? await documents.findOne({ _id: id }) : null;
    if (there?.rev === rev) return true;
    // Otherwise the connection was lost again, or not the id is taken but another unique key.
    const again = lost ? !failed : stored === undefined && there !== null;
    if (!again) throw error;
    failed = true;
    return false;
  };
  return (stored: Stored | undefined, document: Stored): Promise<boolean> =>
    put(documents, stored, document).catch((error: unknown) => judge(error, stored, document._id));
}

async function put(documents: Documents, stored: Stored | undefined, document: Stored): Promise<boolean> {
  const { _id, ...rest } = document;
  if (stored !== undefined) return (await documents.replaceOne({ _id, rev: stored.rev }, rest)).matchedCount > 0;
  await documents.insertOne(document);
  return true;
}

/** The write is done; what is not moved now `recover` moves. */
async function settleSoon(all: Collections, documents: Documents, document: Stored): Promise<void> {
  if (document.out !== undefined) await settle(all, documents, document).catch(() => undefined);
}

/** Moves what a document takes along. Gives the revision that it has then, or undefined where somebody else has written it. */
async function settle(all: Collections, documents: Documents, document: Stored): Promise<string | undefined> {
  const { _id, rev, removed } = document;
  const moving = ((document.out ?? []) as readonly string[]).map((text) => JSON.parse(text) as Parcel);
  const told = moving.flatMap(({ told, seq }) => (told === null ? [] : [outboxDocument(told, seq)]));
  await insertMissing(all.outbox, told);
  await insertMissing(
    all.events,
    moving.map(({ event, seq }) => eventDocument(event, seq)),
  );
  if (removed === true) {
    await documents.deleteOne({ _id, rev });
    return undefined;
  }
  const settled = `${rev}.`;
  const emptied = await documents.updateOne({ _id, rev }, { $set: { rev: settled }, $unset: { out: "", waiting: "" } });
  if (emptied.matchedCount > 0) return settled;
  // A connection that was erased since has taken the events of before along, and must not get these back.
  if (documents === all.connections && (await documents.findOne({ _id }, { projection: { _id: 1 } })) === null)
    await all.events.deleteMany({ connection: _id });
  return undefined;
}
