// Who comes back from a provider, and whether it is who left: everything that is decided before a code is sent anywhere.

import { timingSafeEqual } from "node:crypto";
import type { Auth, OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../../errors.ts";
import { isIssuer, type Offer } from "../../grant/metadata.ts";
import type { Runtime } from "../../runtime.ts";
import { declared } from "../open.ts";
import type { FlowRecord } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";
import { type Callback, type CallbackNames, readStates } from "./callback.ts";
import { linkEnded, openSecret, sha256 } from "./flow.ts";

/** The flow that a callback belongs to, which nobody else can take from now on. Throws `state_invalid`. */
export async function takeFlow(
  runtime: Runtime,
  connector: string,
  query: string,
): Promise<{ readonly flow: FlowRecord; readonly state: string }> {
  for (const state of readStates(query, stateNames(runtime, connector))) {
    const flow = await runtime.store.flows.consume(sha256(state));
    if (flow !== undefined) return { flow, state };
  }
  throw new JackfieldError("state_invalid");
}

/**
 * The names of a callback's parameters: a provider may have its own, and OAuth 1.0a has others (RFC 5849 §2.2), of which the one for a
 * refusal is a custom.
 */
export function callbackNames(auth: Auth): CallbackNames {
  return auth.type === "oauth2" ? auth.callback : { code: "oauth_verifier", state: "oauth_token", denied: "denied" };
}

/** The names that the state may come back by; which of them counts is known once its flow is. */
function stateNames(runtime: Runtime, connector: string): readonly string[] {
  const auths = Object.values(runtime.connectors.get(connector)?.auth ?? {});
  const names = auths.map(callbackNames).flatMap(({ state, denied }) => (denied === undefined ? [state] : [state, denied]));
  return [...new Set(["state", ...names])];
}

/** Who comes back from the provider. */
interface Visitor {
  readonly browser: string | undefined;
  readonly person: string | undefined;
  readonly guests: readonly string[];
}

/** Everything that must hold before the code is sent anywhere. */
export function refuseForeign(
  runtime: Runtime,
  flow: FlowRecord,
  callback: Callback,
  connector: string,
  { browser, person, guests }: Visitor,
): void {
  if (Date.parse(flow.expires_at) <= runtime.clock())
    throw new JackfieldError("state_invalid", { detail: "This sign-in took longer than ten minutes." });
  if (flow.connector !== connector || flow.redirect_uri !== redirectUri(runtime, connector)) {
    throw new JackfieldError("state_invalid", { detail: "This sign-in belongs to another connector." });
  }
  refuseOtherBrowser(flow, browser);
  refuseOtherPerson(flow, person, guests);
  if (callback.repeated.length > 0) {
    throw new JackfieldError("callback_invalid", {
      detail: `The callback gives ${callback.repeated.join(", ")} more than once.`,
    });
  }
  const { auth } = declared(runtime, flow);
  if (auth.type === "oauth2") refuseOtherIssuer(auth, openSecret(runtime, flow).offer ?? undefined, callback.iss);
}

/**
 * RFC 9207 §2.4: compared exactly, and decided before the code is sent anywhere. Who says that it always tells `iss` must do so: otherwise
 * another server could leave it out.
 */
function refuseOtherIssuer(auth: OAuth2, offer: Offer | undefined, iss: string | undefined): void {
  const { issuer: rule } = auth.callback;
  if (rule === "off" || auth.issuer === undefined) return;
  if (iss === undefined) {
    if (rule === "if_present" && offer?.iss !== true) return;
    throw new JackfieldError("issuer_mismatch", {
      detail: "The callback does not tell which authorization server it comes from.",
    });
  }
  if (iss !== auth.issuer && !(offer !== undefined && isIssuer(offer.issuer, iss))) throw new JackfieldError("issuer_mismatch");
}

export function refuseOtherBrowser(flow: FlowRecord, browser: string | undefined): void {
  const same =
    flow.browser_hash !== null &&
    browser !== undefined &&
    timingSafeEqual(Buffer.from(flow.browser_hash), Buffer.from(sha256(browser)));
  if (!same) throw new JackfieldError("state_invalid", { detail: "This sign-in was started in another browser." });
}

/**
 * The person who is signed in must be the one who started it; a sign-in that an API key started needs nobody to be signed in. A connect
 * session must still be open in this browser, whoever else is signed in there.
 */
export function refuseOtherPerson(flow: FlowRecord, person: string | undefined, guests: readonly string[]): void {
  if (flow.via === "connect" && !guests.includes(flow.actor)) throw linkEnded();
  const same = flow.via === "connect" || (person === undefined ? flow.via === "key" : person === flow.actor);
  if (!same) throw new JackfieldError("state_invalid", { detail: "This sign-in was started by another person." });
}
