import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import type { Credential } from "../../grant/credential.ts";
import { grantOf } from "../../grant/grant.ts";
import { hasRefresh, refreshCredential, spendsOnce } from "../../grant/refresh.ts";
import { TokenFailure } from "../../grant/token-failure.ts";
import type { Runtime } from "../../runtime.ts";
import type { RefreshOutcome } from "../../telemetry.ts";
import { AppPaused, asClient, waitForApp } from "../app/pause.ts";
import type { Held } from "../lease.ts";
import { adoptVersion, namesOf, type OpenConnection, open, place } from "../open.ts";
import type { ConnectionRecord } from "../record.ts";
import { scopesToAsk } from "../scopes.ts";
import { answered, scheduleRefresh, tokenPatch } from "../sign-in/connect.ts";
import type { ConnectionPatch } from "../store.ts";
import { testDue, tooYoungFor } from "./expiry.ts";
import {
  awaitedFor,
  goOnUnanswered,
  graceOf,
  isLost,
  isUnanswered,
  isUnspent,
  lose,
  noteAnswer,
  noteSending,
  refreshTimeout,
} from "./one-time.ts";
import { storeOutcome } from "./outcome.ts";
import { appOf } from "./pace.ts";
import { failed, readLiving } from "./refusal.ts";

// One try of a refresh, by whoever holds its lease: what is asked of the provider, and what becomes of the answer.

/** Replaces the credential of a connection as it was read under the lease. Throws as `Refresher.refresh`, and `LeaseLost`. */
export async function attemptRefresh(
  runtime: Runtime,
  record: ConnectionRecord,
  actor: string,
  held: Held,
): Promise<OpenConnection> {
  const opened = open(runtime, record);
  const { auth, credential } = opened;
  if (!record.renewable || credential === undefined || !hasRefresh(auth)) throw new JackfieldError("not_renewable");
  refuseTooYoung(runtime, auth, credential);
  await adoptVersion(runtime, opened);
  const once = spendsOnce(auth, credential);
  if (once && isUnanswered(runtime, auth, record)) {
    // Whoever noted it may still send it: until that is over, an unspent token says nothing.
    if (awaitedFor(runtime, record) > 0 || (await isUnspent(runtime, opened)) !== true)
      return goOnUnanswered(runtime, opened, actor);
    await noteAnswer(runtime, record, record.refreshing);
    return attemptRefresh(runtime, await readLiving(runtime, record.id), actor, held);
  }
  const attempt: Attempt = { once, noted: undefined, brought: undefined };
  const started = runtime.clock();
  let found: Awaited<ReturnType<typeof ask>>;
  try {
    found = await ask(runtime, opened, attempt, held);
  } catch (cause) {
    return unrefreshed(runtime, opened, attempt, { cause, actor, duration: runtime.clock() - started });
  }
  return persist(runtime, opened, found.answer, found.scopes, actor, runtime.clock() - started);
}

/** How far one try of a refresh has come. */
interface Attempt {
  /** Whether the provider takes the refresh token a single time. */
  readonly once: boolean;
  /** Since when it is noted that the refresh token was sent; undefined where it is not. */
  noted: string | undefined;
  /** What came in place of the refresh token before something else failed. */
  brought: Pick<Credential, "refresh_token" | "refresh_expires_at"> | undefined;
}

/** Asks the provider for another credential. Gives what came of it and the scopes that count as granted where the answer does not tell. */
async function ask(
  runtime: Runtime,
  opened: OpenConnection,
  attempt: Attempt,
  held: Held,
): Promise<{ readonly answer: Credential; readonly scopes: readonly string[] }> {
  const { record, auth, credential } = opened;
  if (credential === undefined || !hasRefresh(auth)) throw new JackfieldError("not_renewable");
  const anew = auth.refresh.strategy === "reissue" && grantOf(auth).obtain !== undefined;
  const wanted = anew ? await scopesToAsk(opened) : record.scopes;
  const onRefreshToken = (refresh_token: string, refresh_expires_at: number | undefined): void => {
    attempt.brought = { refresh_token, refresh_expires_at: refresh_expires_at ?? credential.refresh_expires_at };
  };
  // As late as can be: a process that ends after it leaves a connection of which nobody knows whether its token is spent.
  const beforeSend = async (): Promise<void> => {
    if (attempt.once) attempt.noted ??= await noteSending(runtime, record);
    else held.check();
  };
  const context = { ...runtime, onRefreshToken, beforeSend, timeout: refreshTimeout(runtime, auth, credential) };
  return asClient(runtime, opened, "refresh", async (client) => {
    const request = { credential, client, names: namesOf(runtime, opened, client) };
    const send = (scopes: readonly string[]) => refreshCredential(context, auth, { ...request, scopes });
    const sendAgain = (scopes: readonly string[]) => (cause: unknown) => {
      if (!isLost(cause) || !auth.refresh.grace) throw cause;
      runtime.log("info", "a refresh whose answer was lost is made once more", { connection: record.id });
      return send(scopes);
    };
    const get = async (scopes: readonly string[]) => ({ answer: await send(scopes).catch(sendAgain(scopes)), scopes });
    return get(wanted).catch(async (cause: unknown) => {
      // What an action missed may be nothing that this app can get: the connection lives on with what it has.
      const had = await scopesToAsk({ ...opened, record: { ...record, missing_scopes: [] } });
      if (!anew || !isScopeRefused(cause) || had.length === wanted.length) throw cause;
      return get(had);
    });
  });
}

