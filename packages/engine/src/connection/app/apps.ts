import type { Connector, OAuth1, OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import { splitSecrets } from "../../grant/secrets.ts";
import type { Runtime } from "../../runtime.ts";
import type { Actor } from "../actor.ts";
import { authOf, findConnector } from "../open.ts";
import type { AppPlace, AppRecord, ConnectionError, ConnectionEvent, StoredClient } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";
import type { EventFilter, Listed, Page } from "../store.ts";
import { hasten } from "./pause.ts";
import { appEvent, changeApp, countUsers, findApp, unsealSecrets } from "./record.ts";
import { type AppValues, clientOfId, refuseBadValues, saved } from "./values.ts";

/** A client and who lives by it. */
interface ClientView {
  readonly client_id: string;
  /** How many working connections were made with it. */
  readonly connections: number;
  /** Until when no connection is refreshed with it, because the provider refuses it. */
  readonly paused_until: string | null;
  readonly error: ConnectionError | null;
}

/** An app as admins see it: the secret is write-only. */
export interface App extends ClientView {
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly secret_set: boolean;
  /** Until when the secret before this one is tried where the provider refuses this one. */
  readonly previous_secret_until: string | null;
  /** Whether it had to be. */
  readonly previous_secret_used: boolean;
  /** The day on which the secret ends at the provider. */
  readonly expires_on: string | null;
  /** The clients before this one that connections still live by. */
  readonly former: readonly (ClientView & { readonly since: string })[];
  /** What else was saved that is no secret. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Names of the other secrets that were saved. */
  readonly secrets_set: readonly string[];
  /** Whether no admin saved it: the platform registered itself at the provider. */
  readonly registered: boolean;
  readonly redirect_uri: string;
  readonly created_at: string;
  readonly updated_at: string;
}

async function viewApp(runtime: Runtime, record: AppRecord): Promise<App> {
  const { connector, auth, environment, created_at, updated_at } = record;
  const { client_secret, extra } = unsealSecrets(runtime, record, record.sealed_secret);
  const former = await Promise.all(
    record.former.map(async (each) => ({ ...(await viewClient(runtime, record, each)), since: each.since })),
  );
  return {
    connector,
    auth,
    environment,
    ...(await viewClient(runtime, record, record)),
    secret_set: client_secret !== undefined,
    previous_secret_until: record.previous_secret_until,
    previous_secret_used: record.previous_secret_used,
    expires_on: record.expires_on,
    // One that nobody lives by is only kept for the sign-ins that are under way.
    former: former.filter(({ connections }) => connections > 0),
    fields: splitSecrets(runtime.connectors.get(connector)?.auth[auth], record.fields).open,
    secrets_set: Object.keys(extra),
    registered: record.registered !== undefined,
    redirect_uri: redirectUri(runtime, connector),
    created_at,
    updated_at,
  };
}

async function viewClient(runtime: Runtime, place: AppPlace, { client_id, pause }: StoredClient): Promise<ClientView> {
  const connections = await countUsers(runtime, place, client_id);
  return { client_id, connections, paused_until: pause?.until ?? null, error: pause?.error ?? null };
}

/** The auth block that an app belongs to. Throws `connector_unknown`, `auth_unknown`, `environment_unknown`, `app_not_used`. */
async function appAuth(runtime: Runtime, connectorName: string, authId: string, environment: string): Promise<OAuth2 | OAuth1> {
  const connector = await findConnector(runtime, connectorName);
  const auth = authOf(connector, authId);
  environmentOf(connector, environment);
  if (auth.type !== "oauth2" && auth.type !== "oauth1") throw new JackfieldError("app_not_used");
  if (auth.client.source === "connection" || auth.client.source === "none") throw new JackfieldError("app_not_used");
  return auth;
}

/** The environment's name, or the default one. Throws `environment_unknown`. */
export function environmentOf(connector: Connector, environment: string | undefined): string {
  const name = environment ?? Object.keys(connector.environments)[0] ?? "";
  if (!Object.hasOwn(connector.environments, name)) {
    throw new JackfieldError("environment_unknown", {
      detail: `${connector.title} has no environment "${name}"; it has ${Object.keys(connector.environments).join(", ")}.`,
    });
  }
  return name;
}

/** Where an app is kept. Throws as `appAuth`. */
async function placeOf(runtime: Runtime, actor: Actor, connector: string, auth: string, environment: string): Promise<AppPlace> {
  await appAuth(runtime, connector, auth, environment);
  return { workspace: actor.workspace, connector, auth, environment };
}

export async function getApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  auth: string,
  environment: string,
): Promise<App | undefined> {
  const record = await findApp(runtime, await placeOf(runtime, actor, connector, auth, environment));
  return record && viewApp(runtime, record);
}

export async function hasApp(runtime: Runtime, actor: Actor, connector: string): Promise<boolean> {
  await findConnector(runtime, connector);
  return (await runtime.store.apps.list(actor.workspace, connector)).length > 0;
}

export async function listAppEvents(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  auth: string,
  environment: string,
  page: Page,
  filter: Pick<EventFilter, "type"> = {},
): Promise<Listed<ConnectionEvent>> {
  const { workspace } = await placeOf(runtime, actor, connector, auth, environment);
  return runtime.store.events.list({ ...filter, workspace, connector, app: { auth, environment } }, page);
}

/**
 * Saves; nothing is sent to the provider. What waited for the app is tried again at once. Throws as `appAuth`, and `field_required`,
 * `field_invalid`, `whitespace_in_credential`.
 */
export async function putApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  authId: string,
  environment: string,
  values: AppValues,
): Promise<App> {
  const auth = await appAuth(runtime, connector, authId, environment);
  refuseBadValues(auth, values);
  const place = { workspace: actor.workspace, connector, auth: authId, environment };
  let before: StoredClient | undefined;
  const record = await changeApp(runtime, place, (stored) => {
    before = clientOfId(stored, values.client_id);
    return saved(runtime, { actor, auth, place, values }, stored);
  });
  if (!before || before.pause) hasten(runtime, place, values.client_id, before?.pause ?? null);
  return viewApp(runtime, record as AppRecord);
}

/** Erases an app with its former clients. Throws as `appAuth`, and `app_in_use`. */
export async function deleteApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  auth: string,
  environment: string,
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<boolean> {
  const place = await placeOf(runtime, actor, connector, auth, environment);
  const record = await findApp(runtime, place);
  if (record === undefined) return false;
  if (!force) await refuseInUse(runtime, record);
  const event = appEvent(runtime, place, "app.deleted", { actor: actor.id, client_id: record.client_id });
  const deleted = await runtime.store.apps.delete(actor.workspace, connector, auth, environment, [event]);
  if (deleted) runtime.events.announce([event]);
  return deleted;
}

/** Throws `app_in_use`. */
async function refuseInUse(runtime: Runtime, app: AppRecord): Promise<void> {
  const clients = [app, ...app.former];
  const counts = await Promise.all(clients.map(({ client_id }) => countUsers(runtime, app, client_id)));
  const connections = counts.reduce((sum, count) => sum + count, 0);
  if (connections === 0) return;
  const words = connections === 1 ? "One connection lives" : `${connections} connections live`;
  throw new JackfieldError("app_in_use", { detail: `${words} by this app.`, members: { connections } });
}
