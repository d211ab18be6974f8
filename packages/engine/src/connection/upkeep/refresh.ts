import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import type { Credential } from "../../grant/credential.ts";
import { grantOf } from "../../grant/grant.ts";
import { hasRefresh, refreshCredential } from "../../grant/refresh.ts";
import { type FailureKind, TokenFailure } from "../../grant/token-failure.ts";
import { dropJob } from "../../jobs.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { AppPaused, asClient, waitForApp } from "../app/pause.ts";
import { underLease } from "../lease.ts";
import { adoptVersion, namesOf, type OpenConnection, open, place } from "../open.ts";
import type { ConnectionEvent, ConnectionRecord, Status } from "../record.ts";
import { scopesToAsk } from "../scopes.ts";
import { connectionError, scheduleRefresh, tokenPatch } from "../sign-in/connect.ts";
import { explain } from "../sign-in/explain.ts";
import type { ConnectionPatch } from "../store.ts";
import { dropDuty } from "./drop-duty.ts";
import { backoff, isUsable, testDue, tooYoungFor } from "./expiry.ts";
import { revokeAtProvider } from "./revocation.ts";

/*
 * At most one refresh of a connection runs anywhere. In this process callers share one promise; across processes a lease saves calls;
 * and correctness rests on the credential's version, which every write of a credential is guarded by.
 */

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

export interface Refresher {
  /** The connection with a credential that can be sent now; refreshes only if it must. Throws as `refresh`. */
  fresh(record: ConnectionRecord): Promise<OpenConnection>;
  /**
   * Replaces the credential if it is still the one of `version`; otherwise takes the newer one that is there. Throws `needs_reauth`,
   * `not_renewable`, and what the provider or the way to it got wrong.
   */
  refresh(id: string, version: number, actor: string): Promise<OpenConnection>;
  /** The queued job: refreshes if it is due, swallows what will be tried again. */
  work(id: string): Promise<void>;
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
    const promise = leased(runtime, owner, id, version, actor).finally(() => running.delete(id));
    running.set(id, promise);
    return promise;
  };

  return {
    refresh,
    async fresh(record) {
      const opened = open(runtime, record);
      if (opened.credential === undefined || isUsable(opened.credential, runtime.clock())) return opened;
      if (!record.renewable) return ended(runtime, record);
      refuseTooSoon(runtime, record);
      return refresh(record.id, record.credential_version, system);
    },
    async work(id) {
      const record = await runtime.store.connections.get(id);
      if (record === undefined || record.refresh_at === null) return;
      if (record.status !== "connected") return dropDuty(runtime, record, "refresh");
      if (Date.parse(record.refresh_at) > runtime.clock()) return scheduleRefresh(runtime, record);
      try {
        await refresh(id, record.credential_version, system);
      } catch (cause) {
        if (!(cause instanceof JackfieldError)) throw cause;
        runtime.log("info", "a refresh failed", { connection: id, code: cause.code });
        await postpone(runtime, id);
      }
    },
  };
}

/**
 * After a refresh that failed, steps wait as long as the provider asked, or as its answer must be left alone, and otherwise a moment only:
 * an outage should not outlive itself. Until then its error is theirs.
 */
function refuseTooSoon(runtime: Runtime, record: ConnectionRecord): void {
  const wait = record.refresh_held_until === null ? 0 : Date.parse(record.refresh_held_until) - runtime.clock();
  if (wait <= 0) return;
  const { error } = record;
  throw new JackfieldError(error?.code ?? "provider_unavailable", {
    ...(error === null ? {} : { detail: error.message }),
    ...(error?.provider === undefined ? {} : { provider: error.provider }),
    retry_after: wait,
  });
}

