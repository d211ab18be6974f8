import type { Auth } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { nothingKnown } from "../grant/credential.ts";
import { grantOf } from "../grant/grant.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { asClient } from "./app-pause.ts";
import { environmentOf } from "./apps.ts";
import { connect, connectFailed } from "./connect.ts";
import { explain } from "./explain.ts";
import { changeFields, checkFields, environmentIn } from "./fields.ts";
import { draftIdentity } from "./identity.ts";
import {
  anew,
  authOf,
  clientOf,
  connectorOf,
  declared,
  madeWith,
  namesOf,
  type OpenConnection,
  open,
  sealFields,
  whitelistOf,
} from "./open.ts";
import { type ConnectionRecord, type Status, untold } from "./record.ts";
import { type Revocation, revokeErased, tombstone } from "./revocation.ts";
import { scopesToAsk } from "./scopes.ts";
import type { Listed, Page } from "./store.ts";
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

/** The record behind an id that the actor may see; aliases are followed. Throws `connection_unknown`, `connection_revoked`. */
export async function reach(runtime: Runtime, actor: Actor, id: string): Promise<ConnectionRecord> {
  const record = await find(runtime, actor, id);
  if (record.status === "revoked") throw new JackfieldError("connection_revoked");
  return record;
}

/** As `reach`, but also gives what is left of a disconnected connection. */
export async function find(runtime: Runtime, actor: Actor, id: string): Promise<ConnectionRecord> {
  let record = await runtime.store.connections.get(id);
  if (record?.alias_of) record = await runtime.store.connections.get(record.alias_of);
  const visible = record !== undefined && record.workspace === actor.workspace && (actor.all || record.owner === actor.owner);
  if (record === undefined || !visible) throw new JackfieldError("connection_unknown");
  return record;
}

/** Stores a draft; a grant without a user step connects at once and ends as `connected` or `error`. */
export async function create(
  runtime: Runtime,
  actor: Actor,
  values: NewConnection,
): Promise<{ connection: Connection; reused: boolean }> {
  const connector = connectorOf(runtime, values.connector);
  const auth = authOf(connector, values.auth ?? Object.keys(connector.auth)[0] ?? "");
  const environment = environmentOf(connector, values.environment ?? environmentIn(auth, values.fields));
  const fields = await checkFields(connector, auth, values.fields, environment);
  const id = `con_${runtime.random(15).toString("base64url")}`;
  const now = new Date(runtime.clock()).toISOString();
  const record: ConnectionRecord = {
    ...untold,
    id,
    workspace: actor.workspace,
    owner: values.owner ?? actor.owner,
    connector: connector.name,
    auth: auth.id,
    environment,
    status: "draft",
    name: values.name ?? null,
    description: values.description ?? null,
    label: null,
    unique_id: null,
    identity: draftIdentity(id),
    ...sealFields(runtime, { workspace: actor.workspace, connector: connector.name, id }, auth, fields),
    created_at: now,
    updated_at: now,
  };
  // What would make connecting impossible is refused before anything is stored.
  const draft: OpenConnection = { record, connector, auth, fields, credential: undefined, known: nothingKnown };
  if (!dependsOnCaptures(auth)) await whitelistOf(runtime, draft);
  if (grantOf(auth).obtain !== undefined) await clientOf(runtime, draft);
  await runtime.store.connections.insert(record, [runtime.events.make(record, "created", { actor: actor.id })]);
  if (grantOf(auth).begin !== undefined) return { connection: view(runtime, actor, record), reused: false };
  return connectAtOnce(runtime, actor, record);
}

/** Whether the whitelist is known only once something was captured. */
function dependsOnCaptures(auth: Auth): boolean {
  return auth.whitelist.some(({ source }) => /\b(callback|token|connection)\./.test(source));
}

