import type { Auth } from "@jackfield/manifest";
import { type ErrorCode, JackfieldError } from "../../errors.ts";
import { authorizationUrl } from "../../grant/authorization-code.ts";
import { type Client, withPreviousSecret } from "../../grant/credential.ts";
import { grantOf } from "../../grant/grant.ts";
import { type Push, pushAuthorization } from "../../grant/pushed-authorization.ts";
import type { Runtime } from "../../runtime.ts";
import { type Actor, system } from "../actor.ts";
import { changeFields } from "../fields.ts";
import {
  clientOf,
  declared,
  follow,
  freshNames,
  isOutdated,
  madeWith,
  namesOf,
  type OpenConnection,
  openForSignIn,
  publicNamesOf,
  versionIn,
} from "../open.ts";
import type { ConnectionError, ConnectionRecord, FlowRecord } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";
import { scopesToAsk } from "../scopes.ts";
import { type Connection, view } from "../view.ts";
import { type Callback, captureCallback, readCallback, verifyCallback } from "./callback.ts";
import { connect, connectFailed, connectionError } from "./connect.ts";
import { endPolled, notConfirmed, schedulePoll } from "./device.ts";
import { conclude, type FlowSecret, flowOf, openBegun, openSecret, redeem, sha256 } from "./flow.ts";
import { noteRefused } from "./refused.ts";
import { clientToConnect } from "./registration.ts";
import { callbackNames, refuseForeign, refuseOtherBrowser, refuseOtherPerson, takeFlow } from "./visitor.ts";

/*
 * A sign-in. `begin` stores a flow and gives a URL of ours; `openFlow` binds the browser that opens it and sends it on to the provider;
 * `finish` takes what came back. State and ticket are 256 random bits each and are stored as hashes only.
 */

/** How a sign-in ended. Nothing in it is secret. */
export interface CallbackOutcome {
  /** Who had started it. */
  readonly actor: string;
  readonly connection: Connection;
  readonly outcome: "connected" | "denied" | "failed";
  readonly error: ConnectionError | null;
}

/** Where a person goes to sign in. */
export interface Begun {
  /** A page of ours that binds the browser; or the provider's own, where the person confirms on any device. */
  readonly authorization_url: string;
  readonly expires_at: string;
  /** What the person types there, and where (RFC 8628 §3.2). Texts of the provider's. */
  readonly user_code?: string;
  readonly verification_uri?: string;
  /** Seconds between two questions whether the code was confirmed. */
  readonly interval?: number;
}

/**
 * Starts a sign-in for a connection, with other fields where `changed` gives some; a code for another device that was given out before
 * is good for nothing from then on. Throws `no_user_step`, `app_not_configured`, `field_…`, `url_invalid`, `metadata_lacking`,
 * and what a provider says that is asked first.
 */
export async function begin(
  runtime: Runtime,
  actor: Actor,
  record: ConnectionRecord,
  changed?: Readonly<Record<string, unknown>>,
): Promise<Begun> {
  const stored = openForSignIn(runtime, record);
  const { auth } = stored;
  const asIs = changed === undefined && !isOutdated(auth, record);
  const opened = asIs ? stored : { ...stored, fields: await changeFields(runtime, stored, changed ?? {}) };
  const { begin: beginGrant } = grantOf(auth);
  if (beginGrant === undefined) throw new JackfieldError("no_user_step");
  // What comes back must come with the browser that it is bound to.
  if (auth.type === "oauth2" && auth.callback.source !== "query") throw new JackfieldError("grant_unsupported");
  const client = await clientToConnect(runtime, opened);
  const scopes = await scopesToAsk(opened);
  const state = runtime.random(32).toString("base64url");
  const ticket = runtime.random(32).toString("base64url");
  const redirect = redirectUri(runtime, record.connector);
  const names = {
    ...publicNamesOf(runtime, opened),
    app: { ...client.extra, client_id: client.client_id },
    request: freshNames(runtime),
  };
  const begun = await beginGrant(runtime, auth, {
    client,
    client_id: client.client_id,
    redirect_uri: redirect,
    scopes,
    state,
    names,
  });

  const keys = { ticket, state: begun.state ?? state };
  const flow = flowOf(runtime, actor, record, keys, begun, {
    scopes,
    client_id: madeWith(opened, client).record.client_id,
    fields: opened.fields,
    auth_version: versionIn(auth, record)?.id,
  });
  // A code of an earlier try is good for nothing any more.
  if (flow.polling !== null) await endPolled(runtime, record.id);
  await runtime.store.flows.insert(flow);
  await noteBegun(runtime, actor, record);
  const { expires_at } = flow;
  if (flow.polling === null || begun.device === undefined) {
    return { authorization_url: `${runtime.platform.url}/oauth/authorize/${ticket}`, expires_at };
  }
  await schedulePoll(runtime, { id: flow.id, at: flow.polling.at });
  const { user_code, verification_uri, interval } = begun.device;
  return { authorization_url: begun.url, expires_at, user_code, verification_uri, interval: interval / 1000 };
}

