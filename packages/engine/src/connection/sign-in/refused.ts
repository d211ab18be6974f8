import { JackfieldError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { nobody } from "../actor.ts";
import type { Subject } from "../event-log.ts";

/**
 * Leaves a trace of somebody who came with a sign-in that is not, or no longer, theirs: in the log of its connection, or in that of the
 * workspace where nobody knows whose it was.
 */
export function noteRefused(runtime: Runtime, about: Subject, person: string | undefined, cause: unknown): void {
  if (!(cause instanceof JackfieldError) || cause.code !== "state_invalid") return;
  // Whoever made the address up is not to choose what stands in the log.
  const { connector = "", ...rest } = about;
  const known = runtime.connectors.get(connector) === undefined ? rest : about;
  runtime.events.noteStranger(runtime.events.make(known, "sign_in_refused", { actor: person ?? nobody, code: cause.code }));
}
