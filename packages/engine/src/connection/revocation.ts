import type { Request } from "@jackfield/manifest";
import { JackfieldError, type ProviderWords } from "../errors.ts";
import { revokeCredential } from "../grant/revoke.ts";
import { renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { callApi } from "./api-call.ts";
import { clientOf, namesOf, type OpenConnection, redactorOf } from "./open.ts";
import { reason } from "./reason.ts";

/** What came of telling the provider. */
export interface Revocation {
  /** Null when there was nothing to tell: no way to revoke, no credential, or another connection that still uses the account. */
  readonly provider_revoked: boolean | null;
  /** The provider's words when it refused. */
  readonly provider?: ProviderWords;
}

const limits = { timeout: 10_000, maxBytes: 256 * 1024 };
const shared = 100;

/** Tells the provider that a credential is no longer wanted, as the manifest says. Never throws for what the provider does. */
export async function revokeAtProvider(
  runtime: Runtime,
  opened: OpenConnection,
  moment: "disconnect" | "invalid_credentials",
): Promise<Revocation> {
  const { auth, credential } = opened;
  if (!("revocation" in auth) || auth.revocation === undefined || credential === undefined) return { provider_revoked: null };
  const moments = "on" in auth.revocation ? auth.revocation.on : (["disconnect"] as const);
  if (!moments.some((on) => on === moment) || (await isShared(runtime, opened))) return { provider_revoked: null };
  try {
    const { request } = auth.revocation;
    const refusal = request === undefined ? await byEndpoint(runtime, opened) : await byRequest(runtime, opened, request);
    return refusal === undefined ? { provider_revoked: true } : { provider_revoked: false, provider: refusal };
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
    return { provider_revoked: false, provider: { error: cause.message } };
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

async function byEndpoint(runtime: Runtime, opened: OpenConnection): Promise<ProviderWords | undefined> {
  const { auth, credential } = opened;
  if (auth.type !== "oauth2" || auth.revocation?.url === undefined || credential === undefined) return undefined;
  const client = await clientOf(runtime, opened);
  return revokeCredential(runtime, auth, { credential, client, names: namesOf(runtime, opened, client) });
}

async function byRequest(runtime: Runtime, opened: OpenConnection, request: Request): Promise<ProviderWords | undefined> {
  const { auth } = opened;
  const client = auth.type === "oauth2" || auth.type === "oauth1" ? await clientOf(runtime, opened) : undefined;
  const rendered = await renderRequest(request, namesOf(runtime, opened, client), auth);
  const answer = await callApi(runtime, opened, rendered, limits);
  if (answer.status >= 200 && answer.status <= 299) return undefined;
  return { status: answer.status, error: redactorOf(opened, client, [])(answer.redact(reason(answer))).slice(0, 2000) };
}
