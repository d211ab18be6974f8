import type { Auth } from "@jackfield/manifest";
import type { ConnectionRecord } from "./record.ts";

/** What the account has not granted, with what the manifest has come to ask for since. */
export function missingScopes(
  auth: Auth | undefined,
  { scopes, missing_scopes }: Pick<ConnectionRecord, "scopes" | "missing_scopes">,
): readonly string[] {
  if (auth?.type !== "oauth2") return missing_scopes;
  const required = auth.scopes.required.map(({ name }) => name).filter((name) => !scopes.includes(name));
  return [...new Set([...missing_scopes, ...required])];
}

/**
 * What must be asked for: the required scopes, and the optional ones that the connection has or that an action has been found to need.
 */
export function scopesToAsk(auth: Auth, record: Pick<ConnectionRecord, "scopes" | "missing_scopes">): readonly string[] {
  if (auth.type !== "oauth2") return [];
  const optional = auth.scopes.optional.map(({ name }) => name);
  const wanted = new Set([...record.scopes, ...record.missing_scopes]);
  return [...auth.scopes.required.map(({ name }) => name), ...optional.filter((name) => wanted.has(name))];
}