async function noteBegun(runtime: Runtime, actor: Actor, record: ConnectionRecord): Promise<void> {
  const event = runtime.events.make(record, "authorization_started", { actor: actor.id });
  const waiting = record.status === "draft" || (record.status === "error" && record.credential_version === 0);
  const written = await runtime.store.connections.update(
    record.id,
    {
      ...(waiting ? { status: "awaiting_authorization", error: null } : {}),
      updated_at: new Date(runtime.clock()).toISOString(),
    },
    // A provider that is asked first takes its time, in which the connection may have come to its end.
    { ...(waiting ? { expect: { status: record.status } } : {}), events: [event] },
  );
  if (written === undefined) runtime.events.note(event);
  else runtime.events.announce([event]);
}

/** A browser opens our authorization URL. Throws `state_invalid`, and what a provider gets wrong that must be told the request before. */
export async function openFlow(
  runtime: Runtime,
  ticket: string,
  browser: string | undefined,
  person: string | undefined,
  guests: readonly string[] = [],
): Promise<{ location: string; browser: string }> {
  const id = sha256(ticket);
  const flow = await runtime.store.flows.get(id);
  if (flow === undefined || Date.parse(flow.expires_at) <= runtime.clock()) throw new JackfieldError("state_invalid");
  const binding = browser ?? runtime.random(32).toString("base64url");
  try {
    refuseOtherPerson(flow, person, guests);
    const bound = flow.browser_hash === null ? await runtime.store.flows.bind(id, sha256(binding)) : flow;
    if (bound === undefined) throw new JackfieldError("state_invalid");
    refuseOtherBrowser(bound, binding);
  } catch (cause) {
    noteRefused(runtime, { ...flow, id: flow.connection }, person, cause);
    throw cause;
  }
  const secret = openSecret(runtime, flow);
  return { location: !secret.push ? secret.url : await pushedUrl(runtime, flow, secret, secret.push), browser: binding };
}

/** A reference lives for a minute or so, and often for one use only: the request is pushed when the browser is here. */
async function pushedUrl(runtime: Runtime, flow: FlowRecord, secret: FlowSecret, push: Push): Promise<string> {
  const record = await follow(runtime, flow.connection);
  if (record === undefined) throw new JackfieldError("state_invalid");
  const opened = openBegun(runtime, flow, record, secret);
  const { auth } = opened;
  if (auth.type !== "oauth2") throw new JackfieldError("state_invalid");
  try {
    const client = await clientOf(runtime, opened);
    const reference = await pushAuthorization(runtime, auth, push, { client, names: namesOf(runtime, opened, client) });
    if (reference !== undefined) return authorizationUrl(auth, push.endpoint, reference);
    runtime.log("info", "a provider did not take a request that it offers to have pushed", { connection: record.id });
    return secret.url;
  } catch (cause) {
    if (cause instanceof JackfieldError) await connectFailed(runtime, record, cause, flow.actor);
    throw cause;
  }
}

/**
 * The provider sent a browser to a connector's redirect URL. The state is consumed before anything else, so that of two callbacks at
 * once exactly one goes on. Throws `state_invalid`, `callback_invalid`, `issuer_mismatch` before any token request; how everything
 * later ends is an outcome.
 */
export async function finish(
  runtime: Runtime,
  connector: string,
  query: string,
  browser: string | undefined,
  person: string | undefined,
  guests: readonly string[] = [],
): Promise<CallbackOutcome> {
  const { flow, state } = await takeFlow(runtime, connector, query).catch((cause: unknown) => {
    noteRefused(runtime, { id: null, workspace: runtime.workspace, connector }, person, cause);
    throw cause;
  });
  const record = await follow(runtime, flow.connection);
  if (record === undefined || record.status === "revoked") {
    const gone = new JackfieldError("state_invalid", { detail: "The connection was disconnected meanwhile." });
    noteRefused(runtime, record ?? { id: null, workspace: flow.workspace, connector: flow.connector }, person, gone);
    throw gone;
  }
  let callback: Callback;
  try {
    // The connector may have lost this way to connect meanwhile.
    callback = readCallback(query, callbackNames(declared(runtime, flow).auth));
    if (callback.state !== state) throw new JackfieldError("state_invalid");
    refuseForeign(runtime, flow, callback, connector, { browser, person, guests });
  } catch (cause) {
    if (cause instanceof JackfieldError) await connectFailed(runtime, record, cause, system);
    throw cause;
  }
  const { record: ended, error } = await conclude(runtime, flow, record, () => complete(runtime, flow, record, callback, state));
  return {
    actor: flow.actor,
    connection: view(runtime, { owner: record.owner }, ended),
    outcome: error === undefined ? "connected" : error.code === "access_denied" ? "denied" : "failed",
    error: error === undefined ? null : connectionError(error, runtime.clock()),
  };
}

