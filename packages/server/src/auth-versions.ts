import type { Log, Registry, Store } from "@jackfield/engine";
import { type AuthVersion, type Connector, restore } from "@jackfield/manifest";

/*
 * The auth versions that connections of this deployment were made with: their definitions in memory, each compiled when it is first
 * asked for. One that is the current version of its block is asked for by nobody.
 */

export interface AuthVersions extends Pick<Registry, "kept" | "keep"> {
  /** Whether `kept` may have it: from the store at the start, or by the methods below. */
  has(version: string): boolean;
  /** Takes a version from the store, where another process has kept it. */
  learn(version: string): Promise<void>;
  /** The versions of a connector that is about to be replaced: connections that were read before go by them. */
  remember(connector: Connector): void;
  /** What does not count for a version follows the manifest for as long as the version is a current one. */
  follow(connector: Connector, by?: "store" | "memory"): Promise<void>;
  /** Forgets the versions that no connection uses, here and in the store. */
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
  /** Always another entry, so that it can be told which are newer than a look into the store. */
  const set = (id: string, definition: string): void => {
    const { connector, definition: before } = known.get(id) ?? {};
    known.set(id, connector === undefined || before !== definition ? { definition } : { definition, connector });
  };
  const keep: Registry["keep"] = async ({ id, definition }) => {
    await store.put(id, definition, new Date(clock()).toISOString());
    set(id, definition);
  };
  const stored = {
    memory: async (id: string) => known.get(id)?.definition,
    store: (id: string) => store.get(id),
  };
  return {
    kept(version) {
      const found = known.get(version);
      if (found === undefined) return undefined;
      if (found.connector === undefined) found.connector = compiled(version, found);
      return found.connector ?? undefined;
    },
    keep,
    has: (version) => known.has(version),
    async learn(version) {
      const definition = await store.get(version);
      if (definition !== undefined) set(version, definition);
    },
    remember(connector) {
      for (const { id, definition } of currentVersions(connector)) set(id, definition);
    },
    async follow(connector, by = "store") {
      for (const version of currentVersions(connector)) {
        const definition = await stored[by](version.id);
        if (definition !== undefined && definition !== version.definition) await keep(version);
      }
    },
    async removeUnused() {
      const before = new Map(known);
      await store.removeUnused(new Date(clock() - graceMs).toISOString());
      // Another process may have removed more. What was kept meanwhile is no longer the entry of before.
      const left = new Set((await store.list()).map(({ version }) => version));
      for (const [version, entry] of before) if (!left.has(version) && known.get(version) === entry) known.delete(version);
    },
  };
}

/** The versions that a connector has now. */
export function currentVersions({ auth }: Connector): readonly AuthVersion[] {
  return Object.values(auth).flatMap(({ versions }) => Object.values(versions));
}
