import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { evaluate, type Names, text } from "../request/hole.ts";
import type { ConnectionRecord } from "./record.ts";

const maxLabel = 120;
const maxUniqueId = 512;

/** The account at the provider. Undefined for an auth block without identity (`type: none`). Throws `unique_id_missing`. */
export async function uniqueIdOf(auth: Auth, names: Names): Promise<string | undefined> {
  if (auth.unique_id === undefined) return undefined;
  const result = await evaluate(auth.unique_id.value, names);
  const id = typeof result === "number" && Number.isFinite(result) ? String(result) : result;
  if (typeof id !== "string" || id.trim() === "" || id.length > maxUniqueId || !isWellFormed(id)) {
    throw new JackfieldError("unique_id_missing", {
      detail: `\`unique_id\` (${auth.unique_id.value.source}) gives no text or number.`,
    });
  }
  return id;
}

/**
 * Whether people and the store can tell the text from others: it has no half of a surrogate pair, which is another one once it is stored,
 * and no control character.
 */
function isWellFormed(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** What the connection calls itself; the fallback where a value is missing; null where there is neither. */
export async function labelOf(auth: Auth, names: Names): Promise<string | null> {
  if (auth.label === undefined) return null;
  for (const template of [auth.label.template, auth.label.fallback]) {
    const label = template === undefined ? undefined : await text(template, names).catch(() => undefined);
    const clean = label === undefined ? "" : printable(label);
    if (clean !== "") return clean;
  }
  return null;
}

function printable(label: string): string {
  // Control and formatting characters could make one label look like another.
  const clean = label
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
  return [...clean].slice(0, maxLabel).join("");
}

/**
 * The tuple that is unique in the store. Without a unique id each connection is its own.
 * Parts are escaped, so that no two tuples look alike.
 */
export function identityOf(
  record: Pick<ConnectionRecord, "id" | "workspace" | "owner" | "connector" | "auth" | "environment">,
  uniqueId: string | undefined,
): string {
  if (uniqueId === undefined) return `own/${record.id}`;
  return ["account", record.workspace, record.owner, record.connector, record.auth, record.environment, uniqueId]
    .map(encodeURIComponent)
    .join("/");
}

export function draftIdentity(id: string): string {
  return `draft/${id}`;
}
