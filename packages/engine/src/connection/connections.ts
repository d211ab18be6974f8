import type { Auth, Template } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { nothingKnown } from "../grant/credential.ts";
import { grantOf } from "../grant/grant.ts";
import { dropJob } from "../jobs.ts";
import { renderUrl } from "../request/url.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { environmentOf } from "./app/apps.ts";
import { asClient } from "./app/pause.ts";
import { recommendedAuth, refuseDisabled } from "./auths.ts";
import { changeFields, checkFields, environmentIn } from "./fields.ts";
import { draftIdentity } from "./identity.ts";
import { connectedWithin, mayUse, type Purpose, reaches, refuseUnlessMayMake } from "./limits.ts";
import {
  anew,
  authOf,
  findConnector,
  follow,
  isOutdated,
  madeWith,
  namesOf,
  type OpenConnection,
  open,
  openForSignIn,
  sealFields,
  versionIn,
  whitelistOf,
} from "./open.ts";
import { type ConnectionRecord, type Status, untold } from "./record.ts";
import { scopesToAsk } from "./scopes.ts";
import { connect, connectFailed } from "./sign-in/connect.ts";
import { endPolled } from "./sign-in/device.ts";
import { explain } from "./sign-in/explain.ts";
import { clientToConnect } from "./sign-in/registration.ts";
import type { ConnectionPatch, Listed, Page } from "./store.ts";
import { type Revocation, revokeErased, tombstone } from "./upkeep/revocation.ts";
import { type Connection, view } from "./view.ts";

export interface NewConnection {
  readonly connector: string;
  /** Default: the recommended one. */
  readonly auth?: string | undefined;
  /** Default: the first one. */
  readonly environment?: string | undefined;
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  /** Default: the actor's own. */
  readonly owner?: string | undefined;
}

