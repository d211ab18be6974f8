import type { Sqlite } from "../store/database.ts";
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

export function createAccess(sqlite: Sqlite, clock: () => number): Access {
  return {
    keys: createApiKeys(sqlite, clock),
    sessions: createSessions(sqlite, clock),
    connectSessions: createConnectSessions(sqlite, clock),
  };
}

/** Makes sure that there is a workspace with an admin, and makes a sign-in link for that admin. */
export function welcome(sqlite: Sqlite, access: Access, adminApiKey: string | undefined, clock: () => number): Welcome {
  sqlite.run(
    "INSERT OR IGNORE INTO workspaces (id, created_at) VALUES (?, ?)",
    defaultWorkspace,
    new Date(clock()).toISOString(),
  );
  access.sessions.expire();
  access.keys.fix(defaultWorkspace, adminApiKey);
  const known = adminApiKey === undefined ? access.keys.admin(defaultWorkspace) : access.keys.find(adminApiKey);
  if (known !== undefined) return { adminKey: undefined, signInToken: access.sessions.link(known.id) };
  const made = access.keys.create({ workspace: defaultWorkspace, name: "First admin", role: "admin" });
  return { adminKey: made.text, signInToken: access.sessions.link(made.key.id) };
}
