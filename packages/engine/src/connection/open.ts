import { type Auth, type AuthVersion, type Connector, type Template, withLiveParts } from "@jackfield/manifest";
import { createRedactor, type Redactor } from "../egress/redact.ts";
import { compileRule, type Rule } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import { appNames, type Client, type Credential, type Known, nothingKnown, tokenNames } from "../grant/credential.ts";
import { clientSecrets, fieldSecrets, splitSecrets, tokenSecrets } from "../grant/secrets.ts";
import { ambient, type Names } from "../request/hole.ts";
import { renderUrls } from "../request/url.ts";
import type { Runtime } from "../runtime.ts";
import { changeClient, clientIn, findApp, unsealSecrets } from "./app/record.ts";
import type { AppRecord, ConnectionRecord, StoredClient } from "./record.ts";
import { redirectUri } from "./redirect-uri.ts";
import type { Place } from "./seal.ts";

/** A connection with its secrets in the clear: lives in memory for one piece of work and is never stored, logged or returned. */
export interface OpenConnection {
  readonly record: ConnectionRecord;
  readonly connector: Connector;
  readonly auth: Auth;
  /** Non-secret and secret fields. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly credential: Credential | undefined;
  /** What was captured from outside when it was connected. */
  readonly known: Known;
}

export function place(record: Pick<ConnectionRecord, "workspace" | "connector" | "id">, field: Place["field"]): Place {
  return { workspace: record.workspace, connector: record.connector, id: record.id, field };
}

export interface Declared {
  readonly connector: Connector;
  readonly auth: Auth;
}

/** The connector and auth block as the manifest has them now: what sign-ins go by. Throws `connector_unknown`, `auth_unknown`. */
export function declared(runtime: Runtime, record: Pick<ConnectionRecord, "connector" | "auth">): Declared {
  const connector = connectorOf(runtime, record.connector);
  return { connector, auth: authOf(connector, record.auth) };
}

/** What tells the version of the auth block that a connection goes by. */
export type Versioned = Pick<ConnectionRecord, "connector" | "auth" | "environment" | "auth_version" | "credential_version">;

/**
 * What a stored credential goes by: the version of the auth block that it was made with, so that no later manifest can send it elsewhere.
 * The rest of the connector is that of now; where the connector is gone, there is no rest. Throws as `declared`, and
 * `auth_version_missing`.
 */
export function inForce(runtime: Runtime, record: Versioned): Declared {
  const { auth_version: version, environment } = record;
  const connector = runtime.connectors.get(record.connector);
  const current = connector && blockOf(connector, record.auth);
  if (!version || record.credential_version === 0 || current?.versions[environment]?.id === version)
    return declared(runtime, record);
  const kept = runtime.connectors.kept(version);
  if (kept === undefined) throw new JackfieldError("auth_version_missing");
  const auth = authOf(kept, record.auth);
  return {
    connector:
      connector === undefined ? kept : { ...connector, environments: { ...connector.environments, ...kept.environments } },
    auth: current === undefined ? auth : laidOver(auth, current),
  };
}

/** The same object each time, so that what is shared by auth block stays so. */
function laidOver(kept: Auth, current: Auth): Auth {
  const known = overlays.get(kept);
  if (known?.current === current) return known.auth;
  const auth = withLiveParts(kept, current);
  overlays.set(kept, { current, auth });
  return auth;
}

const overlays = new WeakMap<Auth, { readonly current: Auth; readonly auth: Auth }>();

/** The version that a connection with this block is made with; undefined where the block no longer has the environment. */
export function versionIn(
  auth: Auth | undefined,
  { environment }: Pick<ConnectionRecord, "environment">,
): AuthVersion | undefined {
  return auth !== undefined && Object.hasOwn(auth.versions, environment) ? auth.versions[environment] : undefined;
}

