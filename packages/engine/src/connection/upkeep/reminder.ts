import type { Auth } from "@jackfield/manifest";
import type { Credential } from "../../grant/credential.ts";
import { hasRefresh, isRenewable } from "../../grant/refresh.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import type { ConnectionRecord } from "../record.ts";
import type { ConnectionPatch } from "../store.ts";
import { dropDuty } from "./drop-duty.ts";

const minute = 60_000;
const day = 86_400_000;

/** The longest that a reminder comes ahead. */
const longestNotice = 14 * day;

/** Who must sign in again within a day knows it without being reminded. */
const shortest = day;

/**
 * When the access ends unless its person signs in again, in milliseconds since the epoch: a token that cannot be replaced, a limit that
 * counts from the sign-in, or a refresh token whose end a refresh did not move. Undefined where nothing is known to end.
 */
export function accessEnd(
  auth: Auth,
  credential: Credential,
  authorizedAt: number,
  before: Credential | undefined,
): number | undefined {
  if (!isRenewable(auth, credential)) return credential.expires_at;
  const maxAge = hasRefresh(auth) ? auth.refresh.max_age : undefined;
  const told = credential.refresh_expires_at;
  const known = before?.refresh_expires_at;
  const stays = told !== undefined && known !== undefined && told <= known + minute;
  const ends = [...(maxAge === undefined ? [] : [authorizedAt + maxAge]), ...(stays ? [told] : [])];
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** The end of the access, and when to remind of it: once for each end. */
export function reminderPatch(
  record: Pick<ConnectionRecord, "authorized_at" | "reauth_by" | "remind_at">,
  auth: Auth,
  credential: Credential,
  before: Credential | undefined,
  now: number,
): Pick<ConnectionPatch, "reauth_by" | "remind_at"> {
  const since = record.authorized_at === null ? now : Date.parse(record.authorized_at);
  const end = accessEnd(auth, credential, since, before);
  if (end === undefined) return { reauth_by: null, remind_at: null };
  const known = record.reauth_by === null ? undefined : Date.parse(record.reauth_by);
  if (known !== undefined && Math.abs(known - end) <= minute) return { reauth_by: record.reauth_by, remind_at: record.remind_at };
  const notice = Math.min(longestNotice, (end - since) / 4);
  const remindAt = end - since < shortest ? null : new Date(Math.max(now, end - notice)).toISOString();
  return { reauth_by: new Date(end).toISOString(), remind_at: remindAt };
}

/** The queued job: says once that the access will end. */
export async function remind(runtime: Runtime, id: string): Promise<void> {
  const record = await runtime.store.connections.get(id);
  if (record === undefined || record.remind_at === null || Date.parse(record.remind_at) > runtime.clock()) return;
  if (record.status !== "connected") return dropDuty(runtime, record, "remind");
  const event = runtime.events.make(record, "expiring", { actor: system });
  const expect = { credential_version: record.credential_version, remind_at: record.remind_at };
  const written = await runtime.store.connections.update(id, { remind_at: null }, { expect, events: [event] });
  if (written !== undefined) runtime.events.announce([event]);
}
