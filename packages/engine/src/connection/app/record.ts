import { type ErrorCode, JackfieldError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import type { AppPlace, AppRecord, AppSecrets, ConnectionEvent, EventApp, FormerClient, StoredClient } from "../record.ts";

/*
 * An app as it is stored: the client that new sign-ins use, and the former ones that connections still live by. Several things change it
 * beside each other (an admin, refusals, the sweep), so every write names the version that it replaces.
 */

/** One of an app's clients. Without an id, as with a new sign-in: the present one. Undefined where it is not held any more. */
export function clientIn(app: AppRecord, client_id: string | null): StoredClient | undefined {
  if (client_id === null || client_id === app.client_id) return app;
  return app.former.find((former) => former.client_id === client_id);
}

/** Whether the secret of a client that registered itself has ended. Nobody can give it a new one; who reconnects gets another client. */
export function hasEnded(runtime: Pick<Runtime, "clock">, app: AppRecord, client_id: string): boolean {
  const end = clientIn(app, client_id)?.registered?.expires_at ?? null;
  return end !== null && Date.parse(end) <= runtime.clock();
}

/** Throws `seal_broken`. */
export function unsealSecrets(
  runtime: Pick<Runtime, "sealer">,
  place: AppPlace,
  sealed: string | null,
): Exclude<AppSecrets, string> {
  if (sealed === null) return { client_secret: undefined, extra: {} };
  const secrets = runtime.sealer.open(placeOfApp(place), sealed) as AppSecrets;
  return typeof secrets === "string" ? { client_secret: secrets, extra: {} } : secrets;
}

export function sealSecrets(runtime: Pick<Runtime, "sealer">, place: AppPlace, secrets: AppSecrets): string {
  return runtime.sealer.seal(placeOfApp(place), secrets);
}

/** Where the secrets of an app belong, also those of its former clients. */
export const placeOfApp = ({ workspace, connector, auth, environment }: AppPlace) =>
  ({ workspace, connector, id: `${auth}/${environment}`, field: "app" }) as const;

export function findApp(runtime: Pick<Runtime, "store">, place: AppPlace): Promise<AppRecord | undefined> {
  return runtime.store.apps.get(place.workspace, place.connector, place.auth, place.environment);
}

type AppEventType = Extract<ConnectionEvent["type"], `app.${string}`>;

/** An event that is to be stored with a write of the app: pass it to the store, then to `announce`. */
export function appEvent(
  runtime: Pick<Runtime, "events">,
  { workspace, connector, auth, environment }: AppPlace,
  type: AppEventType,
  { actor, code, ...told }: { readonly actor: string; readonly code?: ErrorCode } & Omit<EventApp, "auth" | "environment">,
): ConnectionEvent {
  const why = code === undefined ? {} : { code };
  return runtime.events.make({ id: null, workspace, connector }, type, { actor, ...why, app: { auth, environment, ...told } });
}

const attempts = 20;

/** What is to become of an app, and what is told of it. */
export interface AppChange {
  readonly record: AppRecord;
  readonly events: readonly ConnectionEvent[];
}

/**
 * Changes an app as it is stored now, and again where somebody else has written meanwhile. `change` gives undefined where nothing is to be
 * done. Gives the app as it is afterwards. Throws what `change` throws, and `store_unavailable`.
 */
export async function changeApp(
  runtime: Runtime,
  place: AppPlace,
  change: (stored: AppRecord | undefined) => AppChange | undefined,
): Promise<AppRecord | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const stored = await findApp(runtime, place);
    const changed = change(stored);
    if (changed === undefined) return stored;
    const record = { ...changed.record, version: stored === undefined ? firstVersion(runtime) : stored.version + 1 };
    if (await runtime.store.apps.put(record, { expect: stored?.version ?? null, events: changed.events })) {
      runtime.events.announce(changed.events);
      return record;
    }
  }
  throw new JackfieldError("store_unavailable", { detail: "The app could not be stored." });
}

/** Not that of an app which was deleted here before: who has read that one must not write over this one. */
const firstVersion = ({ random }: Pick<Runtime, "random">) => random(6).readUIntBE(0, 6);

/** What becomes of one of an app's clients. */
export interface ClientChange {
  readonly client: Partial<StoredClient>;
  readonly event?: { readonly type: AppEventType; readonly code?: ErrorCode; readonly paused_until?: string };
}

/** As `changeApp`, for what the engine itself notes of one client. Gives the client as it is afterwards. */
export async function changeClient(
  runtime: Runtime,
  place: AppPlace,
  client_id: string,
  change: (client: StoredClient, app: AppRecord) => ClientChange | undefined,
): Promise<StoredClient | undefined> {
  const app = await changeApp(runtime, place, (stored) => {
    const client = stored && clientIn(stored, client_id);
    const changed = client && change(client, stored);
    if (stored === undefined || changed === undefined) return undefined;
    const { type, ...rest } = changed.event ?? {};
    return {
      record: withClient(stored, client_id, changed.client),
      events: type === undefined ? [] : [appEvent(runtime, stored, type, { ...rest, actor: system, client_id })],
    };
  });
  return app && clientIn(app, client_id);
}

function withClient(app: AppRecord, client_id: string, change: Partial<StoredClient>): AppRecord {
  if (client_id === app.client_id) return { ...app, ...change };
  const former = app.former.map((each): FormerClient => (each.client_id === client_id ? { ...each, ...change } : each));
  return { ...app, former };
}

/** How many working connections live by one of an app's clients. */
export function countUsers(runtime: Pick<Runtime, "store">, place: AppPlace, client_id: string): Promise<number> {
  const { workspace, connector, auth, environment } = place;
  return runtime.store.connections.count({ workspace, connector, auth, environment, client_id, status: "connected" });
}
