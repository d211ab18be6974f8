import { JackfieldError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { place } from "../open.ts";
import type { ConnectionEvent, ConnectionRecord } from "../record.ts";
import { scheduleRefresh } from "../sign-in/connect.ts";
import type { ConnectionPatch, Expected } from "../store.ts";

/*
 * What came of a refresh must be stored, whatever becomes of the store: the provider may have thrown the old refresh token away already.
 * A store that does not take it is asked again until it does, and meanwhile the outcome lies on this machine's disk, from where another
 * process stores it if this one ends. The credential's version makes it harmless to store an outcome twice, or too late.
 */

/** What came of the refresh of one version of a connection's credential. Secrets in it are sealed. */
export interface Outcome {
  readonly connection: string;
  /** Of the credential that was refreshed. */
  readonly version: number;
  /** The first that fits the connection is stored. */
  readonly writes: readonly OutcomeWrite[];
}

export interface OutcomeWrite {
  /** What else must be so. */
  readonly expect?: Omit<Expected, "credential_version">;
  readonly patch: ConnectionPatch;
  readonly events: readonly ConnectionEvent[];
}

const longestPause = 5_000;

/**
 * Stores an outcome, however long that takes. Gives the connection as it is then, or undefined where something newer was stored meanwhile.
 * Throws `stopping` when the engine stops before; the outcome is then on disk.
 */
export async function storeOutcome(runtime: Runtime, outcome: Outcome): Promise<ConnectionRecord | undefined> {
  const { spool } = runtime;
  const id = idOf(outcome);
  let spooled = false;
  for (let failures = 0; ; failures += 1) {
    try {
      const written = await write(runtime, outcome);
      if (spooled) await spool?.remove(id);
      return written;
    } catch (cause) {
      if (cause instanceof JackfieldError && cause.code !== "store_unavailable") throw cause;
      runtime.log("error", "a refreshed credential could not be stored and is kept", {
        connection: outcome.connection,
        failures,
        cause,
      });
      spooled ||= await keep(runtime, id, outcome);
    }
    await runtime.sleep(Math.min(longestPause, 100 * 2 ** failures));
  }
}

/** Stores what processes of this machine have left on its disk, and what this one is still trying to store. */
export async function storeSpooled(runtime: Runtime): Promise<void> {
  const { spool } = runtime;
  if (spool === undefined) return;
  for (const { id, text } of await spool.list()) {
    const outcome = parse(text);
    if (outcome === undefined) {
      runtime.log("error", "what was kept of a refresh cannot be read", { id });
      continue;
    }
    const fresh = await sealedAnew(runtime, outcome);
    if (fresh === undefined) continue;
    const written = await write(runtime, fresh);
    await spool.remove(id);
    if (written === undefined) continue;
    runtime.log("info", "a refreshed credential that was kept is stored", { connection: outcome.connection });
    await scheduleRefresh(runtime, written);
  }
}

/**
 * The same, sealed with the master key of now: the one it was sealed with may have been replaced since, and nobody seals anew what is on a
 * disk. Undefined where it cannot be opened: it must not take the place of a credential that can.
 */
async function sealedAnew(runtime: Runtime, outcome: Outcome): Promise<Outcome | undefined> {
  const { connection, version, writes } = outcome;
  const record = await runtime.store.connections.get(connection);
  // Then it is not stored either.
  if (record === undefined || record.credential_version !== version) return outcome;
  const where = place(record, "credential");
  const anew = ({ patch, ...write }: OutcomeWrite): OutcomeWrite => {
    const { sealed_credential: sealed } = patch;
    if (sealed === undefined || sealed === null) return { ...write, patch };
    return { ...write, patch: { ...patch, sealed_credential: runtime.sealer.seal(where, runtime.sealer.open(where, sealed)) } };
  };
  try {
    return { ...outcome, writes: writes.map(anew) };
  } catch (cause) {
    runtime.log("error", "what was kept of a refresh cannot be opened and stays where it is", { connection, cause });
    return undefined;
  }
}

async function write(runtime: Runtime, { connection, version, writes }: Outcome): Promise<ConnectionRecord | undefined> {
  for (const { expect, patch, events } of writes) {
    const both = { ...expect, credential_version: version };
    const written = await runtime.store.connections.update(connection, patch, { expect: both, events });
    if (written === undefined) continue;
    runtime.events.announce(events);
    return written;
  }
  return undefined;
}

async function keep(runtime: Runtime, id: string, outcome: Outcome): Promise<boolean> {
  const { connection } = outcome;
  try {
    await runtime.spool?.put(id, JSON.stringify(outcome));
    return runtime.spool !== undefined;
  } catch (cause) {
    runtime.log("error", "a refreshed credential could not be kept on disk either", { connection, cause });
    return false;
  }
}

const idOf = ({ connection, version }: Outcome) => `${connection}.${version}`;

function parse(text: string): Outcome | undefined {
  try {
    const outcome = JSON.parse(text) as Partial<Outcome> | null;
    return typeof outcome?.connection === "string" && Array.isArray(outcome.writes) ? (outcome as Outcome) : undefined;
  } catch {
    return undefined;
  }
}
