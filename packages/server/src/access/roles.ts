import { JackfieldError } from "@jackfield/engine";

/** Who may hold a key. Each route names the roles that may use it. */
export const roles = ["admin", "author", "user", "workflow"] as const;
export type Role = (typeof roles)[number];

/** Who makes a request: the holder of a key, or somebody without one who was given a link to connect with. */
export type Caller = Role | "connect_session";
export const callers = [...roles, "connect_session"] as const satisfies readonly Caller[];

/** Whether a role reaches all connections of the workspace, or only its owner's. */
export const reachesAll: Readonly<Record<Role, boolean>> = { admin: true, author: false, user: false, workflow: true };

/** Throws `admin_required` or `forbidden` unless the caller is among those allowed. */
export function requireRole(caller: Caller, allowed: readonly Caller[]): void {
  if (allowed.includes(caller)) return;
  if (allowed.length === 1 && allowed[0] === "admin") throw new JackfieldError("admin_required");
  throw new JackfieldError("forbidden", {
    detail:
      caller === "connect_session"
        ? "A connect session may only connect."
        : `A key with the role ${caller} may not do that; it takes ${allowed.filter((each) => each !== "connect_session").join(" or ")}.`,
  });
}
