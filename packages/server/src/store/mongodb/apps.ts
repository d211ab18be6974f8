import type { AppPlace, AppRecord, Store } from "@jackfield/engine";
import type { Stored } from "./client.ts";
import type { Collections } from "./schema.ts";
import { parcels, type Writes } from "./writes.ts";

export const appId = ({ workspace, connector, auth, environment }: AppPlace) =>
  JSON.stringify([workspace, connector, auth, environment]);
const parse = ({ doc }: Stored) => JSON.parse(String(doc)) as AppRecord;

/** What an app is found by. */
export const appKeys = (app: AppRecord) => {
  const { workspace, connector, version, tend_at } = app;
  return { workspace, connector, version, tend_at, doc: JSON.stringify(app) };
};

/** The `apps` of the store's port. */
export function appDocuments({ apps }: Collections, writes: Writes): Store["apps"] {
  return {
    async put(app, options = {}) {
      const written = await writes.change("apps", appId(app), (stored) => {
        const known = stored === undefined ? null : parse(stored).version;
        if (options.expect !== undefined && options.expect !== known) return undefined;
        return { keys: appKeys(app), out: parcels(options.events ?? []), result: true };
      });
      return written === true;
    },
    async get(workspace, connector, auth, environment) {
      const found = await apps.findOne({ _id: appId({ workspace, connector, auth, environment }) });
      return found === null || found.removed === true ? undefined : parse(found);
    },
    async list(workspace, connector) {
      const found = (await apps.find({ workspace, connector }).toArray()).map(parse);
      const place = ({ auth, environment }: AppRecord) => JSON.stringify([auth, environment]);
      return found.toSorted((one, other) => (place(one) < place(other) ? -1 : 1));
    },
    due: async (time, limit) =>
      (
        await apps
          .find({ tend_at: { $gt: "", $lt: time } })
          .sort({ tend_at: 1 })
          .limit(limit)
          .toArray()
      ).map(parse),
    async delete(workspace, connector, auth, environment, events = []) {
      const id = appId({ workspace, connector, auth, environment });
      // Without its keys it is found by nobody; with what it takes along moved, it goes.
      const removed = await writes.change("apps", id, (stored) =>
        stored === undefined ? undefined : { keys: { removed: true }, out: parcels(events), result: true },
      );
      if (removed === true && events.length === 0) await apps.deleteOne({ _id: id, removed: true, out: { $exists: false } });
      return removed === true;
    },
  };
}
