import { JackfieldError } from "../../errors.ts";
import { tokenTimeoutOf } from "../../grant/token-endpoint.ts";
import { putJob } from "../../jobs.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { underLease } from "../lease.ts";
import { type OpenConnection, open } from "../open.ts";
import type { ConnectionRecord } from "../record.ts";
import { scheduleRefresh } from "../sign-in/connect.ts";
import { attemptRefresh, countRefresh } from "./attempt.ts";
import { dropDuty } from "./drop-duty.ts";
import { backoff, isUsable } from "./expiry.ts";
import { appOf } from "./pace.ts";
import { needsReauth, readLiving } from "./refusal.ts";

/*
 * At most one refresh of a connection runs anywhere. In this process callers share one promise; across processes a lease saves calls;
 * and correctness rests on the credential's version, which every write of a credential is guarded by.
 */

/** How long the end of the process is put off for answers that are on their way, in milliseconds. */
const longestEnd = 25_000;

export interface Refresher {
  /**
   * The connection with a credential that can be sent now; refreshes only if it must. `ahead`: also if it ends within so many
   * milliseconds, where that is possible. Throws as `refresh`.
   */
  fresh(record: ConnectionRecord, ahead?: number): Promise<OpenConnection>;
  /**
   * Replaces the credential if it is still the one of `version`; otherwise takes the newer one that is there. Throws `needs_reauth`,
   * `not_renewable`, and what the provider or the way to it got wrong.
   */
  refresh(id: string, version: number, actor: string): Promise<OpenConnection>;
  /** The queued job: refreshes if it is due, swallows what will be tried again. */
  work(id: string): Promise<void>;
  /** Resolves when no refresh is under way, or one has taken too long to wait for. */
  settled(): Promise<void>;
}

/** `owner` names this process in leases. */
export function createRefresher(runtime: Runtime, owner: string): Refresher {
  const running = new Map<string, Promise<OpenConnection>>();

  const refresh = async (id: string, version: number, actor: string): Promise<OpenConnection> => {
    const shared = running.get(id);
    if (shared) {
      const opened = await shared;
      // The platform's own try may have gone on with the old credential; whoever insists tries once more.
      if (actor === system || opened.record.credential_version > version) return opened;
      if (running.has(id)) return refresh(id, version, actor);
    }
    const promise = runtime.telemetry
      .span("refresh", {}, () => leased(runtime, owner, id, version, actor))
      .finally(() => running.delete(id));
    running.set(id, promise);
    return promise;
  };

  /** What still works is used if it cannot be replaced now. */
  const early = async (opened: OpenConnection): Promise<OpenConnection> => {
    const { record } = opened;
    if (!record.renewable || heldFor(runtime, record) > 0) return opened;
    return refresh(record.id, record.credential_version, system).catch((cause: unknown) => {
      if (cause instanceof JackfieldError && cause.code !== "needs_reauth") return opened;
      throw cause;
    });
  };

  return {
    refresh,
    async fresh(record, ahead = 0) {
      const opened = open(runtime, record);
      const { credential } = opened;
      if (credential === undefined || isUsable(credential, runtime.clock() + ahead)) return opened;
      if (isUsable(credential, runtime.clock())) return early(opened);
      if (!record.renewable) return ended(runtime, record);
      refuseTooSoon(runtime, record);
      return refresh(record.id, record.credential_version, system);
    },
    async work(id) {
      const record = await runtime.store.connections.get(id);
      if (record === undefined || record.refresh_at === null) return;
      if (record.status !== "connected") return dropDuty(runtime, record, "refresh");
      const lag = runtime.clock() - Date.parse(record.refresh_at);
      if (lag < 0) return scheduleRefresh(runtime, record);
      const wait = await runtime.pace.run(appOf(record), async () => {
        runtime.telemetry.measure("refresh_lag_seconds", {}, lag / 1000);
        try {
          await refresh(id, record.credential_version, system);
        } catch (cause) {
          if (!(cause instanceof JackfieldError)) throw cause;
          runtime.log("info", "a refresh failed", { connection: id, code: cause.code });
          await postpone(runtime, id);
        }
      });
      if (wait > 0) await putJob(runtime, { kind: "refresh", id, due: runtime.clock() + wait });
    },
    async settled() {
      const late = AbortSignal.timeout(longestEnd);
      const over = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve(), { once: true }));
      await Promise.race([Promise.allSettled(running.values()), over]);
    },
  };
}

/**
 * After a refresh that failed, steps wait as long as the provider asked, or as its answer must be left alone, and otherwise a moment only:
 * an outage should not outlive itself. Until then its error is theirs.
 */
function refuseTooSoon(runtime: Runtime, record: ConnectionRecord): void {
  const wait = heldFor(runtime, record);
  if (wait <= 0) return;
  const { error } = record;
  throw new JackfieldError(error?.code ?? "provider_unavailable", {
    ...(error === null ? {} : { detail: error.message }),
    ...(error?.provider === undefined ? {} : { provider: error.provider }),
    retry_after: wait,
  });
}

/** Milliseconds for which a refresh that failed is not tried again by steps. */
function heldFor({ clock }: Runtime, { refresh_held_until: until }: ConnectionRecord): number {
  return until === null ? 0 : Math.max(0, Date.parse(until) - clock());
}

/** A job that could not even be tried (its connector is gone, its secrets do not open) must not stand before all others for ever. */
async function postpone(runtime: Runtime, id: string): Promise<void> {
  const record = await runtime.store.connections.get(id);
  if (record?.status !== "connected" || record.refresh_at === null || Date.parse(record.refresh_at) > runtime.clock()) return;
  const failures = record.refresh_failures + 1;
  const next = new Date(runtime.clock() + backoff(failures, runtime.random)).toISOString();
  const expect = { credential_version: record.credential_version, status: "connected" } as const;
  await runtime.store.connections.update(id, { refresh_failures: failures, refresh_at: next }, { expect });
}

/** A token that has run out and cannot be refreshed. */
async function ended(runtime: Runtime, record: ConnectionRecord): Promise<never> {
  const cause = new JackfieldError("not_renewable", {
    detail: "The access has run out, and this provider gives no way to refresh it.",
  });
  await needsReauth(runtime, record, cause, system);
  throw new JackfieldError("needs_reauth", { detail: cause.message, cause });
}

async function leased(runtime: Runtime, owner: string, id: string, version: number, actor: string): Promise<OpenConnection> {
  const usual = tokenTimeoutOf(runtime);
  const lease = {
    key: `refresh/${id}`,
    owner,
    ms: Math.ceil((usual * 4) / 3),
    late: "Another process is still refreshing this connection.",
  };
  return underLease(
    runtime,
    lease,
    async () => newerThan(runtime, await readLiving(runtime, id), version),
    async (held) => {
      const record = await readLiving(runtime, id);
      return newerThan(runtime, record, version) ?? attemptRefresh(runtime, record, actor, held);
    },
  );
}

/** The connection, if somebody else has stored a newer credential meanwhile. */
function newerThan(runtime: Runtime, record: ConnectionRecord, version: number): OpenConnection | undefined {
  if (record.credential_version <= version) return undefined;
  countRefresh(runtime, record, "unchanged");
  return open(runtime, record);
}
