import { JackfieldError } from "@jackfield/engine";

/** Who may hold a key. Each route names the roles that may use it. */
export const roles = ["admin", "author", "user", "workflow"] as const;
export type Role = (typeof roles)[number];

/** Whether a role reaches all connections of the workspace, or only its owner's. */
export const reachesAll: Readonly<Record<Role, boolean>> = { admin: true, author: false, user: false, workflow: true };

/** Throws `admin_required` or `forbidden` unless the role is among those allowed. */
export function requireRole(role: Role, allowed: readonly Role[]): void {
  if (allowed.includes(role)) return;
  if (allowed.length === 1 && allowed[0] === "admin") throw new JackfieldError("admin_required");
  throw new JackfieldError("forbidden", {
    detail: `A key with the role ${role} may not do that; it takes ${allowed.join(" or ")}.`,
  });
}
