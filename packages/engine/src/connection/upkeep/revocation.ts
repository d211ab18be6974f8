import type { Request } from "@jackfield/manifest";
import { JackfieldError, type ProviderWords } from "../../errors.ts";
import { revokeCredential } from "../../grant/revoke.ts";
import { renderRequest } from "../../request/render.ts";
import { renderUrls } from "../../request/url.ts";
import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import { callApi } from "../api-call.ts";
import { clientOf, inForce, namesOf, type OpenConnection, place, redactorOf } from "../open.ts";
import { reason } from "../reason.ts";
import type { ConnectionRecord } from "../record.ts";
import type { ConnectionPatch } from "../store.ts";

/** What came of telling the provider. */
export interface Revocation {
  /** Null when there was nothing to tell: no way to revoke, no credential, or another connection that still uses the account. */
  readonly provider_revoked: boolean | null;
  /** The provider's words when it refused. */
  readonly provider?: ProviderWords;
  /** It is told again in the background. */
  readonly retrying?: true;
}

const limits = { timeout: 10_000, maxBytes: 256 * 1024 };
const shared = 100;

const minute = 60_000;
const hour = 60 * minute;

/** How long after each try that was in vain the next one comes; after the last nothing more is tried. */
const pauses = [minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour, 12 * hour, 24 * hour, 24 * hour, 24 * hour];

type Moment = "disconnect" | "invalid_credentials";

/** What was told, and whether it makes sense to tell it again. */
interface Told extends Revocation {
  readonly again: boolean;
}

/** Tells the provider that a credential is no longer wanted, as the manifest says. Never throws for what the provider does. */
export async function revokeAtProvider(runtime: Runtime, opened: OpenConnection, moment: Moment): Promise<Told> {
  const { auth } = opened;
  if (!isRevocable(opened, moment) || (await isShared(runtime, opened))) return { provider_revoked: null, again: false };
  try {
    const request = "revocation" in auth ? auth.revocation?.request : undefined;
    const refusal = request === undefined ? await byEndpoint(runtime, opened) : await byRequest(runtime, opened, request);
    if (refusal === nowhere) return { provider_revoked: null, again: false };
    if (refusal === undefined) return { provider_revoked: true, again: false };
    const again = transient.has(refusal.status ?? 0) || ofClient.has(refusal.error);
    return { provider_revoked: false, provider: refusal, again };
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
    return { provider_revoked: false, provider: { error: cause.message }, again: unreachable.has(cause.code) };
  }
}

const transient: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Refusals of the app, which an admin may mend: they say nothing about the token. */
const ofClient: ReadonlySet<string | undefined> = new Set(["invalid_client", "unauthorized_client"]);
const unreachable: ReadonlySet<string> = new Set(["provider_unavailable", "provider_timeout", "stopping"]);

function isRevocable({ auth, credential }: OpenConnection, moment: Moment): boolean {
  if (!("revocation" in auth) || auth.revocation === undefined || credential === undefined) return false;
  const moments = "on" in auth.revocation ? auth.revocation.on : (["disconnect"] as const);
  return moments.some((on) => on === moment);
}

/** What stays, sealed, of a connection that is erased, so that its provider can still be told. */
type Tombstone = Pick<OpenConnection, "fields" | "credential" | "known"> & Pick<ConnectionRecord, "unique_id" | "client_id">;

/** What erasing keeps for `revokeAgain`; nothing where nobody is to be told. */
export function tombstone(
  runtime: Runtime,
  opened: OpenConnection,
): Pick<ConnectionPatch, "sealed_tombstone" | "revoke_at" | "revoke_failures"> {
  if (!isRevocable(opened, "disconnect")) return {};
  const { record, fields, credential, known } = opened;
  const { unique_id, client_id } = record;
  const kept: Tombstone = { fields, credential, known, unique_id, client_id };
  return {
    sealed_tombstone: runtime.sealer.seal(place(record, "tombstone"), kept),
    // Should this process end before the provider was told.
    revoke_at: new Date(runtime.clock() + minute).toISOString(),
    revoke_failures: 0,
  };
}

/** Tells the provider of a connection that was just erased; `opened` is as it was before. */
export async function revokeErased(runtime: Runtime, erased: ConnectionRecord, opened: OpenConnection): Promise<Revocation> {
  const { again, ...told } = await revokeAtProvider(runtime, opened, "disconnect");
  if (erased.revoke_at === null) return told;
  await settle(runtime, erased, { ...told, again });
  return again ? { ...told, retrying: true } : told;
}

