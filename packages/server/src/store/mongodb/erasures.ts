import type { Collections } from "./schema.ts";
import type { Writes } from "./writes.ts";

/*
 * What goes with a connection or an event endpoint is in other documents. What is to be erased is noted first, so that after a crash it is
 * done again and ends the same. The ids never come back.
 */

type Kind = "connections" | "endpoints";

export interface Erasures {
  /** Erases records and what is theirs; false where the first of them was not there. */
  erase(kind: Kind, ids: readonly string[]): Promise<boolean>;
  /** Finishes what processes that died have left. */
  recover(): Promise<void>;
}

export function createErasures(all: Collections, writes: Writes): Erasures {
  const done: { readonly [K in Kind]: (ids: readonly string[]) => Promise<boolean> } = {
    async connections(ids) {
      const removed: boolean[] = [];
      for (const id of ids) removed.push(await writes.remove("connections", id));
      const theirs = { connection: { $in: [...ids] } };
      await all.events.deleteMany(theirs);
      await all.usage.deleteMany(theirs);
      await all.kept_steps.deleteMany(theirs);
      return removed[0] === true;
    },
    async endpoints(ids) {
      const removed: boolean[] = [];
      for (const id of ids) removed.push(await writes.remove("event_endpoints", id));
      await all.deliveries.deleteMany({ endpoint: { $in: [...ids] } });
      return removed[0] === true;
    },
  };
  return {
    async erase(kind, ids) {
      const _id = `${kind}/${ids[0]}`;
      await all.erasures.updateOne({ _id }, { $set: { kind, ids: [...ids] } }, { upsert: true });
      const erased = await done[kind](ids);
      await all.erasures.deleteOne({ _id });
      return erased;
    },
    async recover() {
      for (const { _id, kind, ids } of await all.erasures.find({}).limit(100).toArray()) {
        await done[kind as Kind](ids as string[]);
        await all.erasures.deleteOne({ _id });
      }
    },
  };
}