async function complete(
  runtime: Runtime,
  flow: FlowRecord,
  record: ConnectionRecord,
  callback: Callback,
  state: string,
): Promise<ConnectionRecord> {
  if (callback.error !== undefined) throw refusedAtProvider(callback);
  if (callback.code === undefined)
    throw new JackfieldError("callback_invalid", { detail: "The callback brings neither a code nor an error." });
  const secret = openSecret(runtime, flow);
  const opened = openBegun(runtime, flow, record, secret);
  const captured = await checkCallback(runtime, opened, callback, await clientOf(runtime, opened));
  const granted = scopesIn(opened.auth, callback);
  const brought = { code: callback.code, state, callback: captured, scopes: granted };
  const fresh = await redeem(runtime, flow, opened, secret, brought);
  return (await connect(runtime, fresh, secret.scopes, flow.actor)).record;
}

/** What was granted, where the callback tells it and the token answer does not. */
function scopesIn(auth: Auth, { params }: Callback): readonly string[] | undefined {
  const name = auth.type === "oauth2" ? auth.callback.scope : undefined;
  const granted =
    name === undefined
      ? undefined
      : params
          .get(name)
          ?.slice(0, 8192)
          .split(/[\s,]+/)
          .filter((scope) => scope !== "");
  return granted === undefined || granted.length === 0 ? undefined : granted;
}

/** What the manifest asks of a callback, before the code is sent anywhere. Throws `signature_invalid`, `capture_…`. */
async function checkCallback(
  runtime: Runtime,
  opened: OpenConnection,
  callback: Callback,
  client: Client,
): Promise<Readonly<Record<string, string>>> {
  const { auth } = opened;
  if (auth.type !== "oauth2") return {};
  const verify = (signer: Client) => verifyCallback(auth, callback, namesOf(runtime, opened, signer), runtime.clock());
  await verify(client).catch((cause: unknown) => {
    const before = withPreviousSecret(client);
    if (before === undefined) throw cause;
    return verify(before);
  });
  return captureCallback(auth, callback);
}

/** `error` at the callback (RFC 6749 §4.1.2.1) → our code. */
const callbackErrors: Readonly<Record<string, ErrorCode>> = {
  access_denied: "access_denied",
  // The person must do something at the provider that was not asked of them.
  login_required: "grant_refused",
  consent_required: "grant_refused",
  interaction_required: "grant_refused",
  account_selection_required: "grant_refused",
  invalid_scope: "scope_refused",
  unauthorized_client: "client_refused",
  redirect_uri_mismatch: "redirect_uri_mismatch",
  temporarily_unavailable: "provider_unavailable",
  server_error: "provider_unavailable",
};

function refusedAtProvider(callback: Callback): JackfieldError {
  const error = callback.error ?? "";
  const code = Object.hasOwn(callbackErrors, error) ? callbackErrors[error] : undefined;
  const words = callback.error_description ?? error;
  return new JackfieldError(code ?? "authorization_failed", {
    ...(code === "access_denied" ? {} : { detail: `The provider answered: ${words}` }),
    provider: {
      error,
      ...(callback.error_description === undefined ? {} : { error_description: callback.error_description }),
      ...(callback.error_uri === undefined ? {} : { error_uri: callback.error_uri }),
    },
  });
}

const expiredAtOnce = 1_000;

/** Sign-ins that nobody finished: their drafts are drafts again. */
export async function expireFlows(runtime: Runtime): Promise<void> {
  const now = new Date(runtime.clock()).toISOString();
  for (;;) {
    const expired = await runtime.store.flows.expired(now, expiredAtOnce);
    for (const flow of expired) {
      const record = await runtime.store.connections.get(flow.connection);
      const unfinished = new JackfieldError("state_invalid", { detail: "Sign-in was not finished." });
      if (record?.status === "awaiting_authorization")
        await connectFailed(runtime, record, flow.polling === null ? unfinished : notConfirmed(), system, true);
      // Only now: whatever ends this before, the flow is found again, and nobody waits for it for ever.
      await runtime.store.flows.consume(flow.state_hash);
    }
    if (expired.length < expiredAtOnce) return;
  }
}
