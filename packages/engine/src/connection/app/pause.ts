import type { Auth, Template } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import { TokenFailure } from "../../grant/token-failure.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { type AppClient, clientOf, type OpenConnection } from "../open.ts";
import type { AppPause, AppPlace, AppRecord, ConnectionRecord } from "../record.ts";
import { connectionError, scheduleRefresh } from "../sign-in/connect.ts";
import { explain } from "../sign-in/explain.ts";
import { isUsable } from "../upkeep/expiry.ts";
import { changeClient, clientIn, hasEnded } from "./record.ts";

/*
 * A provider that refuses the client itself (`invalid_client`, `unauthorized_client`) refuses every connection of it, and none of them is
 * to blame. The first refusal pauses the refreshes of all; from then on one connection at a time tries again, ever more seldom, until the
 * provider takes the client, whatever it says to that one's token, or an admin saves the app.
 */

const firstPause = 15 * 60_000;
const longestPause = 4 * 3_600_000;

/** Until the next try after so many refusals. */
const pauseAfter = (refusals: number) => Math.min(longestPause, firstPause * 2 ** (refusals - 1));

type Purpose = "sign_in" | "refresh";

/** The provider refuses the app, so this connection was not refreshed. */
export class AppPaused extends JackfieldError {
  readonly until: string;
  /** Whether it was this connection that was refused. */
  readonly asked: boolean;
  constructor({ until, error }: AppPause, { now, asked = false, cause }: { now: number; asked?: boolean; cause?: unknown }) {
    super("client_refused", {
      detail: `${error.message.replace(/[.!?]?$/, ".")} No connection of this app is refreshed until it is saved anew, or the provider takes it again.`,
      hint: error.hint,
      ...(error.provider === undefined ? {} : { provider: error.provider }),
      ...(cause === undefined ? {} : { cause }),
      retry_after: Math.max(0, Date.parse(until) - now),
    });
    this.name = "AppPaused";
    this.until = until;
    this.asked = asked;
  }
}

/**
 * Speaks to a token endpoint as a connection's client, and notes what that says of the app. A sign-in is always let through: somebody waits
 * for it. Throws `AppPaused`, as `clientOf`, and what `ask` throws.
 */
export function asClient<T>(
  runtime: Runtime,
  opened: OpenConnection,
  purpose: Purpose,
  ask: (client: AppClient) => Promise<T>,
): Promise<T> {
  const { record, auth } = opened;
  if (purpose === "sign_in" || record.client_id === null || !isCommon(auth)) return asked(runtime, opened, purpose, ask);
  const key = JSON.stringify([record.workspace, record.connector, record.auth, record.environment, record.client_id]);
  return runtime.scouts.run(key, () => asked(runtime, opened, purpose, ask));
}

/**
 * Whether all connections speak to the same token endpoint, and prove the client there in the same way. Where the user or the account
 * decides on it, what one of them answers says nothing about the others; and nobody's own server or wrong choice may pause everybody.
 */
function isCommon(auth: Auth): boolean {
  if (auth.type !== "oauth2") return false;
  const endpoints = [auth.token, auth.refresh];
  const said = endpoints.flatMap(({ params, headers }) => [...Object.values(params), ...Object.values(headers)]);
  const isOwn = (names: RegExp) => (given: unknown) => names.test(holes(given));
  return (
    !endpoints.some(({ url }) => isOwn(/\b(fields|connection|callback|token)\b/)(url)) &&
    ![auth.client.authentication, ...said].some(isOwn(/\b(fields|connection|callback)\b/))
  );
}

/** What stands in the holes of a template; nothing for any other value. */
function holes(given: unknown): string {
  const parts = given !== null && typeof given === "object" ? (given as Template).parts : [];
  return parts.map((part) => (typeof part === "string" ? "" : part.source)).join(" ");
}

