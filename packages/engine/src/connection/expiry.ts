import type { Auth } from "@jackfield/manifest";
import type { Credential } from "../grant/credential.ts";
import { hasRefresh, isRenewable } from "../grant/refresh.ts";

const minute = 60_000;

/** The longest that a credential is refreshed ahead of its end when the manifest does not say. */
const maxLeeway = 15 * minute;

/** Tokens that live shorter than this are not refreshed in the background. */
const shortest = 2_000;

/** A token this close to its end is not sent: it could end on the way. */
const maxMargin = 10_000;

/** When the next refresh is due, in milliseconds since the epoch: the end less the leeway, up to a tenth of the leeway earlier. */
export function refreshDue(
  auth: Auth,
  credential: Credential,
  now: number,
  random: (bytes: number) => Buffer,
): number | undefined {
  if (!hasRefresh(auth) || !isRenewable(auth, credential) || credential.expires_at === undefined) return undefined;
  const lifetime = credential.lifetime ?? Math.max(0, credential.expires_at - now);
  const leeway = auth.refresh.leeway ?? Math.min(maxLeeway, lifetime / 5);
  // A token too short to be worth it is left to the step that needs one; and however long the leeway, half of its life is used.
  if (lifetime < shortest) return undefined;
  const jitter = (random(2).readUInt16BE(0) / 0xffff) * leeway * 0.1;
  return Math.max(now, credential.expires_at - lifetime / 2, credential.expires_at - leeway - jitter);
}

/** Whether the credential may still be sent. One whose end is unknown may, until the provider says no. */
export function isUsable(credential: Credential, now: number): boolean {
  if (credential.expires_at === undefined) return true;
  const margin = Math.min(maxMargin, (credential.lifetime ?? maxMargin * 10) / 10);
  return now < credential.expires_at - margin;
}

/** Milliseconds until the next try after `failures` failed ones: doubling from 1 s to 15 min, with full jitter above half. */
export function backoff(failures: number, random: (bytes: number) => Buffer): number {
  const full = Math.min(15 * minute, 1_000 * 2 ** Math.min(failures, 12));
  return full / 2 + (random(2).readUInt16BE(0) / 0xffff) * (full / 2);
}
