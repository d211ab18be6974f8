// A connection that nobody made: what is given, and placeholders for the rest.

import type { Auth, Connector, Field } from "@jackfield/manifest";
import { withoutAffixes } from "../connection/form.ts";
import type { OpenConnection } from "../connection/open.ts";
import type { Client, Credential, Known } from "../grant/credential.ts";
import type { Platform } from "../runtime.ts";
import { paperRecord } from "./paper.ts";
import { answers, Named, nested, type Root } from "./placeholders.ts";

type Texts = Readonly<Record<string, string>>;

/** What whoever looks at a preview knows already. */
export interface Given {
  /** Default: the first one. */
  readonly environment?: string | undefined;
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  /** What else is entered with the app. */
  readonly app?: Texts | undefined;
  readonly redirect_uri?: string | undefined;
  readonly state?: string | undefined;
  readonly code?: string | undefined;
  readonly code_verifier?: string | undefined;
  /** What was captured of the callback, of the token's answer (also `raw.…`, paths of the whole answer), and after connecting. */
  readonly callback?: Texts | undefined;
  readonly token?: Texts | undefined;
  readonly connection?: Texts | undefined;
  readonly access_token?: string | undefined;
  readonly refresh_token?: string | undefined;
  /** Default: the required scopes. */
  readonly scopes?: readonly string[] | undefined;
  /** By action, option or trigger; the values of `""` count for all. */
  readonly input?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: (() => number) | undefined;
}

export interface Stand {
  readonly connector: Connector;
  readonly auth: Auth;
  readonly given: Given;
  readonly named: Named;
  readonly platform: Platform;
  readonly client: Client;
  readonly redirect_uri: string;
  readonly state: string;
  readonly code: string;
  readonly verifier: string;
  /** Before there is a credential. */
  readonly begun: OpenConnection;
  /** Connected. */
  readonly opened: OpenConnection;
}

/** The parts of a credential that are no captures. */
const parts = new Set([
  "access_token",
  "refresh_token",
  "token_type",
  "token_secret",
  "expires_at",
  "lifetime",
  "scope",
  "raw",
  "claims",
]);
/** What the platform itself knows of a connection. */
const own = new Set(["id", "short_id", "name", "unique_id", "label"]);

export async function standIn(connector: Connector, auth: Auth, environment: string, given: Given): Promise<Stand> {
  const named = new Named(connector, auth);
  const fields = await fieldsOf(auth, environment, given, named);
  const known: Known = {
    callback: members(named, "callback", given.callback, boundsOf(auth)),
    token: members(named, "token", given.token, boundsOf(auth), parts),
    connection: members(named, "connection", given.connection, boundsOf(auth), own),
  };
  const record = paperRecord({
    id: given.connection?.id ?? "<connection.id>",
    connector: connector.name,
    auth: auth.id,
    environment,
    fields,
  });
  const begun: OpenConnection = {
    record,
    connector,
    auth,
    fields,
    credential: undefined,
    known: { callback: known.callback, token: {}, connection: {} },
  };
  return {
    connector,
    auth,
    given,
    named,
    platform: { url: "https://platform-url.invalid", sandbox_url: "https://platform-sandbox-url.invalid" },
    client: clientOf(auth, given, named),
    redirect_uri: given.redirect_uri ?? "<redirect_uri>",
    state: given.state ?? "<state>",
    code: given.code ?? "<code>",
    verifier: given.code_verifier ?? "<code_verifier>",
    begun,
    opened: { ...begun, credential: credentialOf(auth, given, named, known), known },
  };
}

function fieldsOf(auth: Auth, environment: string, given: Given, named: Named): Promise<Record<string, unknown>> {
  // A sign-in of the provider's own asks for a client as it asks for everything else.
  const source = "client" in auth ? auth.client.source : "connection";
  const client: Readonly<Record<string, string | undefined>> = { client_id: given.client_id, client_secret: given.client_secret };
  const questions: (Field & { type: string })[] = auth.fields.map((field) =>
    field.type === "environment" ? { ...field, default: environment } : field,
  );
  // Where a connection may bring its own client, the admin's counts unless the fields are given.
  const preset = (name: string) => (source === "either" && Object.hasOwn(client, name) ? "" : client[name]);
  const all = questions.flatMap((question) => {
    const { name } = question;
    const value = given.fields?.[name] ?? (source === "app" ? undefined : preset(name));
    if (value === undefined) return [];
    return [[name, typeof value === "string" ? withoutAffixes(question, value) : value] as const];
  });
  return answers(
    "fields",
    questions,
    Object.fromEntries(all),
    (name) => named.placeholder("fields", name),
    (given.clock ?? Date.now)(),
  );
}

/** The first of the values that a capture may have. */
function boundsOf(auth: Auth): ReadonlyMap<string, string | undefined> {
  const bounds = new Map<string, string | undefined>();
  const note = (root: Root, captures: Readonly<Record<string, { readonly options: readonly string[] | undefined }>>) => {
    for (const [name, { options }] of Object.entries(captures)) bounds.set(`${root}.${name}`, options?.[0]);
  };
  if (auth.type === "oauth2") note("callback", auth.callback.capture);
  if ("token" in auth && auth.token !== undefined && "capture" in auth.token) {
    note("token", auth.token.capture);
    for (const then of auth.token.then) note("token", then.capture);
  }
  for (const step of auth.after_connect) note("connection", step.capture);
  return bounds;
}

function members(
  named: Named,
  root: Root,
  given: Texts = {},
  bounds: ReadonlyMap<string, string | undefined>,
  except: ReadonlySet<string> = new Set(),
): Texts {
  const names = [...new Set([...named.names(root), ...Object.keys(given)])].filter(
    (name) => !except.has(name.split(".")[0] ?? ""),
  );
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? bounds.get(`${root}.${name}`) ?? named.placeholder(root, name)]),
  );
}

function clientOf(auth: Auth, given: Given, named: Named): Client {
  const declared = "client" in auth ? auth.client.fields.map(({ name }) => name) : [];
  const extra = [...declared, ...named.names("app"), ...Object.keys(given.app ?? {})].filter(
    (name) => !/^client_(id|secret)$/.test(name),
  );
  return {
    client_id: given.client_id ?? "<client_id>",
    client_secret: given.client_secret ?? "<client_secret>",
    extra: Object.fromEntries(extra.map((name) => [name, given.app?.[name] ?? named.placeholder("app", name)])),
  };
}

function credentialOf(auth: Auth, given: Given, named: Named, known: Known): Credential | undefined {
  if (auth.type !== "oauth2" && auth.type !== "oauth1" && !(auth.type === "custom" && auth.token !== undefined)) return undefined;
  const token = given.token ?? {};
  const raw = [...named.raw].map((path) => [path, token[`raw.${path}`] ?? `<token.raw.${path}>`] as const);
  const claims = [...named.claims].map((path) => [path, token[`claims.${path}`] ?? `<token.claims.${path}>`] as const);
  const further = Object.entries(token).flatMap(([path, value]) =>
    path.startsWith("raw.") ? [[path.slice(4), value] as const] : [],
  );
  return {
    access_token: given.access_token ?? "<access_token>",
    refresh_token: given.refresh_token ?? "<refresh_token>",
    token_secret: token.token_secret ?? "<token_secret>",
    token_type: token.token_type ?? "Bearer",
    expires_at: undefined,
    lifetime: undefined,
    scopes: given.scopes,
    raw: nested([...raw, ...further]),
    ...(claims.length === 0 ? {} : { claims: nested(claims) as Credential["claims"] }),
    known,
  };
}
