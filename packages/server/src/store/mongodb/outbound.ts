import type { DeliveryRecord, EndpointRecord, Outgoing, Page, Store } from "@jackfield/engine";
import { decodeCursor, paged } from "../cursor.ts";
import { type Documents, following, insertMissing, type Stored } from "./client.ts";
import type { Erasures } from "./erasures.ts";
import { present } from "./events.ts";
import type { Collections } from "./schema.ts";
import { newSeq, parcels, type Writes } from "./writes.ts";

/** The `outbox` of the store's port. */
export function outboxDocuments(all: Collections): Store["outbox"] {
  return {
    list: async (limit) =>
      (await all.outbox.find({}).sort({ seq: 1 }).limit(limit).toArray()).map(({ doc }) => JSON.parse(String(doc)) as Outgoing),
    async hand(event, deliveries) {
      await insertDeliveries(all, deliveries);
      await all.outbox.deleteOne({ _id: event });
    },
  };
}

const parseEndpoint = ({ doc }: Stored) => JSON.parse(String(doc)) as EndpointRecord;
export const endpointKeys = (record: EndpointRecord) => ({
  workspace: record.workspace,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

/** The `endpoints` of the store's port. */
export function endpointDocuments(all: Collections, writes: Writes, erasures: Erasures): Store["endpoints"] {
  const { event_endpoints: endpoints } = all;
  return {
    async insert(record) {
      await endpoints.insertOne({ _id: record.id, rev: newSeq(), ...endpointKeys(record) });
    },
    async get(id) {
      const found = await endpoints.findOne({ _id: id });
      return found === null ? undefined : parseEndpoint(found);
    },
    list: async (workspace) => (await endpoints.find({ workspace }).sort({ created_at: 1, _id: 1 }).toArray()).map(parseEndpoint),
    update: (id, patch, options) =>
      writes.change("event_endpoints", id, (stored) => {
        if (stored === undefined) return undefined;
        const record = parseEndpoint(stored);
        if (options?.expect?.enabled === true && record.disabled !== null) return undefined;
        const next: EndpointRecord = { ...record, ...patch };
        return { keys: endpointKeys(next), out: parcels(options?.events ?? []), result: next };
      }),
    async delete(id) {
      if ((await endpoints.findOne({ _id: id }, { projection: { _id: 1 } })) === null) return false;
      return erasures.erase("endpoints", [id]);
    },
  };
}

const parseDelivery = ({ doc }: Stored) => JSON.parse(String(doc)) as DeliveryRecord;
export const deliveryKeys = (record: DeliveryRecord) => ({
  endpoint: record.endpoint,
  attempts: record.attempts,
  next_at: record.next_at,
  created_at: record.created_at,
  doc: JSON.stringify(record),
});

async function insertDeliveries(all: Collections, given: readonly DeliveryRecord[]): Promise<void> {
  if (given.length === 0) return;
  const { event_endpoints: endpoints, deliveries } = all;
  const known = await present(
    endpoints,
    given.map(({ endpoint }) => endpoint),
  );
  const kept = given.filter(({ endpoint }) => known.has(endpoint));
  await insertMissing(
    deliveries,
    kept.map((record) => ({ _id: record.id, rev: newSeq(), ...deliveryKeys(record) })),
  );
  // An endpoint that was erased meanwhile has taken the deliveries of before along.
  const still = await present(endpoints, [...known]);
  const gone = [...known].filter((id) => !still.has(id));
  if (gone.length > 0) await deliveries.deleteMany({ endpoint: { $in: gone } });
}

async function list(documents: Documents, endpoint: string, page: Page) {
  const after = page.after === undefined ? {} : following("descending", ["created_at", "_id"], decodeCursor(page.after));
  const found = await documents
    .find({ endpoint, ...after }, { projection: { doc: 1 } })
    .sort({ created_at: -1, _id: -1 })
    .limit(page.limit + 1)
    .toArray();
  return paged(
    found.map(parseDelivery),
    page.limit,
    (delivery) => delivery,
    (delivery) => [delivery.created_at, delivery.id],
  );
}

/** The earliest of each endpoint is the first entry of an index, so that a full queue costs no more than an empty one. */
async function due({ event_endpoints: endpoints, deliveries }: Collections, time: string, limit: number) {
  const all = await endpoints.find({}, { projection: { _id: 1 } }).toArray();
  const found: { endpoint: string; next_at: string }[] = [];
  for (const { _id: endpoint } of all) {
    const first = deliveries.find({ endpoint, next_at: { $gt: "", $lt: time } }, { projection: { next_at: 1 } });
    const [earliest] = await first.sort({ next_at: 1, _id: 1 }).limit(1).toArray();
    if (earliest !== undefined) found.push({ endpoint, next_at: String(earliest.next_at) });
  }
  const place = ({ next_at, endpoint }: (typeof found)[number]) => `${next_at} ${endpoint}`;
  return found.toSorted((one, other) => (place(one) < place(other) ? -1 : 1)).slice(0, limit);
}

/** The `deliveries` of the store's port. */
export function deliveryDocuments(all: Collections, writes: Writes): Store["deliveries"] {
  const { deliveries } = all;
  return {
    insert: (record) => insertDeliveries(all, [record]),
    list: (endpoint, page) => list(deliveries, endpoint, page),
    pending: async (endpoint, limit) =>
      (
        await deliveries
          .find({ endpoint, next_at: { $gt: "" } }, { projection: { doc: 1 } })
          .sort({ next_at: 1, _id: 1 })
          .limit(limit)
          .toArray()
      ).map(parseDelivery),
    due: (time, limit) => due(all, time, limit),
    update: (id, patch, expect) =>
      writes.change("deliveries", id, (stored) => {
        if (stored === undefined || stored.attempts !== expect.attempts) return undefined;
        const next: DeliveryRecord = { ...parseDelivery(stored), ...patch };
        return { keys: deliveryKeys(next), result: next };
      }),
    expire: async (time) => (await deliveries.deleteMany({ created_at: { $lt: time }, next_at: null })).deletedCount,
  };
}
