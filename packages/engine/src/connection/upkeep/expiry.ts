import type { Auth } from "@jackfield/manifest";
import type { Credential } from "../../grant/credential.ts";
import { hasRefresh, isRenewable } from "../../grant/refresh.ts";

const minute = 60_000;

/** The longest that a credential is refreshed ahead of its end when the manifest does not say. */
const maxLeeway = 15 * minute;

/** The longest that a refresh token is used ahead of its end. */
const longestIdleLeeway = 24 * 60 * minute;

/** Tokens that live shorter than this are not refreshed in the background. */
const shortest = 2_000;

/** A token this close to its end is not sent: it could end on the way. */
const maxMargin = 10_000;

/**
 * When the next refresh is due, in milliseconds since the epoch: before the token ends, or before the refresh token does, and not before
 * the provider allows it. Undefined where nothing is known to end.
 */
export function refreshDue(
  auth: Auth,
  credential: Credential,
  now: number,
  random: (bytes: number) => Buffer,
): number | undefined {
  if (!hasRefresh(auth) || !isRenewable(auth, credential)) return undefined;
  const jitter = random(2).readUInt16BE(0) / 0xffff;
  const dues = [tokenDue(auth, credential, now, jitter), refreshTokenDue(auth, credential, now, jitter)];
  const due = Math.min(...dues.filter((time) => time !== undefined));
  if (!Number.isFinite(due)) return undefined;
  return Math.max(now, due, obtainedAt(credential, now) + (auth.refresh.min_age ?? 0));
}

/** The end of the access token less the leeway, up to a tenth of the leeway earlier. */
function tokenDue(
  { refresh }: Extract<Auth, { refresh: unknown }>,
  credential: Credential,
  now: number,
  jitter: number,
): number | undefined {
  if (credential.expires_at === undefined) return undefined;
  const lifetime = credential.lifetime ?? Math.max(0, credential.expires_at - now);
  const leeway = refresh.leeway ?? Math.min(maxLeeway, lifetime / 5);
  // A token too short to be worth it is left to the step that needs one; and however long the leeway, half of its life is used.
  if (lifetime < shortest) return undefined;
  return Math.max(credential.expires_at - lifetime / 2, credential.expires_at - leeway - jitter * leeway * 0.1);
}

/** The end of a refresh token that dies unused, or at a time that the provider told, less a tenth of its life and at most a day. */
function refreshTokenDue(
  { refresh }: Extract<Auth, { refresh: unknown }>,
  credential: Credential,
  now: number,
  jitter: number,
): number | undefined {
  if (refresh.strategy !== "refresh_token") return undefined;
  const obtained = obtainedAt(credential, now);
  const told = credential.refresh_expires_at;
  const ends = [
    ...(refresh.idle_max === undefined ? [] : [obtained + refresh.idle_max]),
    // Where a refresh does not move the end, trying again and again at the last moment would not help.
    ...(told === undefined || told - now < minute ? [] : [told]),
  ];
  if (ends.length === 0) return undefined;
  const end = Math.min(...ends);
  const leeway = Math.min(longestIdleLeeway, (end - obtained) / 10);
  return end - leeway - jitter * leeway * 0.1;
}

/** When the credential was obtained, as far as its times tell. */
export function obtainedAt({ expires_at, lifetime }: Credential, now: number): number {
  return expires_at === undefined || lifetime === undefined ? now : Math.min(now, expires_at - lifetime);
}

/** Milliseconds until the provider replaces the credential, where it wants it to have an age first; 0: it does now. */
export function tooYoungFor(auth: Auth, credential: Credential, now: number): number {
  const least = hasRefresh(auth) ? auth.refresh.min_age : undefined;
  if (least === undefined || credential.expires_at === undefined || credential.lifetime === undefined) return 0;
  return Math.max(0, obtainedAt(credential, now) + least - now);
}

/**
 * The credential with no longer life than this deployment allows, where it can be replaced; and as long a life as it needs to have the age at
 * which its provider replaces it.
 */
export function shortened(auth: Auth, credential: Credential, longest: number | undefined, now: number): Credential {
  if (longest === undefined || !hasRefresh(auth) || !isRenewable(auth, credential)) return credential;
  const most = Math.max(longest, (auth.refresh.min_age ?? 0) + maxMargin);
  const lifetime = Math.min(credential.lifetime ?? most, most);
  const expires_at = Math.min(credential.expires_at ?? now + most, obtainedAt(credential, now) + most);
  return { ...credential, lifetime, expires_at };
}

/** When the next test is due, up to a tenth of its interval earlier; null where none is made in the background. */
export function testDue(auth: Auth, now: number, random: (bytes: number) => Buffer): string | null {
  const every = auth.test?.every;
  if (every === undefined) return null;
  return new Date(now + every - (random(2).readUInt16BE(0) / 0xffff) * every * 0.1).toISOString();
}

/** Whether the credential may still be sent. One whose end is unknown may, until the provider says no. */
export function isUsable(credential: Credential, now: number): boolean {
  const end = unusableAt(credential);
  return end === undefined || now < end;
}

/** From when on the credential is not sent any more; undefined where its end is unknown. */
export function unusableAt({ expires_at, lifetime }: Credential): number | undefined {
  if (expires_at === undefined) return undefined;
  return expires_at - Math.min(maxMargin, (lifetime ?? maxMargin * 10) / 10);
}

/** Milliseconds until the next try after `failures` failed ones: doubling from 1 s to 15 min, with full jitter above half. */
export function backoff(failures: number, random: (bytes: number) => Buffer): number {
  const full = Math.min(15 * minute, 1_000 * 2 ** Math.min(failures, 12));
  return full / 2 + (random(2).readUInt16BE(0) / 0xffff) * (full / 2);
}
