import type { HostStore } from "../store/port.ts";
import { type ApiKeys, adminOwner, createApiKeys } from "./api-keys.ts";
import { type ConnectSessions, createConnectSessions } from "./connect-sessions.ts";
import { createSessions, type Sessions } from "./sessions.ts";

/** The one workspace of the embedded default. */
export const defaultWorkspace = "default";

export { adminOwner };

/** Who may use this deployment. */
export interface Access {
  readonly keys: ApiKeys;
  readonly sessions: Sessions;
  readonly connectSessions: ConnectSessions;
}

/** What people need to know at a start. */
export interface Welcome {
  /** A key that was made at this start, and is shown only now. */
  readonly adminKey: string | undefined;
  readonly signInToken: string;
}

export function createAccess(store: HostStore, clock: () => number): Access {
  const keys = createApiKeys(store.keys, clock);
  return {
    keys,
    sessions: createSessions(store, keys, clock),
    connectSessions: createConnectSessions(store.connect_sessions, keys, clock),
  };
}

/** Makes sure that there is a workspace with an admin, and makes a sign-in link for that admin. */
export async function welcome(
  store: Pick<HostStore, "workspaces">,
  { keys, sessions }: Access,
  adminApiKey: string | undefined,
  clock: () => number,
): Promise<Welcome> {
  await store.workspaces.put(defaultWorkspace, new Date(clock()).toISOString());
  await sessions.expire();
  await keys.fix(defaultWorkspace, adminApiKey);
  const operator = adminApiKey === undefined ? undefined : await keys.find(adminApiKey);
  const { key, text } = operator === undefined ? await keys.admin(defaultWorkspace) : { key: operator, text: undefined };
  return { adminKey: text, signInToken: await sessions.link(key.id) };
}