async function asked<T>(
  runtime: Runtime,
  opened: OpenConnection,
  purpose: Purpose,
  ask: (client: AppClient) => Promise<T>,
): Promise<T> {
  const client = await clientOf(runtime, opened);
  const { app, client_id } = client;
  if (app !== undefined && purpose === "refresh" && hasEnded(runtime, app, client_id)) return ask(client).catch(asOver);
  if (app === undefined || !isCommon(opened.auth)) return ask(client);
  if (purpose === "refresh") await admit(runtime, app, client_id);
  const taken = async () => {
    const stored = clientIn(app, client_id);
    const isNews = stored?.pause || stored?.refused_alone === opened.record.id;
    if (isNews) await served(runtime, app, { client_id, connection: opened.record.id, purpose });
  };
  let answer: T;
  try {
    answer = await ask(client);
  } catch (cause) {
    // Who refuses the grant has looked at the client first (RFC 6749 §5.2).
    if (cause instanceof TokenFailure && cause.kind === "reauthorize") await taken();
    if (!(cause instanceof TokenFailure) || cause.code !== "client_refused") throw cause;
    const pause = await refused(runtime, app, { client_id, record: opened.record, purpose }, cause);
    if (purpose === "sign_in" || pause === null) throw cause;
    throw new AppPaused(pause, { now: runtime.clock(), asked: true, cause });
  }
  await taken();
  return answer;
}

/** No admin and no waiting brings back a client that has ended: only its people can, by another sign-in. */
function asOver(cause: unknown): never {
  if (!(cause instanceof TokenFailure) || cause.code !== "client_refused") throw cause;
  throw new TokenFailure("reauthorize", "grant_refused", cause.provider ?? {}, undefined, cause.error);
}

/**
 * Lets a refresh pass. While a client is paused, whoever comes first after the end of the pause moves that end and tries; the others wait
 * on. Throws `AppPaused`.
 */
async function admit(runtime: Runtime, app: AppRecord, client_id: string): Promise<void> {
  const known = clientIn(app, client_id)?.pause;
  if (!known) return;
  const now = runtime.clock();
  let mine = false;
  const current = await changeClient(runtime, app, client_id, ({ pause }) => {
    mine = pause !== null && Date.parse(pause.until) <= now;
    if (pause === null || !mine) return undefined;
    return { client: { pause: { ...pause, until: new Date(now + pauseAfter(pause.refusals)).toISOString() } } };
  });
  if (!mine && current?.pause) throw new AppPaused(current.pause, { now });
}

/** Notes a refusal. Gives the pause that is in force, or null where the refusal is this connection's alone. */
async function refused(
  runtime: Runtime,
  app: AppRecord,
  { client_id, record, purpose }: { readonly client_id: string; readonly record: ConnectionRecord; readonly purpose: Purpose },
  cause: JackfieldError,
): Promise<AppPause | null> {
  const now = runtime.clock();
  const client = await changeClient(runtime, app, client_id, ({ pause, refused_alone }, { updated_at }) => {
    // What was refused is not what an admin has saved meanwhile.
    if (updated_at !== app.updated_at || refused_alone === record.id) return undefined;
    // Somebody else's refusal came first, or nobody was waiting for this answer: only the tries that the pause allows prolong it.
    if (pause !== null && (purpose === "sign_in" || !clientIn(app, client_id)?.pause)) return undefined;
    const refusals = (pause?.refusals ?? 0) + 1;
    const next: AppPause = {
      until: new Date(now + pauseAfter(refusals)).toISOString(),
      since: pause?.since ?? new Date(now).toISOString(),
      refusals,
      connection: pause === null || pause.connection === record.id ? record.id : null,
      error: connectionError(explain(runtime, cause, record), now),
    };
    return pause === null
      ? { client: { pause: next }, event: { type: "app.refused", code: cause.code, paused_until: next.until } }
      : { client: { pause: next } };
  });
  return client?.pause ?? null;
}

