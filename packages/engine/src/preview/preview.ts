// The requests that a manifest makes, built by the functions that send them, and not sent.

import { createHash } from "node:crypto";
import type { Auth, Connector } from "@jackfield/manifest";
import { environmentOf } from "../connection/app/apps.ts";
import { environmentIn } from "../connection/fields.ts";
import { authOf, clientOf, freshNames, namesOf, publicNamesOf } from "../connection/open.ts";
import { scopesToAsk } from "../connection/scopes.ts";
import { afterConnect } from "../connection/sign-in/after-connect.ts";
import { testCall } from "../connection/test-call.ts";
import { revokeAtProvider } from "../connection/upkeep/revocation.ts";
import { JackfieldError } from "../errors.ts";
import { follow, type Reading } from "../grant/exchange.ts";
import { grantOf } from "../grant/grant.ts";
import { introspectCredential } from "../grant/introspect.ts";
import { hasRefresh, isRenewable, refreshCredential } from "../grant/refresh.ts";
import { registerClient } from "../grant/registration.ts";
import type { Names } from "../request/hole.ts";
import type { Runtime } from "../runtime.ts";
import { previewCalls } from "./calls.ts";
import { type Preview, Recorder } from "./recorder.ts";
import { type Given, type Stand, standIn } from "./stand-in.ts";

export interface PreviewOptions extends Given {
  /** Default: every way to connect; options, actions and triggers with the first. */
  readonly auth?: string | undefined;
}

/**
 * Every request that a connector makes, in the order in which a connection makes them. What is not given is a placeholder. Nothing is
 * sent. Throws `auth_unknown`, `environment_unknown`.
 */
export async function previewRequests(connector: Connector, options: PreviewOptions = {}): Promise<Preview> {
  const auths = options.auth === undefined ? Object.values(connector.auth) : [authOf(connector, options.auth)];
  const preview = new Recorder(options.clock ?? Date.now);
  const stands: Stand[] = [];
  for (const auth of auths) {
    const environment = environmentOf(connector, options.environment ?? environmentIn(auth, options.fields));
    stands.push(await standIn(connector, onPaper(withScopes(auth, options.scopes)), environment, options));
  }
  for (const stand of stands) await previewAuth(preview, stand);
  await previewCalls(preview, stands);
  return preview;
}

/** The scopes that are asked for, whatever the manifest says. */
function withScopes(auth: Auth, scopes: readonly string[] | undefined): Auth {
  if (auth.type !== "oauth2" || scopes === undefined) return auth;
  const required = scopes.map((name) => ({ name, reason: "" }));
  return { ...auth, scopes: { ...auth.scopes, required, optional: [] } };
}

/** Where nothing is connected to, no certificate is presented. */
function onPaper(auth: Auth): Auth {
  return auth.type === "oauth2" ? { ...auth, client: { ...auth.client, certificate: "none" } } : auth;
}

/** What is sent to obtain, test, keep and end a connection. */
async function previewAuth(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, opened } = stand;
  await previewRegistration(preview, stand);
  await previewGrant(preview, stand);
  for (const step of auth.after_connect) {
    const alone = { ...opened, auth: { ...auth, after_connect: [step] } };
    await preview.record("after_connect", auth.id, stand, (runtime) => afterConnect(runtime, alone));
  }
  if (auth.test !== undefined) await preview.record("test", auth.id, stand, (runtime) => testCall(runtime, opened));
  await previewRenewal(preview, stand);
  await previewRevocation(preview, stand);
}

/** How the client registers itself, where nobody brings one. */
async function previewRegistration(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, begun, redirect_uri } = stand;
  if (auth.type !== "oauth2" || auth.client.registration === undefined) return;
  const register = (runtime: Runtime) =>
    registerClient(runtime, auth, { redirect_uri, names: withRedirect(publicNamesOf(runtime, begun), redirect_uri) });
  await preview.record("registration", auth.id, stand, register);
}

const deviceCode = "<device_code>";

/** What some grants ask for before a person is sent anywhere, and the answer that stands in for the provider's; others send nothing. */
const asked = {
  oauth1: { kind: "request_token", answer: "oauth_token=<request_token>&oauth_token_secret=<request_token_secret>" },
  device: {
    kind: "device_authorization",
    answer: JSON.stringify({
      device_code: deviceCode,
      user_code: "<user_code>",
      verification_uri: "https://verification-uri.invalid",
    }),
  },
} as const;

