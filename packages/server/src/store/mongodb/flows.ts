import type { FlowRecord, Polling, Store } from "@jackfield/engine";
import type { Stored } from "./client.ts";
import { before } from "./connections.ts";
import type { Collections } from "./schema.ts";

/** Who is bound to a flow and when it is polled change alone, so they stand beside the rest. */
const keys = ({ polling }: Pick<FlowRecord, "polling">) => ({
  poll_at: polling?.at ?? null,
  polling: polling === null ? null : JSON.stringify(polling),
});

export const flowDocument = (flow: FlowRecord): Stored => {
  const { id, state_hash, connection, browser_hash, expires_at } = flow;
  return { _id: id, ...{ state_hash, connection, browser_hash, expires_at }, ...keys(flow), doc: JSON.stringify(flow) };
};

export const parseFlow = ({ doc, browser_hash, polling }: Stored): FlowRecord => ({
  ...(JSON.parse(String(doc)) as FlowRecord),
  browser_hash: browser_hash as string | null,
  polling: polling === null ? null : (JSON.parse(String(polling)) as Polling),
});

const parsed = (found: Stored | null) => (found === null ? undefined : parseFlow(found));

/** The `flows` of the store's port. */
export function flowDocuments({ flows }: Collections): Store["flows"] {
  return {
    async insert(flow) {
      await flows.insertOne(flowDocument(flow));
    },
    get: async (id) => parsed(await flows.findOne({ _id: id })),
    async bind(id, browserHash) {
      await flows.updateOne({ _id: id, browser_hash: null }, { $set: { browser_hash: browserHash } });
      return parsed(await flows.findOne({ _id: id }));
    },
    consume: async (stateHash) => parsed(await flows.findOneAndDelete({ state_hash: stateHash })),
    expired: async (time, limit) =>
      (
        await flows
          .find({ expires_at: { $lt: time } })
          .sort({ expires_at: 1, _id: 1 })
          .limit(limit)
          .toArray()
      ).map(parseFlow),
    repoll: async (id, polling, expect) =>
      parsed(
        await flows.findOneAndUpdate({ _id: id, poll_at: expect }, { $set: keys({ polling }) }, { returnDocument: "after" }),
      ),
    async due(time, limit, after) {
      const found = flows.find(before("poll_at", time, after), { projection: { poll_at: 1 } });
      const sorted = await found.sort({ poll_at: 1, _id: 1 }).limit(limit).toArray();
      return sorted.map(({ _id, poll_at }) => ({ id: _id, at: String(poll_at) }));
    },
    async endPolled(connection) {
      const ended: FlowRecord[] = [];
      for (const { _id } of await flows.find({ connection, poll_at: { $gt: "" } }, { projection: { _id: 1 } }).toArray()) {
        const taken = await flows.findOneAndDelete({ _id });
        if (taken !== null) ended.push(parseFlow(taken));
      }
      return ended;
    },
  };
}
