import { createHash } from "node:crypto";
import { JackfieldError } from "../../errors.ts";
import type { BegunAuthorization } from "../../grant/authorization-code.ts";
import type { Known } from "../../grant/credential.ts";
import { grantOf } from "../../grant/grant.ts";
import type { Offer } from "../../grant/metadata.ts";
import type { Push } from "../../grant/pushed-authorization.ts";
import { TokenFailure } from "../../grant/token-failure.ts";
import type { Runtime } from "../../runtime.ts";
import type { Actor } from "../actor.ts";
import { asClient } from "../app/pause.ts";
import { isOutdated, namesOf, type OpenConnection, openForSignIn } from "../open.ts";
import type { ConnectionRecord, FlowRecord } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";
import { connectFailed } from "./connect.ts";
import { explain } from "./explain.ts";

/** What a flow keeps sealed. */
export interface FlowSecret {
  readonly url: string;
  readonly verifier: string | null;
  readonly secret: string | null;
  readonly nonce: string | null;
  /** What the provider offered then, so that the callback is judged without asking it again. */
  readonly offer: Offer | null;
  readonly push: Push | null;
  readonly scopes: readonly string[];
  /** The app's client that the sign-in was begun with: a code is worth nothing to another. */
  readonly client_id: string | null;
  /** The fields that the sign-in is made with; they become the connection's own when it succeeds. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

type Whose = Pick<FlowRecord, "workspace" | "connector" | "id">;

export const placeOfFlow = ({ workspace, connector, id }: Whose) => ({ workspace, connector, id, field: "flow" }) as const;

const sealFlow = (runtime: Runtime, flow: Whose, secret: FlowSecret): string => runtime.sealer.seal(placeOfFlow(flow), secret);

/** Throws `seal_broken`. */
export const openSecret = (runtime: Runtime, flow: FlowRecord): FlowSecret =>
  runtime.sealer.open(placeOfFlow(flow), flow.sealed) as FlowSecret;

/**
 * The connection of a sign-in that is under way, with the fields and as the client that it began with. What is sent for it is meant for
 * the servers that it began with: throws `state_invalid` where the auth block has changed since, and as `openForSignIn`.
 */
export function openBegun(
  runtime: Runtime,
  flow: FlowRecord,
  record: ConnectionRecord,
  { fields, client_id = null }: Pick<FlowSecret, "fields" | "client_id">,
): OpenConnection {
  const opened = openForSignIn(runtime, record);
  if (isOutdated(opened.auth, flow))
    throw new JackfieldError("state_invalid", { detail: "The connector was changed while you were signing in. Start again." });
  return { ...opened, record: { ...opened.record, client_id }, fields };
}

const lifetime = 10 * 60_000;

const iso = (time: number) => new Date(time).toISOString();

/** The flow of a sign-in that has begun. */
export function flowOf(
  runtime: Runtime,
  actor: Actor,
  record: ConnectionRecord,
  { ticket, state }: { readonly ticket: string; readonly state: string },
  begun: BegunAuthorization,
  {
    scopes,
    client_id,
    fields,
    auth_version,
  }: Pick<FlowSecret, "scopes" | "client_id" | "fields"> & Pick<FlowRecord, "auth_version">,
): FlowRecord {
  const id = sha256(ticket);
  const { workspace, connector, auth, environment } = record;
  const now = runtime.clock();
  const { device } = begun;
  const sealing: FlowSecret = {
    url: begun.url,
    verifier: begun.verifier ?? null,
    secret: begun.secret ?? null,
    nonce: begun.nonce ?? null,
    offer: begun.offer ?? null,
    push: begun.push ?? null,
    scopes,
    client_id,
    fields,
  };
  return {
    id,
    state_hash: sha256(state),
    connection: record.id,
    workspace,
    connector,
    auth,
    environment,
    actor: actor.id,
    via: actor.via,
    browser_hash: actor.browser === undefined ? null : sha256(actor.browser),
    redirect_uri: redirectUri(runtime, connector),
    auth_version,
    sealed: sealFlow(runtime, { workspace, connector, id }, sealing),
    polling: device === undefined ? null : { at: iso(now + device.interval), interval: device.interval, failures: 0 },
    created_at: iso(now),
    expires_at: iso(device?.expires_at ?? now + lifetime),
  };
}

/** The error of a sign-in whose connect session is over. */
export const linkEnded = (): JackfieldError =>
  new JackfieldError("state_invalid", { detail: "The link that this sign-in was started with has ended." });

/** What a sign-in brought. */
export interface Brought {
  readonly code: string;
  readonly state: string;
  /** What the callback told. */
  readonly callback: Known["callback"];
  /** What was granted, where the token answer does not tell. */
  readonly scopes?: readonly string[] | undefined;
}

/** Exchanges what a sign-in brought for a credential, which nothing keeps yet. Throws as the grant's `exchange`. */
export async function redeem(
  runtime: Runtime,
  flow: FlowRecord,
  opened: OpenConnection,
  { verifier, secret, nonce, offer }: FlowSecret,
  { code, state, callback, scopes }: Brought,
): Promise<OpenConnection> {
  const { exchange } = grantOf(opened.auth);
  if (exchange === undefined) throw new JackfieldError("no_user_step");
  const known = { ...opened.known, callback };
  const credential = await asClient(runtime, opened, "sign_in", (client) => {
    const names = namesOf(runtime, { ...opened, known }, client);
    return exchange(runtime, opened.auth, {
      code,
      state,
      redirect_uri: flow.redirect_uri,
      verifier: verifier ?? undefined,
      secret: secret ?? undefined,
      nonce: nonce ?? undefined,
      offer,
      client,
      names: { ...names, request: { ...(names.request as object), code } },
    });
  });
  const whole = { ...known, token: credential.known?.token ?? {} };
  return { ...opened, credential: { ...credential, known: whole, scopes: credential.scopes ?? scopes }, known: whole };
}

/** How a sign-in ended. */
export interface Conclusion {
  readonly record: ConnectionRecord;
  /** Why it did not succeed. */
  readonly error: JackfieldError | undefined;
}

/** Brings a sign-in to its end once its flow was taken; a failure is noted on the connection. */
export async function conclude(
  runtime: Runtime,
  { actor }: FlowRecord,
  record: ConnectionRecord,
  complete: () => Promise<ConnectionRecord>,
): Promise<Conclusion> {
  // The flow is gone; if the process dies from here on, the draft must not seem to wait for it.
  if (record.status === "awaiting_authorization") {
    await runtime.store.connections.update(record.id, { status: "draft" }, { expect: { status: "awaiting_authorization" } });
  }
  try {
    return { record: await complete(), error: undefined };
  } catch (cause) {
    const error = shown(runtime, cause, record);
    return { record: await connectFailed(runtime, record, error, actor), error };
  }
}

/** The error as a person should read it. */
function shown(runtime: Runtime, cause: unknown, record: ConnectionRecord): JackfieldError {
  if (!(cause instanceof JackfieldError)) {
    runtime.log("error", "a sign-in failed unexpectedly", { connection: record.id, cause });
    return new JackfieldError("internal", { cause });
  }
  const provider = cause.provider === undefined ? {} : { provider: cause.provider };
  if (cause instanceof TokenFailure && cause.provider?.error === "invalid_grant") {
    return new JackfieldError("code_expired", { ...provider, cause });
  }
  return explain(runtime, cause, record);
}
