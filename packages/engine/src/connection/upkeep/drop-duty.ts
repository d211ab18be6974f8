import type { Runtime } from "../../runtime.ts";
import type { ConnectionRecord, Duty } from "../record.ts";

/** What is due of a connection that does not work is nothing to wait for: it would stand before all others in every sweep. */
export async function dropDuty(runtime: Runtime, { id, status }: ConnectionRecord, duty: Duty): Promise<void> {
  await runtime.store.connections.update(id, { [`${duty}_at`]: null }, { expect: { status } });
}
