import { JackfieldError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { reach } from "./connections.ts";
import type { ConnectionEvent, UsageRecord } from "./record.ts";
import type { Store } from "./store.ts";

/** How long after its last step a workflow still counts as one that needs the connection. */
export const inUseMs = 30 * 86_400_000;
const named = 20;

/** Writes who used what, out of events that were stored. What the store does not take is added to the next write. */
export function createUsageCount(store: Store, log: Log): (events: readonly ConnectionEvent[]) => Promise<void> {
  let waiting = new Map<string, UsageRecord>();
  return async (events) => {
    for (const { type, connection, workflow, mode, at } of events) {
      if (type !== "used" || connection === null || workflow === undefined || mode === "test") continue;
      const key = `${connection} ${workflow}`;
      waiting.set(key, { connection, workflow, last_used_at: at, count: (waiting.get(key)?.count ?? 0) + 1 });
    }
    if (waiting.size === 0) return;
    const entries = waiting;
    waiting = new Map();
    try {
      await store.usage.add([...entries.values()]);
    } catch (cause) {
      log("warn", "usage could not be written and waits", { count: entries.size, cause });
      for (const [key, entry] of waiting) entries.set(key, { ...entry, count: entry.count + (entries.get(key)?.count ?? 0) });
      waiting = entries;
    }
  };
}

/** The workflows that named themselves in steps of a connection, the last one first. */
export async function listUsage(runtime: Runtime, actor: Actor, id: string): Promise<readonly UsageRecord[]> {
  const record = await reach(runtime, actor, id);
  await runtime.events.flush();
  return runtime.store.usage.list(record.id);
}

/** Throws `in_use` where a workflow has used the connection in the last thirty days. */
export async function refuseInUse(runtime: Runtime, actor: Actor, id: string): Promise<void> {
  const since = new Date(runtime.clock() - inUseMs).toISOString();
  const recent = (await listUsage(runtime, actor, id)).filter(({ last_used_at }) => last_used_at >= since);
  if (recent.length === 0) return;
  const workflows = recent.map(({ workflow }) => workflow).slice(0, named);
  const more = recent.length > workflows.length ? ` and ${recent.length - workflows.length} more` : "";
  throw new JackfieldError("in_use", {
    detail: `Used in the last 30 days by ${workflows.join(", ")}${more}.`,
    members: { workflows },
  });
}
