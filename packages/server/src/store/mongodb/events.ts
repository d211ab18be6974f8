import { type ConnectionEvent, type EventFilter, isOutgoing, outgoing, type Page, type Store } from "@jackfield/engine";
import type { Filter } from "mongodb";
import { parseConnection } from "../connection-record.ts";
import { decodeCursor, paged } from "../cursor.ts";
import { type Documents, following, insertMissing, type Stored } from "./client.ts";
import type { Collections } from "./schema.ts";
import { eventDocument, newSeq, outboxDocument } from "./writes.ts";

const parse = ({ doc }: Stored) => JSON.parse(String(doc)) as ConnectionEvent;

/** Those of ids that are there. */
export async function present(documents: Documents, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await documents.find({ _id: { $in: [...new Set(ids)] } }, { projection: { _id: 1 } }).toArray();
  return new Set(found.map(({ _id }) => _id));
}

const connectionsOf = (events: readonly ConnectionEvent[]) =>
  events.flatMap(({ connection }) => (connection === null ? [] : [connection]));

async function append({ connections, events, outbox }: Collections, given: readonly ConnectionEvent[]): Promise<void> {
  if (given.length === 0) return;
  const ids = connectionsOf(given);
  const known = await present(connections, ids);
  const kept = given
    .filter(({ connection }) => connection === null || known.has(connection))
    .map((event) => ({ event, seq: newSeq() }));
  const told: Stored[] = [];
  for (const { event, seq } of kept.filter((each) => isOutgoing(each.event))) {
    const stored = event.connection === null ? null : await connections.findOne({ _id: event.connection });
    const entry = outgoing(event, stored === null ? undefined : parseConnection(String(stored.doc)));
    if (entry !== undefined && (event.connection === null || stored !== null)) told.push(outboxDocument(entry, seq));
  }
  // Who is told of an event must not miss one that is in the log; these events need not survive a crash in between.
  await insertMissing(outbox, told);
  await insertMissing(
    events,
    kept.map(({ event, seq }) => eventDocument(event, seq)),
  );
  // A connection that was erased meanwhile has taken the events of before along, and must not get these back.
  const still = await present(connections, [...known]);
  const gone = [...known].filter((id) => !still.has(id));
  if (gone.length > 0) await events.deleteMany({ connection: { $in: gone } });
}

function conditions(filter: EventFilter): Filter<Stored> {
  const { workspace, connection, type, connector, app, owner, actors, from, to } = filter;
  const at = { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) };
  const given = {
    ...{ workspace, connection, type, connector, owner },
    ...{ auth: app?.auth, environment: app?.environment },
    actor: actors === undefined ? undefined : { $in: [...actors] },
    at: Object.keys(at).length === 0 ? undefined : at,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function list(documents: Documents, filter: EventFilter, page: Page) {
  const after = page.after === undefined ? {} : following("descending", ["at", "seq"], decodeCursor(page.after));
  const found = await documents
    .find({ ...conditions(filter), ...after }, { projection: { at: 1, seq: 1, doc: 1 } })
    .sort({ at: -1, seq: -1 })
    .limit(page.limit + 1)
    .toArray();
  return paged(found, page.limit, parse, ({ at, seq }) => [String(at), String(seq)]);
}

/** The `events` of the store's port. */
export function eventDocuments(all: Collections): Store["events"] {
  return {
    append: (events) => append(all, events),
    list: (filter, page) => list(all.events, filter, page),
    async recent(connections, time, limit) {
      const filter = { connection: { $in: [...connections] }, at: { $gte: time } };
      const found = all.events
        .find(filter, { projection: { doc: 1 } })
        .sort({ at: -1, seq: -1 })
        .limit(limit);
      return (await found.toArray()).map(parse);
    },
    expire: async (time) => (await all.events.deleteMany({ at: { $lt: time } })).deletedCount,
  };
}