export interface ConnectionChange {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

export interface Filter {
  readonly connector?: string | undefined;
  readonly auth?: string | undefined;
  readonly environment?: string | undefined;
  readonly client_id?: string | undefined;
  readonly status?: Status | undefined;
  readonly search?: string | undefined;
  readonly owner?: string | undefined;
}

/**
 * The record behind an id that the actor may see; aliases are followed. An actor with limits is refused whatever does not say that it is
 * for connecting. Throws `connection_unknown`, `connection_revoked`, `forbidden`.
 */
export async function reach(runtime: Runtime, actor: Actor, id: string, purpose: Purpose = "use"): Promise<ConnectionRecord> {
  if (purpose === "use") mayUse(actor);
  const record = await find(runtime, actor, id);
  if (record.status === "revoked") throw new JackfieldError("connection_revoked");
  return record;
}

/** As `reach`, but also gives what is left of a disconnected connection. */
export async function find(runtime: Runtime, actor: Actor, id: string): Promise<ConnectionRecord> {
  const record = await follow(runtime, id);
  if (record === undefined || !(await reaches(runtime, actor, record))) throw new JackfieldError("connection_unknown");
  return record;
}

/** Stores a draft; a grant without a user step connects at once and ends as `connected` or `error`. */
export async function create(
  runtime: Runtime,
  actor: Actor,
  values: NewConnection,
): Promise<{ connection: Connection; reused: boolean }> {
  const connector = await findConnector(runtime, values.connector);
  const auth = authOf(connector, values.auth ?? recommendedAuth(connector)?.id ?? Object.keys(connector.auth)[0] ?? "");
  refuseDisabled(runtime, auth);
  const environment = environmentOf(connector, values.environment ?? environmentIn(auth, values.fields));
  const owner = values.owner ?? actor.owner;
  await refuseUnlessMayMake(runtime, actor, { connector: connector.name, auth: auth.id, environment, owner });
  const fields = await checkFields(runtime, connector, auth, values.fields, environment);
  const id = `con_${runtime.random(15).toString("base64url")}`;
  const now = new Date(runtime.clock()).toISOString();
  const record: ConnectionRecord = {
    ...untold,
    id,
    workspace: actor.workspace,
    owner,
    connector: connector.name,
    auth: auth.id,
    environment,
    status: "draft",
    name: values.name ?? null,
    description: values.description ?? null,
    label: null,
    unique_id: null,
    identity: draftIdentity(id),
    auth_version: versionIn(auth, { environment })?.id ?? null,
    ...sealFields(runtime, { workspace: actor.workspace, connector: connector.name, id }, auth, fields),
    ...(actor.limits === undefined ? {} : { made_in: actor.limits.session }),
    created_at: now,
    updated_at: now,
  };
  // What would make connecting impossible is refused before anything is stored.
  const draft: OpenConnection = { record, connector, auth, fields, credential: undefined, known: nothingKnown };
  if (!dependsOnCaptures(auth)) await whitelistOf(runtime, draft);
  if (!isCaptured(auth.base_url)) await renderUrl(auth.base_url, namesOf(runtime, draft));
  if (grantOf(auth).obtain !== undefined) await clientToConnect(runtime, draft);
  const created = runtime.events.make(record, "created", { actor: actor.id });
  await runtime.store.connections.insert(record, [created]);
  runtime.events.announce([created]);
  if (grantOf(auth).begin !== undefined) return { connection: view(runtime, actor, record), reused: false };
  return connectAtOnce(runtime, actor, draft);
}

/** Whether the whitelist is known only once something was captured. */
function dependsOnCaptures(auth: Auth): boolean {
  return auth.whitelist.some(isCaptured);
}

const isCaptured = ({ source }: Template) => /\b(callback|token|connection)\./.test(source);

async function connectAtOnce(
  runtime: Runtime,
  actor: Actor,
  draft: OpenConnection,
): Promise<{ connection: Connection; reused: boolean }> {
  const { record } = draft;
  try {
    const { opened, requested } = await withCredential(runtime, draft);
    const { record: connected, reused } = await connect(runtime, opened, requested, actor.id);
    return { connection: view(runtime, actor, connected), reused };
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
    // There is nothing to mend: the account has its connection, and the answer names it.
    if (cause.code === "duplicate_connection") {
      await disconnect(runtime, record, actor.id);
      throw cause;
    }
    const failed = await connectFailed(runtime, record, explain(runtime, cause, record), actor.id);
    return { connection: view(runtime, actor, failed), reused: false };
  }
}

/** The credential of a grant that needs no person, obtained now; what the user typed is the credential of the others. */
async function withCredential(
  runtime: Runtime,
  opened: OpenConnection,
): Promise<{ readonly opened: OpenConnection; readonly requested: readonly string[] }> {
  const { auth } = opened;
  const { obtain } = grantOf(auth);
  if (obtain === undefined) return { opened: anew(opened), requested: [] };
  await clientToConnect(runtime, anew(opened));
  const requested = await scopesToAsk(opened);
  const fresh = anew(opened);
  return asClient(runtime, fresh, "sign_in", async (client) => {
    const credential = await obtain(runtime, auth, { client, names: namesOf(runtime, fresh, client), scopes: requested });
    const known = credential.known ?? nothingKnown;
    return { opened: madeWith({ ...fresh, credential, known }, client), requested };
  });
}

/** An actor with limits is given what was connected under them, whatever the filter. */
export async function list(runtime: Runtime, actor: Actor, filter: Filter, page: Page): Promise<Listed<Connection>> {
  if (actor.limits !== undefined) {
    const connected = await connectedWithin(runtime, actor, actor.limits);
    return { items: connected.map((record) => view(runtime, actor, record)), next: null };
  }
  const owner = actor.all ? filter.owner : actor.owner;
  const { items, next } = await runtime.store.connections.list({ ...filter, owner, workspace: actor.workspace }, page);
  return { items: items.map((record) => view(runtime, actor, record)), next };
}

/** Renames, describes, or takes new fields; those of a grant without a user step are tried at once. */
export async function update(runtime: Runtime, actor: Actor, id: string, change: ConnectionChange): Promise<Connection> {
  const record = await reach(runtime, actor, id, "connect");
  const changed = change.fields === undefined ? undefined : await withFields(runtime, record, change.fields);
  if (changed !== undefined && grantOf(changed.auth).begin === undefined) refuseDisabled(runtime, changed.auth);
  if (changed !== undefined && record.credential_version > 0) return reconnect(runtime, actor, changed, change);

  const event = runtime.events.make(record, "renamed", { actor: actor.id });
  const renamed = change.name !== undefined || change.description !== undefined;
  const written = await runtime.store.connections.update(
    record.id,
    {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(changed === undefined ? {} : fieldPatch(runtime, changed)),
      updated_at: new Date(runtime.clock()).toISOString(),
    },
    { events: renamed ? [event] : [] },
  );
  if (!written) throw new JackfieldError("connection_unknown");
  if (renamed) runtime.events.announce([event]);
  if (changed === undefined || grantOf(changed.auth).begin !== undefined) return view(runtime, actor, written);
  // What is not stored is here for this one time.
  return (await connectAtOnce(runtime, actor, { ...changed, record: written })).connection;
}

/** The connection with some fields changed. Throws as `changeFields`, and `fields_need_sign_in`. */
async function withFields(
  runtime: Runtime,
  record: ConnectionRecord,
  changes: Readonly<Record<string, unknown>>,
): Promise<OpenConnection> {
  const fresh = openForSignIn(runtime, record);
  const fields = await changeFields(runtime, fresh, changes);
  if (record.credential_version === 0) return { ...fresh, fields };
  // They may decide where the credential goes, and this credential was not given for another place.
  if (grantOf(fresh.auth).begin !== undefined) throw new JackfieldError("fields_need_sign_in");
  return { ...(isOutdated(fresh.auth, record) ? fresh : open(runtime, record)), fields };
}

function fieldPatch(runtime: Runtime, { record, auth, fields }: OpenConnection): ConnectionPatch {
  return { ...sealFields(runtime, record, auth, fields), auth_version: versionIn(auth, record)?.id ?? null };
}

/** New fields for a connection that works: the old ones stay until the new ones have passed the test. Throws what the test says. */
async function reconnect(runtime: Runtime, actor: Actor, changed: OpenConnection, change: ConnectionChange): Promise<Connection> {
  const { opened, requested } = await withCredential(runtime, changed);
  const { record: connected } = await connect(runtime, opened, requested, actor.id);
  const { fields: _, ...rest } = change;
  return Object.keys(rest).length === 0 ? view(runtime, actor, connected) : update(runtime, actor, connected.id, rest);
}

/** Throws `connection_unknown`, `connection_revoked`. */
export async function remove(runtime: Runtime, actor: Actor, id: string): Promise<Revocation> {
  return disconnect(runtime, await reach(runtime, actor, id), actor.id);
}

/**
 * Erases everything but the fact that the connection existed, so that what still names it is told so; then tells the provider. The
 * erasing waits for nobody; what telling the provider takes is kept, sealed, until it was told or can no longer be (`revokeAgain`). Throws
 * `connection_revoked` where somebody else did it meanwhile.
 */
export async function disconnect(runtime: Runtime, record: ConnectionRecord, actor: string): Promise<Revocation> {
  const { erased, opened } = await erase(runtime, record, actor);
  return opened === undefined ? { provider_revoked: null } : revokeErased(runtime, erased, opened);
}

/** As `disconnect`, but the provider is told in the background. */
export async function erase(
  runtime: Runtime,
  record: ConnectionRecord,
  actor: string,
  code?: "connection_idle",
): Promise<{ readonly erased: ConnectionRecord; readonly opened: OpenConnection | undefined }> {
  const event = runtime.events.make(record, "revoked", { actor, ...(code === undefined ? {} : { code }) });
  let current: ConnectionRecord | undefined = record;
  while (current !== undefined && current.status !== "revoked") {
    const opened = readable(runtime, current);
    const { credential_version, status } = current;
    const erased = await runtime.store.connections.update(current.id, erasing(runtime, current, opened), {
      // The credential that is revoked must be the last one.
      expect: { credential_version, status },
      events: [event],
    });
    if (erased !== undefined) {
      runtime.events.announce([event]);
      await dropJob(runtime, "refresh", erased.id);
      await endPolled(runtime, erased.id);
      await runtime.store.kept_steps.erase(erased.id);
      return { erased, opened };
    }
    current = await runtime.store.connections.get(current.id);
  }
  throw new JackfieldError("connection_revoked");
}

function erasing(runtime: Runtime, record: ConnectionRecord, opened: OpenConnection | undefined): ConnectionPatch {
  return {
    ...untold,
    status: "revoked",
    identity: `revoked/${record.id}`,
    sealed_fields: null,
    fields: {},
    name: null,
    description: null,
    label: null,
    unique_id: null,
    // What goes on being sent is sent where it always was.
    auth_version: record.auth_version,
    ...(opened === undefined ? {} : tombstone(runtime, opened)),
    // A refresh that is under way must not bring the credential back.
    credential_version: record.credential_version + 1,
    updated_at: new Date(runtime.clock()).toISOString(),
  };
}

/** The open connection; undefined where its connector is gone or its secrets cannot be opened, which must not keep it from ending. */
function readable(runtime: Runtime, record: ConnectionRecord): OpenConnection | undefined {
  try {
    return open(runtime, record);
  } catch (cause) {
    runtime.log("warn", "a connection is erased without telling the provider", { connection: record.id, cause });
    return undefined;
  }
}
