import { JackfieldError } from "../../errors.ts";
import { type FailureKind, TokenFailure } from "../../grant/token-failure.ts";
import { dropJob } from "../../jobs.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { type OpenConnection, open } from "../open.ts";
import type { ConnectionRecord } from "../record.ts";
import { connectionError, scheduleRefresh } from "../sign-in/connect.ts";
import { explain } from "../sign-in/explain.ts";
import { backoff, isUsable } from "./expiry.ts";
import { revokeAtProvider } from "./revocation.ts";

// What a refresh that failed means for its connection.

/** However long a provider asks us to wait, a day later is soon enough to ask again. */
const longestPause = 24 * 3_600_000;

/** A refusal that says nothing readable counts only when it is the third in a row, a quarter of an hour after the first (`failed`). */
const doubtsThatCount = 3;
const doubtMs = 15 * 60_000;
const doubtPause = doubtMs / 2;

/** How long steps wait at most for a provider that is ill and did not say how long. */
const longestHold = 30_000;

/** How long an application's mistake (a wrong secret) is left alone before the next try. */
const configurationPause = 15 * 60_000;

/** The record of a connection that can be refreshed. Throws `connection_revoked`, `needs_reauth`. */
export async function readLiving(runtime: Runtime, id: string): Promise<ConnectionRecord> {
  const record = await runtime.store.connections.get(id);
  if (!record || record.status === "revoked") throw new JackfieldError("connection_revoked");
  if (record.status === "needs_reauth") throw new JackfieldError("needs_reauth", detailOf(record));
  return record;
}

function detailOf(record: ConnectionRecord): { readonly detail?: string } {
  return record.error === null ? {} : { detail: record.error.message };
}

/** What a failed refresh means: see `TokenFailure`. A credential that is still valid goes on being used. */
export async function failed(
  runtime: Runtime,
  opened: OpenConnection,
  cause: JackfieldError,
  actor: string,
  duration: number,
): Promise<OpenConnection> {
  const { record, credential } = opened;
  const kind = cause instanceof TokenFailure ? cause.kind : "retry";
  const current = await readLiving(runtime, record.id);
  // A refusal counts only if the refresh token that was sent is still the stored one.
  if (current.credential_version !== record.credential_version) return open(runtime, current);

  const now = runtime.clock();
  const doubts = kind === "ambiguous" ? doubted(record, now) : null;
  if (kind === "reauthorize" || countsAsRefused(doubts, now)) {
    await needsReauth(runtime, current, cause, actor);
    throw new JackfieldError("needs_reauth", {
      detail: cause.message,
      ...(cause.provider === undefined ? {} : { provider: cause.provider }),
      cause,
    });
  }
  const failures = record.refresh_failures + 1;
  const least = Math.max(leastPause[kind], Math.min(cause.retryAfter ?? 0, longestPause));
  const pause = Math.max(least, backoff(failures, runtime.random));
  const event = runtime.events.make(record, "refresh_failed", {
    actor,
    code: cause.code,
    duration_ms: duration,
    ...(cause.provider?.status === undefined ? {} : { status: cause.provider.status }),
  });
  const written = await runtime.store.connections.update(
    record.id,
    {
      refresh_failures: failures,
      refresh_held_until: new Date(now + Math.max(least, Math.min(pause, longestHold))).toISOString(),
      refresh_doubts: doubts,
      refresh_at: new Date(now + pause).toISOString(),
      error: connectionError(explain(runtime, cause, record), now),
      updated_at: new Date(now).toISOString(),
    },
    { expect: { credential_version: record.credential_version, status: "connected" }, events: [event] },
  );
  if (written !== undefined) {
    runtime.events.announce([event]);
    await scheduleRefresh(runtime, written);
  }
  if (actor === system && credential !== undefined && isUsable(credential, now)) return opened;
  throw cause;
}

/** How long is waited at least after a failure of each kind. */
const leastPause: { readonly [K in FailureKind]: number } = {
  retry: 0,
  ambiguous: doubtPause,
  configuration: configurationPause,
  reauthorize: 0,
};

type Doubts = NonNullable<ConnectionRecord["refresh_doubts"]>;

function doubted({ refresh_doubts }: ConnectionRecord, now: number): Doubts {
  const since = refresh_doubts?.since ?? new Date(now).toISOString();
  return { count: (refresh_doubts?.count ?? 0) + 1, since };
}

function countsAsRefused(doubts: Doubts | null, now: number): boolean {
  return doubts !== null && doubts.count >= doubtsThatCount && now - Date.parse(doubts.since) >= doubtMs;
}

/** The credential is dead: its user must sign in again. Exactly one event is raised, and no job is left. */
export async function needsReauth(
  runtime: Runtime,
  record: ConnectionRecord,
  cause: JackfieldError,
  actor: string,
): Promise<void> {
  const now = runtime.clock();
  const event = runtime.events.make(record, "needs_reauth", { actor, code: cause.code });
  const written = await runtime.store.connections.update(
    record.id,
    {
      status: "needs_reauth",
      refresh_at: null,
      refresh_doubts: null,
      test_at: null,
      remind_at: null,
      error: connectionError(cause, now),
      updated_at: new Date(now).toISOString(),
    },
    { expect: { credential_version: record.credential_version, status: "connected" }, events: [event] },
  );
  if (!written) return;
  runtime.telemetry.measure("reauthorizations_needed_total", { connector: record.connector, reason: cause.code }, 1);
  runtime.events.announce([event]);
  // What was perhaps spent is not shown to the provider again, not even to end it.
  if (cause.code !== "refresh_answer_lost") await revokeAtProvider(runtime, open(runtime, written), "invalid_credentials");
  await dropJob(runtime, "refresh", record.id);
}
