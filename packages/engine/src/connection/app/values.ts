import { compilePattern, type OAuth1, type OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import { splitSecrets } from "../../grant/secrets.ts";
import type { Runtime } from "../../runtime.ts";
import { type Actor, system } from "../actor.ts";
import { refuseWhitespace } from "../form.ts";
import { type AppPlace, type AppRecord, type AppSecrets, type FormerClient, type StoredClient, untried } from "../record.ts";
import { type AppChange, appEvent, sealSecrets, unsealSecrets } from "./record.ts";
import { settled } from "./tending.ts";

// What an admin saves of an app, checked, and what becomes of the app by it.

export interface AppValues {
  readonly client_id: string;
  /** Left out: the stored secret stays. */
  readonly client_secret?: string | undefined;
  /** False: the secret before this one is given up at once. */
  readonly keep_previous?: boolean | undefined;
  /** A day, such as 2026-12-31, or null. Left out: what is stored stays, as long as the secret does. */
  readonly expires_on?: string | null | undefined;
  /** What else the manifest's `client.fields` ask for. Left out: what is stored stays. */
  readonly [name: string]: string | boolean | null | undefined;
}

/** A private key with its chain of certificates is the longest of them. */
const maxBytes = 16 * 1024;

/** How long the secret that was replaced is held. */
const previousSecretLife = 7 * 86_400_000;

/** What is saved, and where. */
export interface Saving {
  readonly actor: Actor;
  readonly auth: OAuth2 | OAuth1;
  readonly place: AppPlace;
  readonly values: AppValues;
}

/** The app with what is saved, and what is told of it. Throws `field_required`. */
export function saved(runtime: Runtime, saving: Saving, stored: AppRecord | undefined): AppChange {
  const { actor, place, values } = saving;
  const now = new Date(runtime.clock()).toISOString();
  const known = clientOfId(stored, values.client_id);
  // What is not given stays; but the secret of a client that registered itself is none of another client's.
  const client = savedClient(runtime, saving, known ?? (stored?.registered === undefined ? stored : undefined));
  const before = known && unsealSecrets(runtime, place, known.sealed_secret).client_secret;
  const after = unsealSecrets(runtime, place, client.sealed_secret).client_secret;
  const rotation = before === undefined || before === after ? undefined : { before, after };
  const { record, events } = settled(runtime, {
    ...place,
    ...untried,
    ...client,
    ...previousSecret(runtime, saving, known, rotation),
    ...savedExpiry(values, stored, rotation !== undefined || stored?.client_id !== values.client_id),
    version: stored?.version ?? 0,
    former: formerClients(stored, values.client_id, now),
    tend_at: null,
    created_at: stored?.created_at ?? now,
    updated_at: now,
  });
  const types = [
    ...(rotation !== undefined
      ? (["app.secret_rotated"] as const)
      : isSame(runtime, stored, record)
        ? []
        : (["app.saved"] as const)),
    ...(known?.pause ? (["app.resumed"] as const) : []),
  ];
  const { client_id } = values;
  return { record, events: [...types.map((type) => appEvent(runtime, place, type, { actor: actor.id, client_id })), ...events] };
}

/** What a provider has registered the platform as (RFC 7591 §3.2.1). */
export interface Registration {
  readonly client_id: string;
  readonly client_secret?: string | undefined;
  /** When the secret ends, in milliseconds since the epoch. */
  readonly expires_at?: number | undefined;
  /** What it was registered as. */
  readonly as: string;
}

/** The app with the client that the platform got by itself, and what is told of it. */
export function registeredApp(
  runtime: Runtime,
  place: AppPlace,
  { client_id, client_secret, expires_at, as }: Registration,
  stored: AppRecord | undefined,
): AppChange {
  const now = new Date(runtime.clock()).toISOString();
  const { record, events } = settled(runtime, {
    ...place,
    ...untried,
    client_id,
    fields: {},
    sealed_secret: client_secret === undefined ? null : sealSecrets(runtime, place, { client_secret, extra: {} }),
    registered: { expires_at: expires_at === undefined ? null : new Date(expires_at).toISOString(), as },
    version: stored?.version ?? 0,
    former: formerClients(stored, client_id, now),
    expires_on: null,
    expiry_told: null,
    tend_at: null,
    created_at: stored?.created_at ?? now,
    updated_at: now,
  });
  return { record, events: [appEvent(runtime, place, "app.saved", { actor: system, client_id }), ...events] };
}

/** The client of this id, where the app has it or has had it. */
export function clientOfId(app: AppRecord | undefined, client_id: string): StoredClient | undefined {
  return app && [app, ...app.former].find((client) => client.client_id === client_id);
}

/** The end of a secret says nothing about another one. */
function savedExpiry(
  { expires_on }: AppValues,
  stored: AppRecord | undefined,
  isOther: boolean,
): Pick<AppRecord, "expires_on" | "expiry_told"> {
  const kept = isOther ? null : (stored?.expires_on ?? null);
  const end = expires_on === undefined ? kept : expires_on;
  return { expires_on: end, expiry_told: end !== null && end === stored?.expires_on ? stored.expiry_told : null };
}

/** The client as it is saved. Throws `field_required`. */
function savedClient(
  runtime: Runtime,
  { auth, place, values }: Saving,
  from: StoredClient | undefined,
): Pick<StoredClient, "client_id" | "fields" | "sealed_secret"> {
  const kept = unsealSecrets(runtime, place, from?.sealed_secret ?? null);
  const given = splitSecrets(auth, chosen(values));
  // What the manifest calls a secret may have been stored before it did.
  const before = splitSecrets(auth, from?.fields ?? {});
  const secrets: AppSecrets = {
    client_secret: values.client_secret || kept.client_secret,
    extra: { ...(before.secret as Readonly<Record<string, string>>), ...without(kept.extra, given.open), ...given.secret },
  };
  const fields = { ...before.open, ...given.open };
  refuseMissing(auth, { ...fields, ...secrets.extra, client_id: values.client_id, client_secret: secrets.client_secret });
  const hasSecret = secrets.client_secret !== undefined || Object.keys(secrets.extra).length > 0;
  return { client_id: values.client_id, fields, sealed_secret: hasSecret ? sealSecrets(runtime, place, secrets) : null };
}

/** The secret before the saved one. One that the provider never took does not drive out the one before it that works. */
function previousSecret(
  runtime: Runtime,
  { place, values }: Saving,
  known: StoredClient | undefined,
  rotation: { readonly before: string; readonly after: string | undefined } | undefined,
): Pick<StoredClient, "sealed_previous" | "previous_secret_until" | "previous_secret_used"> {
  const { sealed_previous, previous_secret_until, previous_secret_used } = { ...untried, ...known };
  if (values.keep_previous === false) return { sealed_previous: null, previous_secret_until: null, previous_secret_used: false };
  if (rotation === undefined) return { sealed_previous, previous_secret_until, previous_secret_used };
  const older = previous_secret_used ? unsealSecrets(runtime, place, sealed_previous).client_secret : undefined;
  const held = older === undefined || older === rotation.after ? rotation.before : older;
  return {
    sealed_previous: sealSecrets(runtime, place, held),
    previous_secret_until: new Date(runtime.clock() + previousSecretLife).toISOString(),
    previous_secret_used: false,
  };
}

/** The clients that are not the saved one. */
function formerClients(stored: AppRecord | undefined, client_id: string, now: string): readonly FormerClient[] {
  const others = stored?.former.filter((former) => former.client_id !== client_id) ?? [];
  return stored === undefined || stored.client_id === client_id ? others : [...others, formerClient(stored, now)];
}

function formerClient(app: AppRecord, since: string): FormerClient {
  const { client_id, fields, sealed_secret, sealed_previous, previous_secret_until, previous_secret_used, pause } = app;
  return {
    client_id,
    fields,
    sealed_secret,
    sealed_previous,
    previous_secret_until,
    previous_secret_used,
    pause,
    refused_alone: app.refused_alone,
    since,
    ...(app.registered === undefined ? {} : { registered: app.registered }),
    unused_since: null,
  };
}

/** Whether saving has changed nothing: a secret is sealed anew each time, so what is sealed is compared. */
function isSame(runtime: Runtime, before: AppRecord | undefined, after: AppRecord): boolean {
  if (before === undefined) return false;
  const said = (app: AppRecord) => {
    const { client_id, fields, expires_on, previous_secret_until } = app;
    const { extra } = unsealSecrets(runtime, app, app.sealed_secret);
    return JSON.stringify([client_id, fields, expires_on, previous_secret_until, extra]);
  };
  return said(before) === said(after);
}

/** Secrets that every app may have, for what the provider signs or checks. */
const commonSecrets = ["signing_secret"];

/** The further values that were given, and not left empty. */
function chosen({ client_id, client_secret, keep_previous, expires_on, ...extra }: AppValues): Record<string, string> {
  return Object.fromEntries(
    Object.entries(extra).filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== ""),
  );
}

