import { type ConnectionPatch, type ConnectionRecord, type Expected, untold } from "@jackfield/engine";

/*
 * What every adapter makes of a connection: the keys beside the record that it is found by, and the record after a change.
 */

/** The record of a stored text. One of before there was a key has what is said of it where nothing is known. */
export function parseConnection(text: string): ConnectionRecord {
  const record = JSON.parse(text);
  for (const [key, value] of early) record[key] ??= value;
  return record as ConnectionRecord;
}

const early = Object.entries(untold);

/** What is searched for is compared in this form: JavaScript folds the case of every script, SQLite only of ASCII. */
export const folded = (text: string) => text.normalize("NFC").toLowerCase();

export const searchText = (record: ConnectionRecord) =>
  folded([record.name, record.label, record.description, record.unique_id].filter((text) => text !== null).join("\n"));

/** Whether something will still be sent by the definition of its version. */
export const needsVersion = ({ alias_of, status, revoke_at }: ConnectionRecord) =>
  alias_of === null && (status !== "revoked" || revoke_at !== null);

/** When it was used or signed in to the last time. Times of one form are in the order of their texts. */
export const lastActivity = ({ last_used_at, authorized_at, created_at }: ConnectionRecord): string =>
  [last_used_at ?? created_at, authorized_at ?? created_at].toSorted().at(-1) ?? created_at;

/** Whether a record is as a change expects it. */
export const isAs = (record: ConnectionRecord, expect: Expected = {}): boolean =>
  Object.entries(expect).every(([key, value]) => value === undefined || value === record[key as keyof ConnectionRecord]);

/** A record with the keys of a patch that are set. */
export const patched = (record: ConnectionRecord, patch: ConnectionPatch): ConnectionRecord => ({
  ...record,
  ...Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)),
});