async function connectAtOnce(
  runtime: Runtime,
  actor: Actor,
  record: ConnectionRecord,
): Promise<{ connection: Connection; reused: boolean }> {
  try {
    const { opened, requested } = await withCredential(runtime, open(runtime, record));
    const { record: connected, reused } = await connect(runtime, opened, requested, actor.id);
    return { connection: view(runtime, actor, connected), reused };
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
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
  const requested = scopesToAsk(auth, opened.record);
  const fresh = anew(opened);
  return asClient(runtime, fresh, "sign_in", async (client) => {
    const credential = await obtain(runtime, auth, { client, names: namesOf(runtime, fresh, client), scopes: requested });
    const known = credential.known ?? nothingKnown;
    return { opened: madeWith({ ...fresh, credential, known }, client), requested };
  });
}

export async function list(runtime: Runtime, actor: Actor, filter: Filter, page: Page): Promise<Listed<Connection>> {
  const owner = actor.all ? filter.owner : actor.owner;
  const { items, next } = await runtime.store.connections.list({ ...filter, owner, workspace: actor.workspace }, page);
  return { items: items.map((record) => view(runtime, actor, record)), next };
}

/** Renames, describes, or takes new fields; those of a grant without a user step are tried at once. */
export async function update(runtime: Runtime, actor: Actor, id: string, change: ConnectionChange): Promise<Connection> {
  const record = await reach(runtime, actor, id);
  const { auth } = declared(runtime, record);
  const fields =
    change.fields === undefined
      ? undefined
      : await changeFields(open(runtime, { ...record, sealed_credential: null }), change.fields);
  const atOnce = fields !== undefined && grantOf(auth).begin === undefined;
  // They may decide where the credential goes, and this credential was not given for another place.
  if (fields !== undefined && !atOnce && record.credential_version > 0) throw new JackfieldError("fields_need_sign_in");
  if (atOnce && record.credential_version > 0) return reconnect(runtime, actor, record, fields, change);

  const event = runtime.events.make(record, "renamed", { actor: actor.id });
  const renamed = change.name !== undefined || change.description !== undefined;
  const written = await runtime.store.connections.update(
    record.id,
    {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(fields === undefined ? {} : sealFields(runtime, record, auth, fields)),
      updated_at: new Date(runtime.clock()).toISOString(),
    },
    { events: renamed ? [event] : [] },
  );
  if (!written) throw new JackfieldError("connection_unknown");
  if (renamed) runtime.events.announce([event]);
  return atOnce ? (await connectAtOnce(runtime, actor, written)).connection : view(runtime, actor, written);
}

/** New fields for a connection that works: the old ones stay until the new ones have passed the test. Throws what the test says. */
async function reconnect(
  runtime: Runtime,
  actor: Actor,
  record: ConnectionRecord,
  fields: Record<string, unknown>,
  change: ConnectionChange,
): Promise<Connection> {
  const { opened, requested } = await withCredential(runtime, { ...open(runtime, record), fields });
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
 * erasing waits for nobody; what telling the provider takes is kept, sealed, until it was told or can no longer be (`revokeAgain`).
 */
export async function disconnect(
  runtime: Runtime,
  record: ConnectionRecord,
  actor: string,
  code?: "connection_idle",
): Promise<Revocation> {
  const opened = readable(runtime, record);
  const event = runtime.events.make(record, "revoked", { actor, ...(code === undefined ? {} : { code }) });
  const written = await runtime.store.connections.update(
    record.id,
    {
      ...untold,
      status: "revoked",
      identity: `revoked/${record.id}`,
      sealed_fields: null,
      fields: {},
      name: null,
      description: null,
      label: null,
      unique_id: null,
      ...(opened === undefined ? {} : tombstone(runtime, opened)),
      // A refresh that is under way must not bring the credential back.
      credential_version: record.credential_version + 1,
      updated_at: new Date(runtime.clock()).toISOString(),
    },
    { events: [event] },
  );
  runtime.events.announce([event]);
  await runtime.queue.remove("refresh", record.id);
  return opened === undefined || written === undefined ? { provider_revoked: null } : revokeErased(runtime, written, opened);
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