function without<Value>(values: Readonly<Record<string, Value>>, names: object): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !Object.hasOwn(names, name)));
}

export function refuseBadValues(auth: OAuth2 | OAuth1, { keep_previous, expires_on, ...values }: AppValues): void {
  if (typeof expires_on === "string" && !isDay(expires_on)) {
    throw new JackfieldError("field_invalid", {
      detail: "expires_on must be a day such as 2026-12-31.",
      members: { field: "expires_on" },
    });
  }
  for (const [name, value] of Object.entries(values)) {
    const field = auth.client.fields.find((declared) => declared.name === name);
    const known = name === "client_id" || name === "client_secret" || commonSecrets.includes(name) || field !== undefined;
    const refuse = (detail: string) => {
      throw new JackfieldError("field_invalid", { detail: `${name} ${detail}`, members: { field: name } });
    };
    if (!known) refuse("is not asked for by this connector.");
    refuseWhitespace(name, value, field?.type);
    if (typeof value !== "string" || value === "") continue;
    if (Buffer.byteLength(value) > maxBytes) refuse(`has more than ${maxBytes} bytes.`);
    if (field?.pattern !== undefined && !compilePattern(field.pattern).matches(value)) refuse(`does not match ${field.pattern}.`);
  }
}

/** Not the 31st of February, either. */
function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
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
