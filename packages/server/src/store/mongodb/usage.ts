import { mostWorkflows, type Store, type UsageRecord } from "@jackfield/engine";
import { areTaken } from "./client.ts";
import { present } from "./events.ts";
import type { Collections } from "./schema.ts";

export const usageId = (connection: string, workflow: string) => JSON.stringify([connection, workflow]);
/** So many are quickly done: an answer that takes too long counts as none. */
const atOnce = 100;

async function addUp({ usage }: Collections, entries: readonly UsageRecord[]): Promise<void> {
  const operations = entries.map(({ connection, workflow, last_used_at, count }) => ({
    updateOne: {
      filter: { _id: usageId(connection, workflow) },
      update: { $inc: { count }, $max: { last_used_at }, $setOnInsert: { connection, workflow } },
      upsert: true,
    },
  }));
  try {
    await usage.bulkWrite(operations, { ordered: false });
  } catch (error) {
    // Of two who begin a count at once, the second is told so and finds the first one's.
    if (!areTaken(error)) throw error;
    const failed = [error.writeErrors].flat();
    await addUp(
      { usage } as Collections,
      failed.flatMap(({ index }) => entries[index] ?? []),
    );
  }
}

async function bound({ usage }: Collections, connection: string): Promise<void> {
  const beyond = usage.find({ connection }, { projection: { _id: 1 } });
  const least = await beyond.sort({ last_used_at: -1, workflow: 1 }).skip(mostWorkflows).toArray();
  if (least.length > 0) await usage.deleteMany({ _id: { $in: least.map(({ _id }) => _id) } });
}

/** The `usage` of the store's port. */
export function usageDocuments(all: Collections): Store["usage"] {
  return {
    async add(entries) {
      const ids = [...new Set(entries.map(({ connection }) => connection))];
      const known = await present(all.connections, ids);
      const kept = entries.filter(({ connection }) => known.has(connection));
      if (kept.length === 0) return;
      for (let from = 0; from < kept.length; from += atOnce) await addUp(all, kept.slice(from, from + atOnce));
      for (const connection of known) await bound(all, connection);
      const still = await present(all.connections, [...known]);
      const gone = [...known].filter((id) => !still.has(id));
      if (gone.length > 0) await all.usage.deleteMany({ connection: { $in: gone } });
    },
    async list(connection) {
      const found = await all.usage.find({ connection }).sort({ last_used_at: -1, workflow: 1 }).toArray();
      return found.map(({ workflow, last_used_at, count }) => ({
        connection,
        workflow: String(workflow),
        last_used_at: String(last_used_at),
        count: Number(count),
      }));
    },
    expire: async (time) => (await all.usage.deleteMany({ last_used_at: { $lt: time } })).deletedCount,
  };
}
