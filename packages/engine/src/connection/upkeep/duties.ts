import type { Runtime } from "../../runtime.ts";
import type { Duty } from "../record.ts";
import { checkInBackground } from "./check.ts";
import type { Refresher } from "./refresh.ts";
import { remind } from "./reminder.ts";
import { revokeAgain } from "./revocation.ts";

/** What is done when the time of a duty has come. Each looks again whether it is due: a job may be late, or one too many. */
export function createDuties(runtime: Runtime, refresher: Refresher): { readonly [D in Duty]: (id: string) => Promise<void> } {
  return {
    refresh: (id) => refresher.work(id),
    test: (id) => checkInBackground(runtime, refresher, id),
    remind: (id) => remind(runtime, id),
    revoke: (id) => revokeAgain(runtime, id),
  };
}
