import { outgoingTypes } from "../connection/outgoing.ts";
import type { Outgoing } from "../connection/record.ts";
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

const nothing = { alias_of: null, auth_version: undefined, credential_version: undefined } as const;

/**
 * The message of an event. It says why in our own words only: what the provider said may hold anything. Undefined for an event that nobody
 * outside is told of (any more).
 */
export function messageOf(runtime: Runtime, { event, connection }: Outgoing): Message | undefined {
  const type = outgoingTypes[event.type];
  if (type === null) return undefined;
  const { connector, owner, endpoint, code } = event;
  const { alias_of: merged_into, auth_version: _, credential_version: __, ...told } = connection ?? nothing;
  const about =
    connection === null
      ? { connector, owner, endpoint }
      : {
          connection: {
            ...told,
            ...accountOf(runtime, outsider, connection),
            ...(merged_into === null ? {} : { merged_into }),
          },
        };
  const error = code === undefined ? {} : { error: { code, message: errorTable[code][2] } };
  return { type, body: JSON.stringify({ type, timestamp: event.at, data: { ...about, ...error } }) };
}
