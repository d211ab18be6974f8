import { JackfieldError, type KeptStep, type Store } from "@jackfield/engine";
import { isTaken, type Stored } from "./client.ts";
import type { Collections } from "./schema.ts";

export const keptStepDocument = (record: KeptStep): Stored => {
  const { id, connection, step, expires_at } = record;
  return { _id: id, connection, step, expires_at, doc: JSON.stringify(record) };
};

export const parseKeptStep = ({ doc }: Stored): KeptStep => JSON.parse(String(doc)) as KeptStep;

/** How often it is tried again where what stood in the way has just gone. */
const tries = 5;

/** The `kept_steps` of the store's port. */
export function keptStepDocuments({ kept_steps: steps }: Collections): Store["kept_steps"] {
  /** Whether the record is stored. One that is there and expired is replaced; one that is not makes this an insertion, which its id refuses. */
  const took = async ({ _id, ...keys }: Stored, now: string): Promise<boolean> => {
    try {
      await steps.updateOne({ _id, expires_at: { $lte: now } }, { $set: keys }, { upsert: true });
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  };
  return {
    async begin(record, now) {
      for (let tried = 0; tried < tries; tried += 1) {
        if (await took(keptStepDocument(record), now)) return record;
        const found = await steps.findOne({ _id: record.id });
        if (found !== null) return parseKeptStep(found);
      }
      throw new JackfieldError("store_unavailable", { detail: "A step could not be noted: others begin and end under its key." });
    },
    async end(record) {
      const { _id, ...keys } = keptStepDocument(record);
      return (await steps.updateOne({ _id, step: record.step }, { $set: keys })).matchedCount > 0;
    },
    forget: async (id, step) => (await steps.deleteOne({ _id: id, step })).deletedCount > 0,
    async erase(connection) {
      await steps.deleteMany({ connection });
    },
    expire: async (time) => (await steps.deleteMany({ expires_at: { $lte: time } })).deletedCount,
  };
}
