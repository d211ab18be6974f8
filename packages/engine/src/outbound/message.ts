import { outgoingTypes } from "../connection/outgoing.ts";
import type { ConnectionEvent, Outgoing, ToldConnection } from "../connection/record.ts";
import { accountOf } from "../connection/view.ts";
import { errorTable } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

/** What the embedding application receives. */
export interface Message {
  readonly type: string;
  readonly body: string;
}

/** The reader is nobody's owner: a masked label stays masked. */
const outsider = { owner: "" } as const;

/**
 * The message of an event. It says why in our own words only: what the provider said may hold anything. Undefined for an event that nobody
 * outside is told of (any more).
 */
export function messageOf(runtime: Runtime, { event, connection }: Outgoing): Message | undefined {
  // A newer version may have stored a type or a code that this one does not know.
  const type = outgoingTypes[event.type] ?? null;
  if (type === null) return undefined;
  const { code } = event;
  const about = connection === null ? subject(event) : { connection: shown(runtime, connection) };
  const error =
    code === undefined ? {} : { error: { code, message: (errorTable[code] as readonly string[] | undefined)?.[2] ?? "" } };
  return { type, body: JSON.stringify({ type, timestamp: event.at, data: { ...about, ...error } }) };
}

/** What an event without a connection is about. */
function subject({ connector, owner, endpoint, app }: ConnectionEvent): object {
  return app === undefined ? { connector, owner, endpoint } : { app: { connector, ...app } };
}

function shown(runtime: Runtime, connection: ToldConnection): object {
  const { alias_of: merged_into, auth_version: _, credential_version: __, ...told } = connection;
  return { ...told, ...accountOf(runtime, outsider, connection), ...(merged_into === null ? {} : { merged_into }) };
}
