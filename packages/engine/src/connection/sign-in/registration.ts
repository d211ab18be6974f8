import { JackfieldError } from "../../errors.ts";
import { registerClient } from "../../grant/registration.ts";
import { authenticationOf, tokenTimeoutOf } from "../../grant/token-endpoint.ts";
import { renderUrl } from "../../request/url.ts";
import type { Runtime } from "../../runtime.ts";
import { changeApp, findApp } from "../app/record.ts";
import { registeredApp } from "../app/values.ts";
import { underLease } from "../lease.ts";
import { type AppClient, clientOf, freshNames, type OpenConnection, publicNamesOf } from "../open.ts";
import type { AppRecord } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";

/**
 * The client of a connection that is about to be connected, as `clientOf` gives it. Where there is none and the manifest says that it
 * registers itself, it does so first. Throws as `clientOf`, `registration_refused`, and what lies on the way to the provider.
 */
export async function clientToConnect(runtime: Runtime, opened: OpenConnection): Promise<AppClient> {
  if (registersItself(opened)) await registerWhereNeeded(runtime, opened);
  return clientOf(runtime, opened);
}

async function registerWhereNeeded(runtime: Runtime, opened: OpenConnection): Promise<void> {
  const app = await stored(runtime, opened);
  if (isSaved(app)) return;
  const as = await registration(runtime, opened);
  if (!isGood(runtime, as, app)) await registerOnce(runtime, opened, as);
}

function registersItself({ auth, fields }: OpenConnection): boolean {
  if (auth.type !== "oauth2" || auth.client.registration === undefined) return false;
  return auth.client.source === "app" || (auth.client.source === "either" && typeof fields.client_id !== "string");
}

const stored = (runtime: Runtime, { record }: OpenConnection) => findApp(runtime, record);

/** Whether an admin saved it. */
const isSaved = (app: AppRecord | undefined) => app !== undefined && app.registered === undefined;

/** An admin's app counts always, a registered one until its secret ends, and only for what it was registered as. */
function isGood(runtime: Runtime, as: string, app: AppRecord | undefined): boolean {
  if (app?.registered === undefined) return isSaved(app);
  const { expires_at } = app.registered;
  return app.registered.as === as && (expires_at === null || Date.parse(expires_at) > runtime.clock());
}

/**
 * What a client is registered as: where, for which grant and redirect URL, and how and to whom it proves itself. Its secret goes to no other
 * server than it was registered for. Of the token endpoint the user's part does not count: one client serves all tenants. Throws `url_invalid`,
 * `expression_error`.
 */
async function registration(runtime: Runtime, opened: OpenConnection): Promise<string> {
  const { auth, connector, record } = opened;
  if (auth.type !== "oauth2" || auth.client.registration === undefined) throw new JackfieldError("internal");
  const names = publicNamesOf(runtime, opened);
  const at = await renderUrl(auth.client.registration.url, names);
  const how = await authenticationOf(auth.client.authentication, names);
  const tokens = [auth.token.url.source, connector.environments[record.environment] ?? null];
  return JSON.stringify([at, tokens, how, auth.grant, redirectUri(runtime, connector.name)]);
}

/** However many sign-ins begin at once, anywhere, one of them registers; the others take what it got. */
async function registerOnce(runtime: Runtime, opened: OpenConnection, as: string): Promise<void> {
  const { workspace, connector, auth, environment } = opened.record;
  const lease = {
    key: `register/${JSON.stringify([workspace, connector, auth, environment])}`,
    owner: runtime.random(12).toString("base64url"),
    ms: 2 * tokenTimeoutOf(runtime),
    late: "Another sign-in is still registering the client.",
  };
  const registered = async () => (isGood(runtime, as, await stored(runtime, opened)) ? true : undefined);
  await underLease(runtime, lease, registered, async () => {
    if ((await registered()) === undefined) await register(runtime, opened, as);
    return true;
  });
}

async function register(runtime: Runtime, opened: OpenConnection, as: string): Promise<void> {
  const { record, auth } = opened;
  if (auth.type !== "oauth2") return;
  const { workspace, connector, environment } = record;
  const names = { ...publicNamesOf(runtime, opened), request: freshNames(runtime) };
  const client = await registerClient(runtime, auth, { redirect_uri: redirectUri(runtime, connector), names });
  const place = { workspace, connector, auth: record.auth, environment };
  await changeApp(runtime, place, (found) =>
    // What an admin saved meanwhile counts.
    isGood(runtime, as, found) ? undefined : registeredApp(runtime, place, { ...client, as }, found),
  );
  runtime.log("info", "a client was registered at the provider", { connector, auth: record.auth, environment });
}
