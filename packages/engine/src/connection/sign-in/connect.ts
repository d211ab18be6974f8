import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import type { Credential } from "../../grant/credential.ts";
import { withoutProofs } from "../../grant/dpop.ts";
import { offerOf } from "../../grant/metadata.ts";
import { hasRefresh, isRenewable } from "../../grant/refresh.ts";
import { putJob } from "../../jobs.ts";
import type { Names } from "../../request/hole.ts";
import type { Runtime } from "../../runtime.ts";
import { identityOf, labelOf, uniqueIdOf } from "../identity.ts";
import { clientOf, inForce, isOutdated, type OpenConnection, place, publicNamesOf, sealFields, versionIn } from "../open.ts";
import type { ConnectionError, ConnectionRecord, Status } from "../record.ts";
import { type ConnectionPatch, IdentityTaken } from "../store.ts";
import { type TestOutcome, testCall } from "../test-call.ts";
import { refreshDue, shortened, testDue } from "../upkeep/expiry.ts";
import { reminderPatch } from "../upkeep/reminder.ts";
import { afterConnect } from "./after-connect.ts";

/** How an attempt to connect ended. */
export interface Connected {
  readonly record: ConnectionRecord;
  /** The draft turned out to be an account that is already connected: `record` is that connection. */
  readonly reused: boolean;
}

/**
 * From a fresh credential to a connection, in this order: what follows the sign-in → test call → `me` → unique id → duplicate check → label → sealed → `connected`.
 * Nothing is stored as connected before the test call passed, and a connection that works keeps its old credential until then.
 *
 * Throws `credentials_invalid`, `test_unreachable`, `no_refresh_token`, `unique_id_missing`, `account_mismatch`, `duplicate_connection`.
 */
export async function connect(
  runtime: Runtime,
  fresh: OpenConnection,
  requested: readonly string[],
  actor: string,
): Promise<Connected> {
  const { record, auth } = fresh;
  if (hasRefresh(auth) && auth.refresh.required && fresh.credential?.refresh_token === undefined)
    throw new JackfieldError("no_refresh_token");

  const { opened, test } = await tryOut(runtime, fresh);
  await refuseOtherSubject(runtime, opened, test);
  const names: Names = { ...publicNamesOf(runtime, opened), me: test.me, ...(await publicClient(runtime, opened)) };
  const uniqueId = await uniqueIdOf(auth, names);
  const known = !hasWorked(record) || record.unique_id === (uniqueId ?? null) || (await isSameByThen(runtime, opened, names));
  if (!known) throw new JackfieldError("account_mismatch");

  const version = versionIn(auth, record);
  if (version !== undefined) await runtime.connectors.keep(version);
  const now = new Date(runtime.clock()).toISOString();
  const patch: ConnectionPatch = {
    ...credentialPatch(runtime, opened, requested),
    client_id: record.client_id,
    auth_version: version?.id ?? null,
    status: "connected",
    authorized_at: now,
    test_at: testDue(auth, runtime.clock(), runtime.random),
    unique_id: uniqueId ?? null,
    identity: identityOf(record, uniqueId),
    label: await labelOf(auth, names),
    last_test: {
      at: now,
      outcome: "passed",
      ...(test.status === undefined ? {} : { status: test.status }),
      duration_ms: test.duration_ms,
    },
    error: null,
    connected_by: actor,
    updated_at: now,
  };
  try {
    return { record: await store(runtime, record, patch, actor), reused: false };
  } catch (cause) {
    if (!(cause instanceof IdentityTaken)) throw cause;
    return { record: await merge(runtime, opened, patch, actor), reused: true };
  }
}

interface TriedOut {
  readonly opened: OpenConnection;
  readonly test: Extract<TestOutcome, { readonly outcome: "passed" }>;
}

/** What the first call of an API answers that does not know how bound tokens are sent. */
const refusals: ReadonlySet<number | undefined> = new Set([400, 401, 403]);