/** A job that could not even be tried (its connector is gone, its secrets do not open) must not stand before all others for ever. */
async function postpone(runtime: Runtime, id: string): Promise<void> {
  const record = await runtime.store.connections.get(id);
  if (record?.status !== "connected" || record.refresh_at === null || Date.parse(record.refresh_at) > runtime.clock()) return;
  const failures = record.refresh_failures + 1;
  const next = new Date(runtime.clock() + backoff(failures, runtime.random)).toISOString();
  const expect = { credential_version: record.credential_version };
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
  const lease = { key: `refresh/${id}`, owner, late: "Another process is still refreshing this connection." };
  return underLease(
    runtime,
    lease,
    () => newerThan(runtime, id, version),
    () => exchange(runtime, id, actor),
  );
}

/** The connection, if somebody else has stored a newer credential meanwhile. */
async function newerThan(runtime: Runtime, id: string, version: number): Promise<OpenConnection | undefined> {
  const record = await read(runtime, id);
  return record.credential_version > version ? open(runtime, record) : undefined;
}

async function read(runtime: Runtime, id: string): Promise<ConnectionRecord> {
  const record = await runtime.store.connections.get(id);
  if (!record || record.status === "revoked") throw new JackfieldError("connection_revoked");
  if (record.status === "needs_reauth") throw new JackfieldError("needs_reauth", detailOf(record));
  return record;
}

function detailOf(record: ConnectionRecord): { readonly detail?: string } {
  return record.error === null ? {} : { detail: record.error.message };
}

async function exchange(runtime: Runtime, id: string, actor: string): Promise<OpenConnection> {
  const record = await read(runtime, id);
  const opened = open(runtime, record);
  const { auth, credential } = opened;
  if (!record.renewable || credential === undefined || !hasRefresh(auth)) {
    throw new JackfieldError("not_renewable");
  }
  refuseTooYoung(runtime, auth, credential);
  await adoptVersion(runtime, opened);
  const started = runtime.clock();
  let answer: Credential;
  const anew = auth.refresh.strategy === "reissue" && grantOf(auth).obtain !== undefined;
  let asked = anew ? await scopesToAsk(opened) : record.scopes;
  let brought: Pick<Credential, "refresh_token" | "refresh_expires_at"> | undefined;
  const onRefreshToken = (refresh_token: string, refresh_expires_at: number | undefined): void => {
    brought = { refresh_token, refresh_expires_at: refresh_expires_at ?? credential.refresh_expires_at };
  };
  try {
    answer = await asClient(runtime, opened, "refresh", (client) => {
      const request = { credential, client, names: namesOf(runtime, opened, client) };
      const ask = (scopes: readonly string[]) => refreshCredential({ ...runtime, onRefreshToken }, auth, { ...request, scopes });
      const askTwice = (scopes: readonly string[]) =>
        ask(scopes).catch((cause: unknown) => {
          if (!isLost(cause, auth)) throw cause;
          runtime.log("info", "a refresh whose answer was lost is made once more", { connection: id });
          return ask(scopes);
        });
      return askTwice(asked).catch(async (cause: unknown) => {
        // What an action missed may be nothing that this app can get: the connection lives on with what it has.
        const held = await scopesToAsk({ ...opened, record: { ...record, missing_scopes: [] } });
        if (!anew || !isScopeRefused(cause) || held.length === asked.length) throw cause;
        asked = held;
        return ask(held);
      });
    });
  } catch (cause) {
    const duration = runtime.clock() - started;
    const kept = brought === undefined ? opened : await keep(runtime, opened, { ...credential, ...brought });
    if (!(cause instanceof JackfieldError)) throw cause;
    if (cause instanceof AppPaused) return waitForApp(runtime, kept, cause, actor, duration);
    return failed(runtime, kept, cause, actor, duration);
  }
  return persist(runtime, opened, answer, asked.length === 0 ? record.scopes : asked, actor, runtime.clock() - started);
}

/** Some providers hand out the same token again, or none, before it has an age. Throws `refresh_too_soon`. */
function refuseTooYoung(runtime: Runtime, auth: Auth, credential: Credential): void {
  const wait = tooYoungFor(auth, credential, runtime.clock());
  if (wait === 0) return;
  throw new JackfieldError("refresh_too_soon", {
    detail: `The provider replaces this token in ${Math.ceil(wait / 60_000)} min at the earliest.`,
    retry_after: wait,
  });
}

