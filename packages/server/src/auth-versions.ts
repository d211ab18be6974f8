import type { Log, Registry, Store } from "@jackfield/engine";
import { type Connector, restore } from "@jackfield/manifest";

/*
 * The auth versions that connections of this deployment were made with: their definitions in memory, each compiled when it is first
 * asked for. One that is the current version of its block is asked for by nobody.
 */

export interface AuthVersions extends Pick<Registry, "kept" | "keep"> {
  /** What does not count for a version follows the manifest for as long as the version is a current one. */
  follow(connector: Connector): Promise<void>;
  /** Forgets the versions that no connection uses. */
  removeUnused(): Promise<void>;
}

export interface AuthVersionOptions {
  readonly store: Store["auth_versions"];
  readonly clock: () => number;
  readonly log: Log;
}

/** A connection is written some time after its version: one that was kept just now is not unused. */
const graceMs = 24 * 3_600_000;

interface Kept {
  readonly definition: string;
  /** Undefined until it is asked for; null where it cannot be compiled. */
  connector?: Connector | null;
}

export async function loadAuthVersions({ store, clock, log }: AuthVersionOptions): Promise<AuthVersions> {
  const known = new Map<string, Kept>();
  for (const { version, definition } of await store.list()) known.set(version, { definition });

  const compiled = (version: string, { definition }: Kept): Connector | null => {
    try {
      return restore(definition);
    } catch (cause) {
      log("error", "a stored way to connect cannot be used any more", { version, cause });
      return null;
    }
  };
  const keep: Registry["keep"] = async ({ id, definition }) => {
    await store.put(id, definition, new Date(clock()).toISOString());
    if (known.get(id)?.definition !== definition) known.set(id, { definition });
  };
  return {
    kept(version) {
      const found = known.get(version);
      if (found === undefined) return undefined;
      if (found.connector === undefined) found.connector = compiled(version, found);
      return found.connector ?? undefined;
    },
    keep,
    async follow(connector) {
      const current = Object.values(connector.auth).flatMap(({ versions }) => Object.values(versions));
      for (const version of current) {
        const stored = known.get(version.id)?.definition;
        if (stored !== undefined && stored !== version.definition) await keep(version);
      }
    },
    async removeUnused() {
      const removed = await store.removeUnused(new Date(clock() - graceMs).toISOString());
      for (const version of removed) known.delete(version);
    },
  };
}
