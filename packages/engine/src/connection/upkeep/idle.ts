import { JackfieldError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { erase } from "../connections.ts";
import type { ConnectionRecord } from "../record.ts";

/** Fine enough to count days by, and seldom enough to cost nothing. */
const grain = 3_600_000;
const batch = 100;

/** Notes that a step used the connection: at most one write an hour, off the step's path. */
export function noteUse(runtime: Runtime, record: ConnectionRecord): void {
  const now = runtime.clock();
  if (record.last_used_at !== null && now - Date.parse(record.last_used_at) < grain) return;
  runtime.store.connections
    .update(record.id, { last_used_at: new Date(now).toISOString() })
    .catch((cause: unknown) => runtime.log("warn", "a use could not be noted", { connection: record.id, cause }));
}

/** Disconnects what nobody used for as long as this deployment allows. */
export async function disconnectIdle(runtime: Runtime): Promise<void> {
  const { maxIdle } = runtime.policy;
  if (maxIdle === undefined) return;
  const since = new Date(runtime.clock() - maxIdle).toISOString();
  for (const id of await runtime.store.connections.idle(since, batch)) {
    const record = await runtime.store.connections.get(id);
    if (record?.status !== "connected") continue;
    runtime.log("info", "a connection that nobody uses is disconnected", { connection: id });
    // The sweep waits for no provider.
    await erase(runtime, record, system, "connection_idle").catch((cause: unknown) => {
      if (!(cause instanceof JackfieldError)) throw cause;
      runtime.log("warn", "a connection that nobody uses could not be disconnected", { connection: id, cause });
    });
  }
}