/** The provider takes the client after all. */
async function served(
  runtime: Runtime,
  place: AppPlace,
  { client_id, connection, purpose }: { readonly client_id: string; readonly connection: string; readonly purpose: Purpose },
): Promise<void> {
  let lifted = null as AppPause | null;
  await changeClient(runtime, place, client_id, ({ pause, refused_alone }) => {
    // A client may be allowed to sign people in, and not to refresh (RFC 6749 §5.2, `unauthorized_client`).
    const isOtherwise = purpose === "sign_in" && pause?.error.provider?.error === "unauthorized_client";
    lifted = isOtherwise ? null : pause;
    if (isOtherwise) return undefined;
    if (pause === null) return refused_alone === connection ? { client: { refused_alone: null } } : undefined;
    const alone = pause.connection === connection ? null : pause.connection;
    return { client: { pause: null, refused_alone: alone }, event: { type: "app.resumed" } };
  });
  if (lifted !== null) hasten(runtime, place, client_id, lifted);
}

/**
 * The provider refuses the app, which is nothing against this connection: it waits with all the others. It says so only once its own
 * token has ended. Throws `cause` where there is no token to go on with.
 */
export async function waitForApp(
  runtime: Runtime,
  opened: OpenConnection,
  cause: AppPaused,
  actor: string,
  duration: number,
): Promise<OpenConnection> {
  const { record, credential } = opened;
  const now = runtime.clock();
  const usable = credential !== undefined && isUsable(credential, now);
  const { provider, until } = cause;
  const status = provider?.status === undefined ? {} : { status: provider.status };
  const event = runtime.events.make(record, "refresh_failed", { actor, code: cause.code, duration_ms: duration, ...status });
  const events = cause.asked ? [event] : [];
  const patch = { refresh_at: until, refresh_failures: 0, ...(usable ? {} : { error: connectionError(cause, now) }) };
  const told = record.refresh_at === until && (usable || record.error?.code === cause.code);
  const expect = { credential_version: record.credential_version, status: "connected" } as const;
  const written =
    told && events.length === 0 ? undefined : await runtime.store.connections.update(record.id, patch, { expect, events });
  if (written) {
    runtime.events.announce(events);
    await scheduleRefresh(runtime, written);
  }
  if (actor === system && usable) return opened;
  throw cause;
}

const page = 500;

/** Errors that end with an app that is in order again. */
const ofApp: ReadonlySet<string> = new Set(["client_refused", "app_not_configured"]);

/**
 * The refreshes that waited for an app become due, in the background: there may be many. What is left out by a crash is refreshed when
 * a step needs it, or at the end of the pause.
 */
export function hasten(runtime: Runtime, place: AppPlace, client_id: string, lifted: AppPause | null): void {
  const { workspace, connector, auth, environment } = place;
  const filter = { workspace, connector, auth, environment, client_id, status: "connected" } as const;
  const work = async () => {
    let after: string | null | undefined;
    do {
      const { items, next } = await runtime.store.connections.list(filter, { limit: page, after: after ?? undefined });
      for (const record of items) if (waits(record, lifted)) await bringForward(runtime, record);
      after = next;
    } while (after !== null);
  };
  work().catch((cause: unknown) =>
    runtime.log("warn", "refreshes that waited for an app could not be brought forward", { cause }),
  );
}

function waits({ refresh_at, error }: ConnectionRecord, lifted: AppPause | null): boolean {
  return refresh_at !== null && (refresh_at === lifted?.until || (error !== null && ofApp.has(error.code)));
}

async function bringForward(runtime: Runtime, record: ConnectionRecord): Promise<void> {
  const due = { refresh_at: new Date(runtime.clock()).toISOString(), refresh_failures: 0, refresh_held_until: null };
  const written = await runtime.store.connections.update(record.id, due, {
    expect: { credential_version: record.credential_version, status: "connected" },
  });
  if (written) await scheduleRefresh(runtime, written);
}
