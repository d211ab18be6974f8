import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import type { Credential } from "../../grant/credential.ts";
import { introspectToken } from "../../grant/introspect.ts";
import { hasRefresh, spendsOnce } from "../../grant/refresh.ts";
import { tokenTimeoutOf } from "../../grant/token-endpoint.ts";
import { TokenFailure } from "../../grant/token-failure.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { LeaseLost } from "../lease.ts";
import { clientOf, namesOf, type OpenConnection, open } from "../open.ts";
import type { ConnectionRecord } from "../record.ts";
import { answered, connectionError, scheduleRefresh } from "../sign-in/connect.ts";
import { isUsable, unusableAt } from "./expiry.ts";
import { storeOutcome } from "./outcome.ts";
import { needsReauth, readLiving } from "./refusal.ts";

/*
 * A provider that takes each refresh token only once, and may end all that follows from one which comes twice, is never sent one twice. So
 * that this holds for whoever takes over from a process that ended or was stopped, the record says that the token was sent before it is. An
 * answer that does not come back is waited for as long as somebody may still store it; the connection lives on with its access token, and
 * when that ends its person must sign in again.
 */

/** How much longer the answer is waited for that cannot be asked for again. */
const patience = 4;

/**
 * How long the answer to a refresh is waited for, in milliseconds. Where a replaced token is taken for a while, what is lost must be noticed
 * early enough to ask again.
 */
export function refreshTimeout(runtime: Runtime, auth: Auth, credential: Credential): number {
  const usual = tokenTimeoutOf(runtime);
  const grace = graceOf(auth);
  if (grace > 0) return Math.min(usual, Math.max(1_000, grace / 3));
  return spendsOnce(auth, credential) ? patience * usual : usual;
}

/** How long a replaced refresh token still works, in milliseconds. */
export const graceOf = (auth: Auth): number => (hasRefresh(auth) ? (auth.refresh.grace ?? 0) : 0);

/** Whether a refresh token was sent of which it is not known whether it is spent, and the provider may not be asked again. */
export function isUnanswered(runtime: Runtime, auth: Auth, { refreshing }: ConnectionRecord): boolean {
  return refreshing !== null && runtime.clock() >= Date.parse(refreshing) + graceOf(auth);
}

/**
 * Notes that the refresh token is about to be sent, and gives since when. Throws `LeaseLost` where somebody else has noted it, or something
 * newer is stored.
 */
export async function noteSending(runtime: Runtime, { id, credential_version, refreshing }: ConnectionRecord): Promise<string> {
  // Within the grace the first time counts.
  if (refreshing !== null) return refreshing;
  const since = new Date(runtime.clock()).toISOString();
  const written = await runtime.store.connections.update(
    id,
    { refreshing: since, refresh_lost: false },
    { expect: { credential_version, refreshing: null } },
  );
  if (written === undefined) throw new LeaseLost();
  return since;
}

/** Notes that the refresh token that was sent since then is as it was: it was refused, or never reached the provider. */
export async function noteAnswer(runtime: Runtime, record: ConnectionRecord, refreshing: string | null): Promise<void> {
  const writes = [{ expect: { refreshing }, patch: answered, events: [] }];
  await storeOutcome(runtime, { connection: record.id, version: record.credential_version, writes });
}

/** Whether a request may have reached the provider and nothing came back. */
export function isLost(cause: unknown): boolean {
  return cause instanceof JackfieldError && !(cause instanceof TokenFailure) && cause.members.sent === true;
}

/** Whether the answer may still be stored by the process that waits for it, and for how many milliseconds. */
export function awaitedFor(runtime: Runtime, { refreshing, refresh_lost }: ConnectionRecord): number {
  if (refreshing === null || refresh_lost) return 0;
  return Math.max(0, Date.parse(refreshing) + 2 * patience * tokenTimeoutOf(runtime) - runtime.clock());
}

/**
 * Asks a provider that can be asked (RFC 7662) whether the refresh token is still good, which spends nothing. Undefined where it cannot be
 * asked. Throws as `introspectToken`.
 */
export async function isUnspent(runtime: Runtime, opened: OpenConnection): Promise<boolean | undefined> {
  const { auth, credential } = opened;
  const token = credential?.refresh_token;
  if (auth.type !== "oauth2" || auth.introspection === undefined || token === undefined) return undefined;
  const client = await clientOf(runtime, opened);
  const names = namesOf(runtime, opened, client);
  const { active } = await introspectToken(runtime, auth, { token, hint: "refresh_token", client, names });
  return active;
}

/** What is said of a connection whose refresh token may be spent. */
const lostAnswer = (cause?: unknown) =>
  new JackfieldError("refresh_answer_lost", cause instanceof JackfieldError ? { detail: cause.message, cause } : {});

/** The answer will not come any more: the access token is used as long as it lives. */
export async function lose(
  runtime: Runtime,
  opened: OpenConnection,
  cause: JackfieldError,
  actor: string,
  duration: number,
): Promise<OpenConnection> {
  const { record } = opened;
  const event = runtime.events.make(record, "refresh_failed", { actor, code: "refresh_answer_lost", duration_ms: duration });
  const patch = { refresh_lost: true, reauth_by: record.expires_at, error: connectionError(lostAnswer(cause), runtime.clock()) };
  const writes = [{ expect: { status: "connected" }, patch, events: [event] }] as const;
  const written = await storeOutcome(runtime, { connection: record.id, version: record.credential_version, writes });
  if (written === undefined) return open(runtime, await readLiving(runtime, record.id));
  return goOnUnanswered(runtime, { ...opened, record: written }, actor);
}

/**
 * A refresh token was sent, and nobody knows what became of it. While the access token lives, it is used; while somebody may still store the
 * answer, it is waited for; then its person must sign in again. Throws `refresh_answer_lost`, `provider_timeout`, `needs_reauth`.
 */
export async function goOnUnanswered(runtime: Runtime, opened: OpenConnection, actor: string): Promise<OpenConnection> {
  const { record, credential } = opened;
  const now = runtime.clock();
  const awaited = awaitedFor(runtime, record);
  const usable = credential !== undefined && isUsable(credential, now);
  if (usable || awaited > 0) {
    const next = credential !== undefined && usable ? unusableAt(credential) : now + awaited;
    await refreshLater(runtime, record, next);
    if (usable && actor === system) return opened;
    if (awaited === 0) throw lostAnswer();
    throw new JackfieldError("provider_timeout", {
      detail: "The provider's answer to a refresh that another process began is still awaited.",
      retry_after: awaited,
    });
  }
  const cause = lostAnswer();
  await needsReauth(runtime, record, cause, actor);
  throw new JackfieldError("needs_reauth", { detail: cause.message, cause });
}

/** Moves the next refresh, where it is not there yet; undefined: there is nothing to wait for. */
async function refreshLater(runtime: Runtime, record: ConnectionRecord, at: number | undefined): Promise<void> {
  const refresh_at = at === undefined ? null : new Date(at).toISOString();
  if (record.refresh_at === refresh_at) return;
  const expect = { credential_version: record.credential_version, status: "connected" } as const;
  const written = await runtime.store.connections.update(record.id, { refresh_at }, { expect });
  if (written !== undefined) await scheduleRefresh(runtime, written);
}