/** Whether what is stored was made with, or given for, another version than the block has now. */
export function isOutdated(
  auth: Auth | undefined,
  made: { readonly environment: string; readonly auth_version?: string | null | undefined },
): boolean {
  const version = versionIn(auth, made);
  return Boolean(made.auth_version) && version !== undefined && version.id !== made.auth_version;
}

/** A connection from before there were versions gets the one that it is used with. */
export async function adoptVersion(runtime: Runtime, { record, auth }: Pick<OpenConnection, "record" | "auth">): Promise<void> {
  const version = versionIn(auth, record);
  if (record.auth_version || version === undefined || record.credential_version === 0) return;
  await runtime.connectors.keep(version);
  const expect = { credential_version: record.credential_version };
  await runtime.store.connections.update(record.id, { auth_version: version.id }, { expect });
}

/** The record that an id stands for: aliases are followed, one of an alias too. */
export async function follow(runtime: Pick<Runtime, "store">, id: string): Promise<ConnectionRecord | undefined> {
  let record = await runtime.store.connections.get(id);
  while (record?.alias_of) record = await runtime.store.connections.get(record.alias_of);
  return record;
}

/** As `connectorOf`, for a request that names it: another process may have published it just now. */
export async function findConnector(runtime: Runtime, name: string): Promise<Connector> {
  await runtime.connectors.learn?.({ connector: name });
  return connectorOf(runtime, name);
}

/** Throws `connector_unknown`. */
export function connectorOf(runtime: Runtime, name: string): Connector {
  const connector = runtime.connectors.get(name);
  if (!connector) throw new JackfieldError("connector_unknown", { detail: `There is no connector "${name}".` });
  return connector;
}

/** Throws `auth_unknown`. */
export function authOf(connector: Connector, id: string): Auth {
  const auth = blockOf(connector, id);
  if (!auth) throw new JackfieldError("auth_unknown", { detail: `${connector.title} has no way to connect called "${id}".` });
  return auth;
}

function blockOf(connector: Connector, id: string): Auth | undefined {
  return Object.hasOwn(connector.auth, id) ? connector.auth[id] : undefined;
}

/** Unseals a connection. Throws `seal_broken`, and as `inForce`. */
export function open(runtime: Runtime, record: ConnectionRecord, by: Declared = inForce(runtime, record)): OpenConnection {
  const { connector, auth } = by;
  const secrets =
    record.sealed_fields === null ? {} : (runtime.sealer.open(place(record, "fields"), record.sealed_fields) as object);
  const sealed =
    record.sealed_credential === null
      ? undefined
      : (runtime.sealer.open(place(record, "credential"), record.sealed_credential) as Partial<Credential>);
  return {
    record,
    connector,
    auth,
    fields: { ...record.fields, ...secrets },
    // Of a way to connect without a token, only what was captured is sealed.
    credential: sealed?.access_token === undefined ? undefined : (sealed as Credential),
    known: sealed?.known ?? nothingKnown,
  };
}

/**
 * A connection as a sign-in finds it: by the manifest of now, and without the credential, which was not given for that. Throws as
 * `declared`, and `environment_unknown`, `seal_broken`.
 */
export function openForSignIn(runtime: Runtime, record: ConnectionRecord): OpenConnection {
  const by = declared(runtime, record);
  if (versionIn(by.auth, record) === undefined)
    throw new JackfieldError("environment_unknown", {
      detail: `${by.connector.title} no longer has the environment "${record.environment}".`,
    });
  return anew(open(runtime, { ...record, sealed_credential: null }, by));
}

/** What of `request` is new with each request: one id and one time, the same in all of its parts. */
export function freshNames(context: Pick<Runtime, "clock" | "random">): { readonly id: string; readonly timestamp: number } {
  return { id: uuid(context.random(16)), timestamp: context.clock() };
}