/** The queued job: tells the provider of an erased connection once more. */
export async function revokeAgain(runtime: Runtime, id: string): Promise<void> {
  const record = await runtime.store.connections.get(id);
  const due = record !== undefined && record.revoke_at !== null && Date.parse(record.revoke_at) <= runtime.clock();
  if (!due || record.sealed_tombstone === null) return;
  // Of two processes one goes on; and should it die, the next try is not lost.
  const claimed = await runtime.store.connections.update(
    id,
    { revoke_at: new Date(runtime.clock() + minute).toISOString() },
    { expect: { revoke_at: record.revoke_at } },
  );
  if (claimed === undefined) return;
  const opened = exhume(runtime, claimed);
  const lost = { provider_revoked: false, again: false };
  await settle(runtime, claimed, opened === undefined ? lost : await revokeAtProvider(runtime, opened, "disconnect"));
}

/** Forgets the tombstone, or sets the time of the next try. The log says so where the provider was told in vain, and is not told again. */
async function settle(runtime: Runtime, record: ConnectionRecord, { provider_revoked, again }: Told): Promise<void> {
  const pause = again ? pauses[record.revoke_failures] : undefined;
  const lost = provider_revoked === false && pause === undefined;
  const events = lost ? [runtime.events.make(record, "revocation_failed", { actor: system })] : [];
  const patch: ConnectionPatch =
    pause === undefined
      ? { sealed_tombstone: null, revoke_at: null }
      : { revoke_at: new Date(runtime.clock() + pause).toISOString(), revoke_failures: record.revoke_failures + 1 };
  const written = await runtime.store.connections.update(record.id, patch, { expect: { revoke_at: record.revoke_at }, events });
  if (written !== undefined) runtime.events.announce(events);
}

/** The connection as it was; undefined where nothing is left of its connector or its secrets cannot be opened any more. */
function exhume(runtime: Runtime, record: ConnectionRecord): OpenConnection | undefined {
  try {
    const {
      unique_id,
      client_id = null,
      ...kept
    } = runtime.sealer.open(place(record, "tombstone"), record.sealed_tombstone ?? "") as Tombstone;
    return { ...inForce(runtime, record), ...kept, record: { ...record, unique_id, client_id } };
  } catch (cause) {
    runtime.log("warn", "a provider cannot be told of a disconnected connection", { connection: record.id, cause });
    return undefined;
  }
}

/** Many providers end every token of an account and client at once, so an account that a second owner uses is left alone. */
async function isShared(runtime: Runtime, { record }: OpenConnection): Promise<boolean> {
  if (record.unique_id === null) return false;
  const { workspace, connector, environment, unique_id } = record;
  const filter = { workspace, connector, environment, status: "connected", search: unique_id } as const;
  const { items } = await runtime.store.connections.list(filter, { limit: shared });
  return items.some((other) => other.id !== record.id && other.auth === record.auth && other.unique_id === unique_id);
}

/** The user was to say where the endpoint is, and there is none. */
const nowhere = Symbol("nowhere");

async function byEndpoint(runtime: Runtime, opened: OpenConnection): Promise<ProviderWords | typeof nowhere | undefined> {
  const { auth, credential } = opened;
  if (auth.type !== "oauth2" || auth.revocation?.url === undefined || credential === undefined) return undefined;
  const client = await clientOf(runtime, opened);
  const names = namesOf(runtime, opened, client);
  if ((await renderUrls(auth.revocation.url, names)).length === 0) return nowhere;
  return revokeCredential(runtime, auth, { credential, client, names });
}

async function byRequest(runtime: Runtime, opened: OpenConnection, request: Request): Promise<ProviderWords | undefined> {
  const { auth } = opened;
  const client = auth.type === "oauth2" || auth.type === "oauth1" ? await clientOf(runtime, opened) : undefined;
  const rendered = await renderRequest(request, namesOf(runtime, opened, client), auth);
  const answer = await callApi(runtime, opened, rendered, limits);
  if (answer.status >= 200 && answer.status <= 299) return undefined;
  return { status: answer.status, error: redactorOf(opened, client, [])(answer.redact(reason(answer))).slice(0, 2000) };
}
