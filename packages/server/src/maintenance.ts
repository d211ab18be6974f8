import { inUseMs, type Log, repeatByTimer } from "@jackfield/engine";
import type { Host } from "./assemble.ts";
import type { Catalog } from "./connectors.ts";

const maintenanceInterval = 6 * 3_600_000;
const lookInterval = 2_000;

/** Takes what other processes publish soon after they do; what is asked for by its name is taken at once. */
export function lookForManifests(catalog: Catalog, log: Log): () => void {
  return repeatByTimer(lookInterval, () =>
    catalog.look().catch((error: unknown) => log("warn", "published manifests could not be looked for", { error })),
  );
}

/** Forgets what is older than it may get, now and every few hours. */
export async function maintain({ config, store, access, clock, log }: Host, catalog: Catalog): Promise<NodeJS.Timeout> {
  const tidy = async () => {
    await access.sessions.expire();
    await access.connectSessions.expire();
    const ago = (time: number) => new Date(clock() - time).toISOString();
    const retention = config.eventRetentionDays * 86_400_000;
    for (const log of [store.events, store.deliveries]) await log.expire(ago(retention));
    // What stands in the way of a disconnect must be known for as long as it does.
    await store.usage.expire(ago(Math.max(retention, inUseMs)));
    await catalog.removeUnused();
  };
  await tidy();
  const again = () => tidy().catch((error: unknown) => log("error", "old records could not be removed", { error }));
  return setInterval(again, maintenanceInterval).unref();
}
