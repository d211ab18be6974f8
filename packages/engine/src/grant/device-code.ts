// A sign-in on a second device (RFC 8628): a code that a person confirms elsewhere, and the question whether it was.

import type { OAuth2 } from "@jackfield/manifest";
import type { EgressAnswer } from "../egress/egress.ts";
import { parseUrl } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { renderParameters, type Values } from "../request/parameters.ts";
import { renderUrl } from "../request/url.ts";
import { type BegunAuthorization, scopeParameters } from "./authorization-code.ts";
import { appNames, type Client, type Credential } from "./credential.ts";
import { refusalOf, requestToken, type TokenRequest, tokenEndpoint } from "./exchange.ts";
import { lifetimeOf } from "./lifetime.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { callEndpoint, type GrantContext } from "./token-endpoint.ts";
import { type FailureKind, TokenFailure } from "./token-failure.ts";

/** What a person needs in order to confirm on another device (RFC 8628 §3.2). None of it is ours: it is shown as text. */
export interface DeviceCode {
  readonly user_code: string;
  readonly verification_uri: string;
  /** Milliseconds since the epoch. */
  readonly expires_at: number;
  /** Milliseconds that must pass between two questions. */
  readonly interval: number;
}

/** The grant's name in a token request (RFC 8628 §3.4). */
export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

const second = 1000;

/** What a code lives where the answer does not say, although it must. */
const usualLifetime = 600 * second;

/** Nobody is waited for longer, whatever a provider says. */
const longestLifetime = 3600 * second;

/** More than a person types. */
const longestUserCode = 64;

/**
 * Asks for a code (RFC 8628 §3.1). The URL is the one with the code in it, where the provider gives one. Throws `TokenFailure`,
 * `token_answer_invalid`, and as `callEndpoint`.
 */
export async function beginOnDevice(
  context: GrantContext,
  auth: OAuth2,
  request: { readonly client: Client; readonly scopes: readonly string[]; readonly names: Names },
): Promise<BegunAuthorization> {
  const { device } = auth;
  if (device === undefined) throw new JackfieldError("no_user_step");
  const { client } = request;
  const names = { ...request.names, app: appNames(client) };
  const target = await renderParameters({ audience: auth.audience ?? null, resource: auth.resource ?? null }, names);
  const values: Values = [...scopeParameters(auth, request.scopes), ...target];
  const { authentication } = auth.client;
  const endpoint = { url: device.url, method: "POST", encoding: "form", headers: {}, params: device.params } as const;
  const answered = await callEndpoint(context, auth, { ...endpoint, values, authentication, client, names });
  const { answer } = answered;
  const body = parseTokenAnswer(answer);
  const told = (typeof body === "object" && body !== null ? body : {}) as Told;
  if (answer.status < 200 || answer.status > 299 || typeof told.error === "string") throw refusalOf(answered, auth.token.errors);
  const isPlain = new URL(await renderUrl(device.url, names)).protocol === "http:";
  return readCode(told, answer, device.interval, isPlain);
}

type Told = Readonly<Record<string, unknown>>;

/** Throws `token_answer_invalid`. */
function readCode(told: Told, answer: EgressAnswer, interval: number, plainHttp: boolean): BegunAuthorization {
  const unusable = (what: string) => {
    const detail = `The device authorization endpoint's answer cannot be used: ${what}.`;
    return new JackfieldError("token_answer_invalid", { detail, provider: { status: answer.status } });
  };
  const { sentAt } = answer;
  const { device_code, user_code } = told;
  if (typeof device_code !== "string" || device_code === "") throw unusable("it holds no device_code");
  if (typeof user_code !== "string" || !isTypeable(user_code)) throw unusable("it holds no user_code that a person could type");
  // Some servers say `verification_url`, as drafts of the RFC did.
  const verification_uri = webPage(told.verification_uri ?? told.verification_url, plainHttp);
  if (verification_uri === undefined) throw unusable("its verification_uri is missing or no page that a person may be sent to");
  return {
    url: webPage(told.verification_uri_complete ?? told.verification_url_complete, plainHttp) ?? verification_uri,
    verifier: undefined,
    secret: device_code,
    device: {
      user_code,
      verification_uri,
      expires_at: sentAt + Math.min(lifetimeOf(told.expires_in, "s", sentAt) ?? usualLifetime, longestLifetime),
      interval: Math.max(second, lifetimeOf(told.interval, "s", sentAt) ?? interval),
    },
  };
}

const isTypeable = (code: string) => code.trim() !== "" && code.length <= longestUserCode && !/\p{C}/u.test(code);

/** A page that a person may be sent to: https, or plain http where the endpoint itself was allowed to be reached so. */
function webPage(value: unknown, plainHttp: boolean): string | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const url = parseUrl(value);
    return url.protocol === "https:" || plainHttp ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Asks whether the code was confirmed, and takes the token if it was (RFC 8628 §3.4). Throws as `requestToken`. */
export function exchangeDeviceCode(
  context: GrantContext,
  auth: OAuth2,
  request: TokenRequest & { readonly code: string },
): Promise<Credential> {
  const values: Values = [
    ["grant_type", deviceGrant],
    ["device_code", request.code],
  ];
  return requestToken(context, auth, tokenEndpoint(auth, request, values), "exchange");
}

/**
 * What it means that no token came.
 * - `pending`: the person has not answered yet.
 * - `slow_down`: the same, and the question came too soon.
 * - `unreachable`: nothing was said about the code.
 * - `denied`, `expired`, `failed`: it is over.
 */
export type Verdict = "pending" | "slow_down" | "unreachable" | "denied" | "expired" | "failed";

/** RFC 8628 §3.5, and `authorization_declined`, which some servers say for `access_denied`. */
const verdicts: Readonly<Record<string, Verdict>> = {
  authorization_pending: "pending",
  slow_down: "slow_down",
  access_denied: "denied",
  authorization_declined: "denied",
  expired_token: "expired",
};

/** Refusals that say nothing about the code: while it is good, its person may still confirm. */
const undecided: ReadonlySet<FailureKind> = new Set(["retry", "ambiguous"] as const);

/** Failures on the way to the provider. */
const onTheWay: ReadonlySet<string> = new Set(["provider_timeout", "provider_unavailable", "provider_rate_limited"]);

/** Reads why no token came. */
export function verdictOf(cause: unknown): Verdict {
  if (cause instanceof TokenFailure) {
    const { error } = cause;
    const known = error !== undefined && Object.hasOwn(verdicts, error) ? verdicts[error] : undefined;
    return known ?? (undecided.has(cause.kind) ? "unreachable" : "failed");
  }
  return cause instanceof JackfieldError && onTheWay.has(cause.code) ? "unreachable" : "failed";
}