/**
 * What follows the sign-in, and the test. A provider that binds tokens to keys may stand before an API that knows nothing of it: there a
 * bound token works as a plain one does (RFC 9449 §7.2).
 */
async function tryOut(runtime: Runtime, fresh: OpenConnection): Promise<TriedOut> {
  try {
    return await tryOnce(runtime, fresh);
  } catch (cause) {
    const { auth } = fresh;
    const credential = withoutProofs(fresh.credential);
    const isRefused =
      cause instanceof JackfieldError && cause.code === "credentials_invalid" && refusals.has(cause.provider?.status);
    if (credential === undefined || !isRefused || (auth.type === "oauth2" && auth.dpop === "required")) throw cause;
    return tryOnce(runtime, { ...fresh, credential }).catch(() => {
      throw cause;
    });
  }
}

async function tryOnce(runtime: Runtime, fresh: OpenConnection): Promise<TriedOut> {
  const opened = await afterConnect(runtime, fresh);
  const test = await testCall(runtime, opened);
  if (test.outcome !== "passed") throw test.error;
  return { opened, test };
}

/** What userinfo tells is of the account that the id token names, or of no use (OpenID Connect Core §5.3.2). Throws `id_token_invalid`. */
async function refuseOtherSubject(runtime: Runtime, opened: OpenConnection, { me, url }: TriedOut["test"]): Promise<void> {
  const { auth, credential } = opened;
  if (auth.type !== "oauth2" || credential?.claims === undefined || url === undefined) return;
  const offer = await offerOf(runtime, auth, publicNamesOf(runtime, opened));
  if (offer?.userinfo == null || url.split("?", 1)[0] !== offer.userinfo.split("?", 1)[0]) return;
  const subject = me !== null && typeof me === "object" && "sub" in me ? me.sub : undefined;
  if (subject === credential.claims.sub) return;
  throw new JackfieldError("id_token_invalid", {
    detail: "The provider's user information is of another account than its id token.",
  });
}

/** Whether it is the same account by what told accounts apart when it was connected: a newer version may do it in another way. */
async function isSameByThen(runtime: Runtime, { record, auth }: OpenConnection, names: Names): Promise<boolean> {
  if (!isOutdated(auth, record) || record.unique_id === null) return false;
  try {
    return (await uniqueIdOf(inForce(runtime, record).auth, names)) === record.unique_id;
  } catch (cause) {
    if (cause instanceof JackfieldError) return false;
    throw cause;
  }
}

/** The client ID is public and may name a connection that has no person behind it; the secret is not in reach. */
async function publicClient(runtime: Runtime, opened: OpenConnection): Promise<Names> {
  if (opened.auth.type !== "oauth2") return {};
  const { client_id } = await clientOf(runtime, opened);
  return { app: { client_id } };
}

/** Whether the connection has held a credential that passed its test. */
function hasWorked(record: ConnectionRecord): boolean {
  return record.credential_version > 0;
}

/** Everything that a new credential changes in a record. */
function credentialPatch(
  runtime: Runtime,
  { record, auth, fields, credential, known }: OpenConnection,
  requested: readonly string[],
): ConnectionPatch {
  const whole = credential && { ...credential, known };
  return {
    ...sealFields(runtime, record, auth, fields),
    ...tokenPatch(runtime, { ...record, authorized_at: null, reauth_by: null }, auth, whole, {
      asked: requested,
      assumed: requested,
    }),
    // Where there is no token, what was captured is kept in its place.
    ...(credential === undefined && Object.keys(known.connection).length > 0
      ? { sealed_credential: runtime.sealer.seal(place(record, "credential"), { known }) }
      : {}),
  };
}

/** Nothing is waited for any more: the refresh token that was sent is not the stored one, or was not taken. */
export const answered = { refreshing: null, refresh_lost: false } as const satisfies ConnectionPatch;