/** RFC 9562 §5.4. */
function uuid(bytes: Buffer): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What the templates of this connection may name. `client` only where the token endpoint is spoken to. */
export function namesOf(runtime: Runtime, opened: OpenConnection, client?: Client): Names {
  const { record, connector, fields, credential, known } = opened;
  return {
    fields,
    env: { ...connector.environments[record.environment], name: record.environment },
    platform: { ...runtime.platform, redirect_uri: redirectUri(runtime, connector.name) },
    connection: {
      ...known.connection,
      id: record.id,
      short_id: shortId(record.id),
      name: record.name,
      unique_id: record.unique_id,
      label: record.label,
    },
    callback: known.callback,
    token: credential === undefined ? known.token : { ...known.token, ...tokenNames(credential) },
    ...(client === undefined ? {} : { app: appNames(client), request: freshNames(runtime) }),
    [ambient]: { clock: runtime.clock, random: runtime.random },
  };
}

/** The same without any secret: for what is stored in the open, or sent through a browser, whatever its templates name. */
export function publicNamesOf(runtime: Runtime, opened: OpenConnection): Names {
  const { auth, fields, credential, known } = opened;
  const { token_type, expires_at, scope, claims } = credential === undefined ? {} : tokenNames(credential);
  return {
    ...namesOf(runtime, opened),
    fields: openFields(auth, fields),
    token: { ...known.token, token_type, expires_at, scope, claims },
  };
}

/** The fields that are no secret. */
export function openFields(
  { fields: declared }: Pick<Auth, "fields">,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const secret = new Set(declared.filter((field) => field.secret).map(({ name }) => name));
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !secret.has(name)));
}

export function shortId(id: string): string {
  return id.slice(-6);
}

/** The rules that say where this connection's credential may go. While `after_connect` looks for what one names, that one allows nothing. */
export async function whitelistOf(runtime: Runtime, opened: OpenConnection): Promise<readonly Rule[]> {
  const names = namesOf(runtime, opened);
  const known = opened.auth.whitelist.filter((template) => !isAwaited(template, opened));
  const urls = await Promise.all(known.map((template) => renderUrls(template, names)));
  return urls.flat().map((url) => compileRule(url));
}

/** Whether a template names something that `after_connect` finds and has not found yet. */
function isAwaited({ source }: Template, { auth, known }: OpenConnection): boolean {
  const found = auth.after_connect.flatMap(({ capture, choose }) => [...Object.keys(capture), ...(choose ? [choose.name] : [])]);
  return found.some((name) => known.connection[name] === undefined && new RegExp(`\\bconnection\\.${name}\\b`).test(source));
}

/** Replaces this connection's secrets in texts that came from the provider, and what else was sent. */
export function redactorOf(
  { auth, fields, credential }: OpenConnection,
  client: Client | undefined,
  sent: readonly string[],
): Redactor {
  const ofClient = client === undefined ? [] : clientSecrets(client);
  const secrets = [...fieldSecrets(auth, fields), ...tokenSecrets(credential ?? {}), ...ofClient, ...sent];
  return createRedactor(secrets.filter((secret): secret is string => typeof secret === "string"));
}

/** A client, and the app that it is of where an admin brought it. */
export interface AppClient extends Client {
  readonly app?: AppRecord;
}

/**
 * The client that speaks to the token endpoint: the connection's own where the manifest lets the user bring it, otherwise that of the admin's
 * app of the same environment which the record names, and the present one where it names none. Throws `app_not_configured`.
 */
