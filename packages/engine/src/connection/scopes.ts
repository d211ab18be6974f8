import type { Auth } from "@jackfield/manifest";
import { value } from "../request/hole.ts";
import type { OpenConnection } from "./open.ts";
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

type Asking = Pick<OpenConnection, "connector" | "auth" | "fields"> & {
  readonly record: Pick<ConnectionRecord, "scopes" | "missing_scopes" | "environment">;
};

/**
 * What must be asked for: the required scopes, those that the user typed, and the optional ones that the connection has or that an
 * action has been found to need. Throws `expression_error`.
 */
export async function scopesToAsk(asking: Asking): Promise<readonly string[]> {
  const { auth, record } = asking;
  if (auth.type !== "oauth2") return [];
  const optional = auth.scopes.optional.map(({ name }) => name);
  const wanted = new Set([...record.scopes, ...record.missing_scopes]);
  const required = auth.scopes.required.map(({ name }) => name);
  return [...new Set([...required, ...(await typedScopes(asking)), ...optional.filter((name) => wanted.has(name))])];
}

/** The scopes that the user typed, in that order. */
async function typedScopes({ connector, auth, fields, record: { environment } }: Asking): Promise<readonly string[]> {
  if (auth.type !== "oauth2" || auth.scopes.from === undefined) return [];
  const names = { fields, env: { ...connector.environments[environment], name: environment } };
  const typed = await value(auth.scopes.from, names);
  const texts = Array.isArray(typed) ? typed : [typed];
  return texts.flatMap((text) => (typeof text === "string" ? text.split(/\s+/).filter((scope) => scope !== "") : []));
}