/** Scopes around a token answer: what was asked for, and what counts as granted when the answer does not tell (RFC 6749 §5.1, §6). */
export interface Scopes {
  readonly asked: readonly string[];
  readonly assumed: readonly string[];
}

/**
 * What a token answer changes in a record: the credential, its times and its scopes, and nothing else. `before` is the credential that it
 * replaces without a new sign-in.
 */
export function tokenPatch(
  runtime: Runtime,
  record: Pick<ConnectionRecord, "workspace" | "connector" | "id" | "authorized_at" | "reauth_by" | "remind_at">,
  auth: Auth,
  answer: Credential | undefined,
  scopes: Scopes,
  before?: Credential,
): ConnectionPatch {
  if (answer === undefined) {
    return {
      sealed_credential: null,
      scopes: [],
      missing_scopes: [],
      renewable: false,
      expires_at: null,
      refresh_at: null,
      refresh_failures: 0,
      refresh_held_until: null,
      refresh_doubts: null,
      ...answered,
      reauth_by: null,
      remind_at: null,
    };
  }
  const now = runtime.clock();
  const credential = shortened(auth, answer, runtime.policy.maxTokenAge, now);
  const due = refreshDue(auth, credential, now, runtime.random);
  const granted = credential.scopes ?? scopes.assumed;
  return {
    sealed_credential: runtime.sealer.seal(place(record, "credential"), credential),
    scopes: [...granted],
    missing_scopes: scopes.asked.filter((scope) => !granted.includes(scope)),
    renewable: isRenewable(auth, credential),
    expires_at: credential.expires_at === undefined ? null : new Date(credential.expires_at).toISOString(),
    refresh_at: due === undefined ? null : new Date(due).toISOString(),
    refresh_failures: 0,
    refresh_held_until: null,
    refresh_doubts: null,
    ...answered,
    ...reminderPatch(record, auth, credential, before, now),
  };
}

const attempts = 20;

/**
 * Writes the patch over whatever credential version is stored: a new sign-in is newer than any refresh that ran beside it. What came
 * between is judged again: a connection that was disconnected stays so, and one that became another account's is not taken over.
 */
async function store(
  runtime: Runtime,
  target: ConnectionRecord,
  patch: ConnectionPatch,
  actor: string,
): Promise<ConnectionRecord> {
  let current: ConnectionRecord | undefined = target;
  const events = [
    runtime.events.make(target, "tested", { actor, ...testOf(patch) }),
    runtime.events.make(target, "authorized", { actor }),
  ];
  for (let attempt = 0; attempt < attempts && current !== undefined; attempt += 1) {
    const version = current.credential_version;
    const written = await runtime.store.connections.update(
      target.id,
      { ...patch, credential_version: version + 1 },
      { expect: { credential_version: version }, events },
    );
    if (written) {
      runtime.events.announce(events);
      await scheduleRefresh(runtime, written);
      return written;
    }
    current = await runtime.store.connections.get(target.id);
    if (current === undefined || current.status === "revoked") throw new JackfieldError("connection_revoked");
    // Another sign-in has found that this was an account which is connected already.
    if (current.alias_of !== null) throw new JackfieldError("account_mismatch");
    const known = hasWorked(target) && current.unique_id === target.unique_id;
    if (hasWorked(current) && current.unique_id !== patch.unique_id && !known) throw new JackfieldError("account_mismatch");
  }
  throw new JackfieldError("store_unavailable", { detail: `The connection ${target.id} could not be stored.` });
}

function testOf({ last_test }: ConnectionPatch): { duration_ms?: number; status?: number } {
  if (!last_test) return {};
  const { duration_ms, status } = last_test;
  return { duration_ms, ...(status === undefined ? {} : { status }) };
}