interface Unrefreshed {
  readonly cause: unknown;
  readonly actor: string;
  readonly duration: number;
}

/** What becomes of a refresh that brought no credential. Gives the connection where it can go on as it is. Throws otherwise. */
async function unrefreshed(
  runtime: Runtime,
  opened: OpenConnection,
  { once, noted, brought }: Attempt,
  { cause, actor, duration }: Unrefreshed,
): Promise<OpenConnection> {
  const { auth, credential } = opened;
  countRefresh(runtime, opened.record, outcomeOf(cause), cause instanceof AppPaused && !cause.asked ? undefined : duration);
  if (cause instanceof TokenFailure && cause.retryAfter !== undefined) runtime.pace.hold(appOf(opened.record), cause.retryAfter);
  const lost = once && isLost(cause) && brought === undefined;
  if (noted !== undefined && !lost && brought === undefined) await noteAnswer(runtime, opened.record, noted);
  if (!(cause instanceof JackfieldError)) throw cause;
  const kept =
    brought === undefined || credential === undefined ? opened : await keep(runtime, opened, { ...credential, ...brought });
  if (cause instanceof AppPaused) return waitForApp(runtime, kept, cause, actor, duration);
  if (lost && graceOf(auth) === 0) return lose(runtime, opened, cause, actor, duration);
  return failed(runtime, kept, cause, actor, duration);
}

function outcomeOf(cause: unknown): RefreshOutcome {
  if (cause instanceof AppPaused) return cause.asked ? "configuration" : "paused";
  if (cause instanceof TokenFailure) return cause.kind;
  return isLost(cause) ? "lost" : "retry";
}

/** Counts how a refresh ended; `duration` in milliseconds, where the provider was asked. */
export function countRefresh(
  { telemetry }: Runtime,
  { connector }: ConnectionRecord,
  outcome: RefreshOutcome,
  duration?: number,
): void {
  telemetry.note({ connector, outcome });
  telemetry.measure("refreshes_total", { connector, outcome }, 1);
  if (duration !== undefined) telemetry.measure("refresh_duration_seconds", {}, duration / 1000);
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

const isScopeRefused = (cause: unknown) => cause instanceof JackfieldError && cause.code === "scope_refused";

/** A refresh that failed after the provider had replaced the refresh token: the new one is stored with the access token that is left. */
async function keep(runtime: Runtime, opened: OpenConnection, credential: Credential): Promise<OpenConnection> {
  const { record } = opened;
  if (credential.refresh_token === opened.credential?.refresh_token) return opened;
  const patch: ConnectionPatch = {
    ...answered,
    sealed_credential: runtime.sealer.seal(place(record, "credential"), credential),
    credential_version: record.credential_version + 1,
    updated_at: new Date(runtime.clock()).toISOString(),
  };
  const writes = [{ patch, events: [] }];
  const written = await storeOutcome(runtime, { connection: record.id, version: record.credential_version, writes });
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
  const again = { ...patch, test_at: testDue(auth, runtime.clock(), runtime.random) };
  const written = await storeOutcome(runtime, {
    connection: record.id,
    version: record.credential_version,
    writes: [
      { expect: { status: "connected" }, patch, events: [event] },
      { expect: { status: "needs_reauth" }, patch: again, events: [event, recovered] },
    ],
  });
  countRefresh(runtime, record, written === undefined ? "unchanged" : "refreshed", duration);
  // A new sign-in was stored meanwhile, which is newer.
  if (written === undefined) return open(runtime, await readLiving(runtime, record.id));
  await scheduleRefresh(runtime, written);
  return { ...opened, record: written, credential: answer, known: answer.known ?? opened.known };
}