/** How a credential is obtained: the sign-in and the exchange of its code, or the one request that needs nobody. */
async function previewGrant(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, begun, redirect_uri, state, given } = stand;
  const onDevice = auth.type === "oauth2" && auth.grant === "device_code";
  const { begin, exchange, obtain } = grantOf(auth);
  const scopes = await scopesToAsk(begun);
  let verifier: string | undefined;
  if (begin !== undefined) {
    const sign = async (runtime: Runtime) => {
      const client = await clientOf(runtime, begun);
      const names = {
        ...withRedirect(namesOf(runtime, begun), redirect_uri),
        app: { ...client.extra, client_id: client.client_id },
        request: freshNames(runtime),
      };
      const request = {
        client,
        client_id: client.client_id,
        redirect_uri,
        scopes,
        state,
        verifier: stand.verifier,
        nonce: "<nonce>",
        names,
      };
      const started = await begin(runtime, auth, request);
      // Where the person goes then is not the manifest's to say.
      if (started.device !== undefined) return;
      verifier = started.verifier;
      const url = given.code_verifier === undefined ? withoutDigest(started.url, verifier) : started.url;
      preview.requests.push({ kind: "authorization", name: auth.id, method: "GET", url, headers: {}, body: null });
    };
    const { kind, answer } = asked[onDevice ? "device" : "oauth1"];
    await preview.record(kind, auth.id, stand, sign, answer);
  }
  await preview.record("token", auth.id, stand, async (runtime) => {
    const client = await clientOf(runtime, begun);
    const names = withRedirect(namesOf(runtime, begun, client), redirect_uri);
    if (obtain !== undefined) return obtain(runtime, auth, { client, names, scopes });
    const code = onDevice ? deviceCode : stand.code;
    const request = { ...(names.request as object), code };
    const signedState = auth.type === "oauth1" ? "<request_token>" : state;
    const secret = auth.type === "oauth1" ? "<request_token_secret>" : undefined;
    return exchange?.(runtime, auth, {
      code,
      state: signedState,
      redirect_uri,
      verifier,
      secret,
      client,
      names: { ...names, request },
    });
  });
  await previewThen(preview, stand);
}

/** A redirect URL that is given counts everywhere. */
function withRedirect(names: Names, redirect_uri: string): Names {
  return { ...names, platform: { ...(names.platform as object), redirect_uri } };
}

/** The digest of a placeholder would look like a real one. */
function withoutDigest(url: string, verifier: string | undefined): string {
  const hash = () => createHash("sha256").update(verifier ?? "", "ascii");
  const shown = encodeURIComponent("<code_challenge>");
  return verifier === undefined ? url : url.replace(hash().digest("base64url"), shown).replace(hash().digest("hex"), shown);
}

/** The exchanges that follow the token's answer. */
async function previewThen(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, begun, opened, redirect_uri } = stand;
  if ((auth.type !== "oauth2" && auth.type !== "custom") || auth.token === undefined) return;
  const { token } = auth;
  const reading: Reading = { ...token, moment: "exchange", default_lifetime: auth.refresh.default_lifetime };
  for (const then of token.then) {
    await preview.record("then", auth.id, stand, async (runtime) => {
      const client = await clientOf(runtime, begun);
      const names = withRedirect(namesOf(runtime, opened, client), redirect_uri);
      return opened.credential && follow(runtime, then, reading, opened.credential, { auth, client, names });
    });
  }
}

/** How a credential is replaced, and how the provider is asked what it is worth. */
async function previewRenewal(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, opened, redirect_uri } = stand;
  const { credential } = opened;
  if (credential === undefined) return;
  if (hasRefresh(auth) && isRenewable(auth, credential)) {
    await preview.record("refresh", auth.id, stand, async (runtime) => {
      const client = await clientOf(runtime, opened);
      return refreshCredential(runtime, auth, {
        credential,
        client,
        names: withRedirect(namesOf(runtime, opened, client), redirect_uri),
        scopes: await scopesToAsk(opened),
      });
    });
  }
  if (auth.type === "oauth2" && auth.introspection !== undefined) {
    await preview.record("introspection", auth.id, stand, async (runtime) => {
      const client = await clientOf(runtime, opened);
      return introspectCredential(runtime, auth, { credential, client, names: namesOf(runtime, opened, client) });
    });
  }
}

async function previewRevocation(preview: Recorder, stand: Stand): Promise<void> {
  const { auth, opened } = stand;
  if (!("revocation" in auth) || auth.revocation === undefined) return;
  const moment = "on" in auth.revocation ? (auth.revocation.on[0] ?? "disconnect") : "disconnect";
  const revoke = async (runtime: Runtime) => {
    const { provider } = await revokeAtProvider(runtime, opened, moment);
    if (provider?.error !== undefined) throw new JackfieldError("internal", { detail: provider.error });
  };
  await preview.record("revocation", auth.id, stand, revoke, "{}");
}