/** The account is connected already: its connection gets the new credential, and the draft becomes an alias of it. */
async function merge(runtime: Runtime, opened: OpenConnection, patch: ConnectionPatch, actor: string): Promise<ConnectionRecord> {
  const { record, auth, credential } = opened;
  const existing = await runtime.store.connections.find(patch.identity ?? "");
  if (existing === undefined)
    throw new JackfieldError("store_unavailable", { detail: "The connection of this account is just being changed." });
  if (auth.unique_id?.on_conflict === "reject") {
    throw new JackfieldError("duplicate_connection", {
      detail: `This account is already connected as ${existing.id}.`,
      members: { connection: existing.id },
    });
  }
  const target: OpenConnection = { ...opened, record: existing, credential };
  const words = { name: record.name ?? existing.name, description: record.description ?? existing.description };
  const asked = [...(patch.scopes ?? []), ...(patch.missing_scopes ?? [])];
  const resealed = { ...patch, ...words, ...credentialPatch(runtime, target, asked) };
  const written = await store(runtime, existing, resealed, actor);
  const merged = runtime.events.make(record, "merged", { actor });
  const alias = await runtime.store.connections.update(
    record.id,
    {
      alias_of: existing.id,
      identity: `alias/${record.id}`,
      status: "connected",
      name: null,
      description: null,
      fields: {},
      sealed_credential: null,
      client_id: null,
      sealed_fields: null,
      refresh_at: null,
      test_at: null,
      remind_at: null,
      error: null,
      // Neither another sign-in nor a refresh that is under way may make it a connection again.
      credential_version: record.credential_version + 1,
      updated_at: new Date(runtime.clock()).toISOString(),
    },
    { expect: { credential_version: record.credential_version }, events: [merged] },
  );
  if (alias !== undefined) runtime.events.announce([merged]);
  return written;
}

/** Puts the refresh job of a connection, if one is due at all. */
export async function scheduleRefresh(runtime: Runtime, record: ConnectionRecord): Promise<void> {
  if (record.refresh_at === null) return;
  await putJob(runtime, { kind: "refresh", id: record.id, due: Date.parse(record.refresh_at) });
}

/** What a person reads of an error. */
export function connectionError(error: JackfieldError, now: number): ConnectionError {
  return {
    code: error.code,
    message: error.message,
    hint: error.hint,
    ...(error.provider === undefined ? {} : { provider: error.provider }),
    at: new Date(now).toISOString(),
  };
}

/** Sign-ins that only the person ended, or that ran out: a draft stays a draft, ready for another try. */
const keepsDraft: ReadonlySet<string> = new Set(["access_denied", "code_expired", "state_invalid"]);

/**
 * Notes a failed attempt on the connection as it was when the attempt began; whatever became of it since is left alone. A connection that
 * has worked keeps its status and its credential, and is none the worse for a sign-in that its person gave up. With `once` the log says
 * nothing where somebody else has noted it.
 */
export async function connectFailed(
  runtime: Runtime,
  record: ConnectionRecord,
  error: JackfieldError,
  actor: string,
  once = false,
): Promise<ConnectionRecord> {
  const event = runtime.events.make(record, error.code === "access_denied" ? "denied" : "failed", {
    actor,
    code: error.code,
    ...(error.provider?.status === undefined ? {} : { status: error.provider.status }),
  });
  const now = runtime.clock();
  const gaveUp = keepsDraft.has(error.code);
  const status: { status?: Status } = hasWorked(record) ? {} : { status: gaveUp ? "draft" : "error" };
  const shown = hasWorked(record) && gaveUp ? {} : { error: connectionError(error, now) };
  const written = await runtime.store.connections.update(
    record.id,
    { ...status, ...shown, updated_at: new Date(now).toISOString() },
    { expect: { credential_version: record.credential_version, ...(once ? { status: record.status } : {}) }, events: [event] },
  );
  if (written === undefined) {
    if (!once) runtime.events.note(event);
    return (await runtime.store.connections.get(record.id)) ?? record;
  }
  runtime.events.announce([event]);
  return written;
}
