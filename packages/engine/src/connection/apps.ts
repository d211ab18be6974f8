import type { Connector, OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { refuseWhitespace } from "./form.ts";
import { authOf, connectorOf } from "./open.ts";
import type { AppRecord } from "./record.ts";
import { redirectUri } from "./redirect-uri.ts";

/** An app as admins see it: the secret is write-only. */
export interface App {
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly client_id: string;
  readonly secret_set: boolean;
  readonly redirect_uri: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface AppValues {
  readonly client_id: string;
  /** Left out: the stored secret stays. */
  readonly client_secret?: string | undefined;
}

const maxBytes = 4096;

function viewApp(runtime: Runtime, record: AppRecord): App {
  const { connector, auth, environment, client_id, sealed_secret, created_at, updated_at } = record;
  const redirect_uri = redirectUri(runtime, connector);
  return { connector, auth, environment, client_id, secret_set: sealed_secret !== null, redirect_uri, created_at, updated_at };
}

/** The auth block that an app belongs to. Throws `connector_unknown`, `auth_unknown`, `environment_unknown`, `app_not_used`. */
function appAuth(runtime: Runtime, connectorName: string, authId: string, environment: string): OAuth2 {
  const connector = connectorOf(runtime, connectorName);
  const auth = authOf(connector, authId);
  environmentOf(connector, environment);
  if (auth.type !== "oauth2" || auth.client.source === "connection") throw new JackfieldError("app_not_used");
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

export async function getApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  auth: string,
  environment: string,
): Promise<App | undefined> {
  appAuth(runtime, connector, auth, environment);
  const record = await runtime.store.apps.get(actor.workspace, connector, auth, environment);
  return record && viewApp(runtime, record);
}

export async function listApps(runtime: Runtime, actor: Actor, connector: string): Promise<readonly App[]> {
  connectorOf(runtime, connector);
  return (await runtime.store.apps.list(actor.workspace, connector)).map((record) => viewApp(runtime, record));
}

/** Saves; nothing is sent to the provider. Throws as `appAuth`, and `field_required`, `field_invalid`, `whitespace_in_credential`. */
export async function putApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  authId: string,
  environment: string,
  values: AppValues,
): Promise<App> {
  const auth = appAuth(runtime, connector, authId, environment);
  for (const [name, value] of Object.entries(values)) {
    refuseWhitespace(name, value);
    if (typeof value === "string" && Buffer.byteLength(value) > maxBytes) {
      throw new JackfieldError("field_invalid", { detail: `${name} has more than ${maxBytes} bytes.`, members: { field: name } });
    }
  }
  const stored = await runtime.store.apps.get(actor.workspace, connector, authId, environment);
  if (values.client_id === "")
    throw new JackfieldError("field_required", { detail: "client_id is required.", members: { field: "client_id" } });
  const place = { workspace: actor.workspace, connector, id: `${authId}/${environment}`, field: "app" } as const;
  const secret = values.client_secret ? runtime.sealer.seal(place, values.client_secret) : (stored?.sealed_secret ?? null);
  if (secret === null && auth.client.authentication !== "none") {
    throw new JackfieldError("field_required", { detail: "client_secret is required.", members: { field: "client_secret" } });
  }
  const now = new Date(runtime.clock()).toISOString();
  const record: AppRecord = {
    workspace: actor.workspace,
    connector,
    auth: authId,
    environment,
    client_id: values.client_id,
    sealed_secret: secret,
    created_at: stored?.created_at ?? now,
    updated_at: now,
  };
  await runtime.store.apps.put(record);
  return viewApp(runtime, record);
}

export function deleteApp(
  runtime: Runtime,
  actor: Actor,
  connector: string,
  auth: string,
  environment: string,
): Promise<boolean> {
  appAuth(runtime, connector, auth, environment);
  return runtime.store.apps.delete(actor.workspace, connector, auth, environment);
}
