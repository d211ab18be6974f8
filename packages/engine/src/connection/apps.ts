import { type Connector, compilePattern, type OAuth1, type OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { splitSecrets } from "../grant/secrets.ts";
import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { refuseWhitespace } from "./form.ts";
import { appSecrets, authOf, connectorOf } from "./open.ts";
import type { AppRecord, AppSecrets } from "./record.ts";
import { redirectUri } from "./redirect-uri.ts";

/** An app as admins see it: the secret is write-only. */
export interface App {
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
  readonly client_id: string;
  readonly secret_set: boolean;
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

export interface AppValues {
  readonly client_id: string;
  /** Left out: the stored secret stays. */
  readonly client_secret?: string | undefined;
  /** What else the manifest's `client.fields` ask for. Left out: what is stored stays. */
  readonly [name: string]: string | undefined;
}

/** A private key with its chain of certificates is the longest of them. */
const maxBytes = 16 * 1024;

function viewApp(runtime: Runtime, record: AppRecord): App {
  const { connector, auth, environment, client_id, created_at, updated_at } = record;
  const { client_secret, extra } = appSecrets(runtime, record);
  return {
    connector,
    auth,
    environment,
    client_id,
    secret_set: client_secret !== undefined,
    fields: splitSecrets(runtime.connectors.get(connector)?.auth[auth], record.fields ?? {}).open,
    secrets_set: Object.keys(extra),
    registered: record.registered !== undefined,
    redirect_uri: redirectUri(runtime, connector),
    created_at,
    updated_at,
  };
}

/** The auth block that an app belongs to. Throws `connector_unknown`, `auth_unknown`, `environment_unknown`, `app_not_used`. */
function appAuth(runtime: Runtime, connectorName: string, authId: string, environment: string): OAuth2 | OAuth1 {
  const connector = connectorOf(runtime, connectorName);
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
  refuseBadValues(auth, values);
  const found = await runtime.store.apps.get(actor.workspace, connector, authId, environment);
  // The secret of a client that registered itself is none of another client's.
  const stored = found?.registered !== undefined && found.client_id !== values.client_id ? undefined : found;
  const kept = appSecrets(runtime, stored);
  const given = splitSecrets(auth, chosen(values));
  // What the manifest calls a secret may have been stored before it did.
  const before = splitSecrets(auth, stored?.fields ?? {});
  const secrets: AppSecrets = {
    client_secret: values.client_secret || kept.client_secret,
    extra: { ...(before.secret as Readonly<Record<string, string>>), ...without(kept.extra, given.open), ...given.secret },
  };
  const fields = { ...before.open, ...given.open };
  refuseMissing(auth, { ...fields, ...secrets.extra, client_id: values.client_id, client_secret: secrets.client_secret });
  const place = { workspace: actor.workspace, connector, id: `${authId}/${environment}`, field: "app" } as const;
  const hasSecret = secrets.client_secret !== undefined || Object.keys(secrets.extra).length > 0;
  const now = new Date(runtime.clock()).toISOString();
  const record: AppRecord = {
    workspace: actor.workspace,
    connector,
    auth: authId,
    environment,
    client_id: values.client_id,
    fields,
    sealed_secret: hasSecret ? runtime.sealer.seal(place, secrets) : null,
    created_at: stored?.created_at ?? now,
    updated_at: now,
  };
  await runtime.store.apps.put(record);
  return viewApp(runtime, record);
}

/** Secrets that every app may have, for what the provider signs or checks. */
const commonSecrets = ["signing_secret"];

/** The further values that were given, and not left empty. */
function chosen({ client_id, client_secret, ...extra }: AppValues): Record<string, string> {
  return Object.fromEntries(
    Object.entries(extra).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ""),
  );
}

function without<Value>(values: Readonly<Record<string, Value>>, names: object): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(names, name)));
}

function refuseBadValues(auth: OAuth2 | OAuth1, values: AppValues): void {
  for (const [name, value] of Object.entries(values)) {
    const field = auth.client.fields.find((declared) => declared.name === name);
    const known = name === "client_id" || name === "client_secret" || commonSecrets.includes(name) || field !== undefined;
    const refuse = (detail: string) => {
      throw new JackfieldError("field_invalid", { detail: `${name} ${detail}`, members: { field: name } });
    };
    if (!known) refuse("is not asked for by this connector.");
    // Keys in PEM end with a line break.
    if (field?.type !== "text") refuseWhitespace(name, value);
    if (typeof value !== "string" || value === "") continue;
    if (Buffer.byteLength(value) > maxBytes) refuse(`has more than ${maxBytes} bytes.`);
    if (field?.pattern !== undefined && !compilePattern(field.pattern).matches(value)) refuse(`does not match ${field.pattern}.`);
  }
}

/** Client authentications for which the client secret is not needed. */
const secretless: ReadonlySet<unknown> = new Set(["none", "private_key_jwt", "tls_client_auth"]);

function refuseMissing(auth: OAuth2 | OAuth1, values: Readonly<Record<string, unknown>>): void {
  const needsSecret = auth.type === "oauth1" || !(secretless.has(auth.client.authentication) || auth.grant === "jwt_bearer");
  const required = [
    "client_id",
    ...(needsSecret ? ["client_secret"] : []),
    ...auth.client.fields.filter((field) => field.required).map(({ name }) => name),
  ];
  for (const name of required) {
    if (values[name] !== undefined && values[name] !== "") continue;
    throw new JackfieldError("field_required", { detail: `${name} is required.`, members: { field: name } });
  }
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
