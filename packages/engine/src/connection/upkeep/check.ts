import { JackfieldError } from "../../errors.ts";
import { shorten } from "../../request/shorten.ts";
import type { Runtime } from "../../runtime.ts";
import { type Actor, system } from "../actor.ts";
import { reach } from "../connections.ts";
import { labelOf } from "../identity.ts";
import { adoptVersion, connectorOf, type OpenConnection, open, publicNamesOf } from "../open.ts";
import type { ConnectionRecord, LastTest } from "../record.ts";
import type { ConnectionPatch } from "../store.ts";
import { type TestOutcome, testCall } from "../test-call.ts";
import { type Connection, view } from "../view.ts";
import { dropDuty } from "./drop-duty.ts";
import { refreshDue, testDue } from "./expiry.ts";
import type { Refresher } from "./refresh.ts";
import { needsReauth } from "./refusal.ts";
import { reminderPatch } from "./reminder.ts";

/** Longer than a test takes, with a refresh. */
const claimMs = 3 * 60_000;

/** A test of a connection, and the record as it is afterwards. */
export interface Checked {
  readonly result: TestOutcome;
  readonly record: ConnectionRecord;
}

/** The queued job: a test as often as the manifest says. What it finds is in the record; a provider's failure is none of the queue's. */
export async function checkInBackground(runtime: Runtime, refresher: Refresher, id: string): Promise<void> {
  const record = await runtime.store.connections.get(id);
  if (record === undefined || record.test_at === null || Date.parse(record.test_at) > runtime.clock()) return;
  if (record.status !== "connected") return dropDuty(runtime, record, "test");
  // Of two processes one goes on; and should it die, the test is not lost.
  const claimed = await runtime.store.connections.update(
    id,
    { test_at: new Date(runtime.clock() + claimMs).toISOString() },
    { expect: { test_at: record.test_at } },
  );
  if (claimed === undefined) return;
  try {
    await check(runtime, refresher, claimed, system);
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
    runtime.log("info", "a test could not be made", { connection: id, code: cause.code });
    // A test that cannot even be tried must not stand before all others.
    const auth = runtime.connectors.get(record.connector)?.auth[record.auth];
    const next = auth === undefined ? null : testDue(auth, runtime.clock(), runtime.random);
    await runtime.store.connections.update(id, { test_at: next }, { expect: { status: "connected" } });
  }
}

/**
 * Tests a connection. A refused credential is refreshed once, if it can be, and tested again before it counts; a provider that cannot be
 * reached changes nothing but `last_test`. The label follows the provider's answer.
 */
export async function check(runtime: Runtime, refresher: Refresher, record: ConnectionRecord, actor: string): Promise<Checked> {
  if (record.credential_version === 0) throw new JackfieldError("not_connected");
  connectorOf(runtime, record.connector);
  const opened = record.status === "connected" ? await refresher.fresh(record) : open(runtime, record);
  await adoptVersion(runtime, opened);
  const first = await testCall(runtime, opened);
  const again =
    first.outcome === "failed" && first.status === 401 && opened.record.renewable && opened.record.status === "connected";
  const last = again ? await refreshed(refresher, opened, actor) : opened;
  const result = again && last !== opened ? await testCall(runtime, last) : first;
  return { result, record: await note(runtime, last, result, actor) };
}

export interface TestResult {
  readonly ok: boolean;
  readonly outcome: LastTest["outcome"];
  readonly status?: number;
  readonly duration_ms: number;
  /** What the provider answered, without secrets, at most 4 KiB of it. */
  readonly preview?: unknown;
  readonly connection: Connection;
}

/** Tests a connection that somebody asks about. Throws as `check`. */
export async function test(runtime: Runtime, refresher: Refresher, actor: Actor, id: string): Promise<TestResult> {
  const { result, record } = await check(runtime, refresher, await reach(runtime, actor, id, "connect"), actor.id);
  const { outcome, status, duration_ms } = result;
  return {
    ok: outcome === "passed",
    outcome,
    ...(status === undefined ? {} : { status }),
    duration_ms,
    ...(result.me === undefined ? {} : { preview: shorten(result.me).output }),
    connection: view(runtime, actor, record),
  };
}

async function refreshed(refresher: Refresher, opened: OpenConnection, actor: string): Promise<OpenConnection> {
  try {
    return await refresher.refresh(opened.record.id, opened.record.credential_version, actor);
  } catch (cause) {
    if (cause instanceof JackfieldError) return opened;
    throw cause;
  }
}

async function note(runtime: Runtime, opened: OpenConnection, result: TestOutcome, actor: string): Promise<ConnectionRecord> {
  const { record, auth } = opened;
  const now = new Date(runtime.clock()).toISOString();
  const status = result.status === undefined ? {} : { status: result.status };
  const lastTest: LastTest = { at: now, outcome: result.outcome, ...status, duration_ms: result.duration_ms };
  const event = runtime.events.make(record, "tested", {
    actor,
    ...status,
    duration_ms: result.duration_ms,
    ...(result.outcome === "passed" ? {} : { code: result.error.code }),
  });
  const label = result.outcome === "passed" ? await labelOf(auth, { ...publicNamesOf(runtime, opened), me: result.me }) : null;
  const passed =
    result.outcome === "passed" ? { error: null, ...(label === null ? {} : { label }), ...healed(runtime, opened) } : {};
  const recovered = "status" in passed ? [runtime.events.make(record, "recovered", { actor })] : [];
  const events = [event, ...recovered];
  const works = record.status === "connected" || recovered.length > 0;
  const written = await runtime.store.connections.update(
    record.id,
    { last_test: lastTest, test_at: works ? testDue(auth, runtime.clock(), runtime.random) : null, ...passed, updated_at: now },
    { expect: { credential_version: record.credential_version, status: record.status }, events },
  );
  // Another credential came meanwhile, or this one was judged: this test says nothing more about it.
  if (written === undefined) return current(runtime, record);
  runtime.events.announce(events);
  if (result.outcome !== "failed" || !result.refused) return written;
  await needsReauth(runtime, written, result.error, actor);
  return current(runtime, written);
}

async function current(runtime: Runtime, record: ConnectionRecord): Promise<ConnectionRecord> {
  const found = await runtime.store.connections.get(record.id);
  if (found === undefined || found.status === "revoked") throw new JackfieldError("connection_revoked");
  return found;
}

/** The provider takes the stored credential after all: a connection that was given up works again. */
function healed(runtime: Runtime, { record, auth, credential }: OpenConnection): ConnectionPatch {
  if (record.status !== "needs_reauth") return {};
  const now = runtime.clock();
  const due = credential && refreshDue(auth, credential, now, runtime.random);
  return {
    status: "connected",
    refresh_at: due === undefined ? null : new Date(due).toISOString(),
    refresh_failures: 0,
    refresh_held_until: null,
    // Who had it tested wants to use it.
    last_used_at: new Date(now).toISOString(),
    ...(credential === undefined ? {} : reminderPatch({ ...record, reauth_by: null }, auth, credential, undefined, now)),
  };
}