/**
 * Whether the request may have reached the provider and its answer was lost. Where the provider takes a replaced refresh token for a
 * while, the same request is made once more within that time.
 */
function isLost(cause: unknown, auth: Auth): boolean {
  const { grace = 0 } = hasRefresh(auth) ? auth.refresh : {};
  return grace > 0 && cause instanceof JackfieldError && !(cause instanceof TokenFailure) && cause.members.sent === true;
}

const isScopeRefused = (cause: unknown) => cause instanceof JackfieldError && cause.code === "scope_refused";

/** A refresh that failed after the provider had replaced the refresh token: the new one is stored with the access token that is left. */
async function keep(runtime: Runtime, opened: OpenConnection, credential: Credential): Promise<OpenConnection> {
  const { record } = opened;
  if (credential.refresh_token === opened.credential?.refresh_token) return opened;
  const written = await write(runtime, record, {
    sealed_credential: runtime.sealer.seal(place(record, "credential"), credential),
    credential_version: record.credential_version + 1,
    updated_at: new Date(runtime.clock()).toISOString(),
  });
  return written === undefined ? opened : { ...opened, record: written, credential };
}

async function persist(
  runtime: Runtime,
  opened: OpenConnection,
  answer: Credential,
  assumed: readonly string[],
  actor: string,
  duration: number,
): Promise<OpenConnection> {
  const { record, auth } = opened;
  const scopes = { asked: [...new Set([...record.scopes, ...record.missing_scopes])], assumed };
  const event = runtime.events.make(record, "refreshed", { actor, duration_ms: duration });
  const patch: ConnectionPatch = {
    ...tokenPatch(runtime, record, auth, answer, scopes, opened.credential),
    credential_version: record.credential_version + 1,
    status: "connected",
    error: null,
    updated_at: new Date(runtime.clock()).toISOString(),
  };
  // A test may have given the old credential up meanwhile; the provider has just given another.
  const recovered = runtime.events.make(record, "recovered", { actor });
  const well = await write(runtime, record, patch, [event], "connected");
  const again = { ...patch, test_at: testDue(auth, runtime.clock(), runtime.random) };
  const written = well ?? (await write(runtime, record, again, [event, recovered], "needs_reauth"));
  if (written === undefined) return open(runtime, await read(runtime, record.id));
  runtime.events.announce(well === undefined ? [event, recovered] : [event]);
  await scheduleRefresh(runtime, written);
  return { ...opened, record: written, credential: answer, known: answer.known ?? opened.known };
}

/**
 * Writes a new credential; undefined where a new sign-in was stored meanwhile, which is newer. A provider may have thrown the old refresh
 * token away already, so a store that does not take it is asked again until it does: the answer is never dropped.
 */
async function write(
  runtime: Runtime,
  record: ConnectionRecord,
  patch: ConnectionPatch,
  events: readonly ConnectionEvent[] = [],
  status?: Status,
): Promise<ConnectionRecord | undefined> {
  const expect = { credential_version: record.credential_version, ...(status === undefined ? {} : { status }) };
  for (let failures = 0; ; failures += 1) {
    try {
      return await runtime.store.connections.update(record.id, patch, { expect, events });
    } catch (cause) {
      if (cause instanceof JackfieldError) throw cause;
      runtime.log("error", "a refreshed credential could not be stored and is kept", { connection: record.id, failures, cause });
      await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 100 * 2 ** failures)));
    }
  }
}

/** What a failed refresh means: see `TokenFailure`. A credential that is still valid goes on being used. */
async function failed(
  runtime: Runtime,
  opened: OpenConnection,
  cause: JackfieldError,
  actor: string,
  duration: number,
): Promise<OpenConnection> {
  const { record, credential } = opened;
  const kind = cause instanceof TokenFailure ? cause.kind : "retry";
  const current = await read(runtime, record.id);
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
  runtime.events.announce([event]);
  await revokeAtProvider(runtime, open(runtime, written), "invalid_credentials");
  await dropJob(runtime, "refresh", record.id);
}