export async function clientOf(runtime: Runtime, opened: Pick<OpenConnection, "record" | "auth" | "fields">): Promise<AppClient> {
  const { record, auth, fields } = opened;
  if (auth.type !== "oauth2" && auth.type !== "oauth1") return noClient;
  const { source } = auth.client;
  if (source === "none") return noClient;
  if (source !== "app" && typeof fields.client_id === "string") {
    return {
      client_id: fields.client_id,
      client_secret: typeof fields.client_secret === "string" ? fields.client_secret : undefined,
    };
  }
  const app = source === "connection" ? undefined : await findApp(runtime, record);
  if (!app && source === "either" && auth.type === "oauth2" && auth.grant === "password") return noClient;
  if (!app) throw new JackfieldError("app_not_configured");
  const stored = clientIn(app, record.client_id);
  if (stored) return { ...openClient(runtime, auth, app, stored), app };
  throw new JackfieldError("app_not_configured", {
    detail: `This connection was made with the client ${record.client_id}, which is not saved any more.`,
    hint: "Reconnect it, or save that client again on the connector's set-up page.",
  });
}

/** Nobody brings a client: nothing of one is sent. */
const noClient: Client = { client_id: "", client_secret: undefined };

/** The connection for a new sign-in, whose client is the present one of the app, whichever it was before. */
export function anew(opened: OpenConnection): OpenConnection {
  return { ...opened, record: { ...opened.record, client_id: null } };
}

/** The connection as one that was made with a client: what its record is to say of it. */
export function madeWith(opened: OpenConnection, { app, client_id }: AppClient): OpenConnection {
  return { ...opened, record: { ...opened.record, client_id: app === undefined ? null : client_id } };
}

/** Unseals a client. Throws `seal_broken`. */
function openClient(runtime: Runtime, auth: Auth, app: AppRecord, stored: StoredClient): Client {
  const { client_id, previous_secret_until: until } = stored;
  const { client_secret, extra } = unsealSecrets(runtime, app, stored.sealed_secret);
  const { open, secret } = splitSecrets(auth, stored.fields);
  const client = { client_id, client_secret, extra: open, secrets: { ...secret, ...extra } };
  if (stored.sealed_previous === null || until === null || Date.parse(until) <= runtime.clock()) return client;
  const previous = unsealSecrets(runtime, app, stored.sealed_previous).client_secret;
  if (previous === undefined) return client;
  return { ...client, previous: { client_secret: previous, used: () => notePreviousSecret(runtime, app, client_id) } };
}

/** The provider took the secret before the one that was saved last: told once, so that an admin sees that the new one does not work. */
async function notePreviousSecret(runtime: Runtime, app: AppRecord, client_id: string): Promise<void> {
  await changeClient(runtime, app, client_id, ({ previous_secret_used }, { updated_at }) =>
    previous_secret_used || updated_at !== app.updated_at
      ? undefined
      : { client: { previous_secret_used: true }, event: { type: "app.previous_secret_used" } },
  );
}

/** The fields that hold a person's password where the manifest has it erased: they are never written anywhere. */
export function passwordsNotKept(auth: Auth): ReadonlySet<string> {
  if (auth.type !== "oauth2" || auth.grant !== "password" || auth.store_password) return new Set();
  const sent = auth.token.params.password;
  const named = sent !== null && typeof sent === "object" ? fieldsNamed(sent.source) : [];
  return new Set(["password", ...named]);
}

/** The fields that an expression or a template names. */
export function fieldsNamed(source: string): string[] {
  return [...source.matchAll(/\bfields\s*\.\s*(?:`([^`]+)`|([A-Za-z_]\w*))/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** Fields as they are stored: the secret ones sealed, the others as they are, a password that is not kept nowhere. */
export function sealFields(
  runtime: Pick<Runtime, "sealer">,
  record: Pick<ConnectionRecord, "workspace" | "connector" | "id">,
  auth: Auth,
  fields: Readonly<Record<string, unknown>>,
): Pick<ConnectionRecord, "fields" | "sealed_fields"> {
  const shown = openFields(auth, fields);
  const dropped = passwordsNotKept(auth);
  const hidden = Object.entries(fields).filter(([name]) => !Object.hasOwn(shown, name) && !dropped.has(name));
  return {
    fields: shown,
    sealed_fields: hidden.length === 0 ? null : runtime.sealer.seal(place(record, "fields"), Object.fromEntries(hidden)),
  };
}
