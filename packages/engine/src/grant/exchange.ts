// A token request and what becomes of its answer: every grant is a set of parameters for it.

import type { Answered, OAuth2, Then, TokenErrors, TokenResponse } from "@jackfield/manifest";
import type { EgressAnswer } from "../egress/egress.ts";
import { JackfieldError, type ProviderWords } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { renderParameters, type Values } from "../request/parameters.ts";
import { bareApi, renderRequest } from "../request/render.ts";
import { retryAfter } from "../request/retry-after.ts";
import { capture } from "./capture.ts";
import { appNames, type Client, type Credential, nothingKnown, tokenNames } from "./credential.ts";
import { introspectCredential } from "./introspect.ts";
import { judgeFirst, type Origin, proofKeyOf } from "./judge.ts";
import { jwtLifetime, lifetimeOf } from "./lifetime.ts";
import { secretsOf, tokenSecrets } from "./secrets.ts";
import { answerRoots, parseTokenAnswer } from "./token-answer.ts";
import {
  callEndpoint,
  callFreely,
  type EndpointAnswer,
  type EndpointRequest,
  type GrantContext,
  provedAs,
} from "./token-endpoint.ts";
import { type TokenFailure, tokenFailure } from "./token-failure.ts";

/** When a token request is made: for the first time, or to replace a credential. */
export type Moment = Then["on"][number];

/** How an answer is read at one moment. */
export interface Reading extends Pick<Answered, "response" | "capture" | "errors" | "then"> {
  readonly moment: Moment;
  readonly default_lifetime: OAuth2["refresh"]["default_lifetime"];
}

/** The reading of a token endpoint's answers. */
export function readingOf(auth: OAuth2, moment: Moment): Reading {
  const { capture, errors, then, response } = auth.token;
  return {
    capture,
    errors,
    then,
    response: moment === "exchange" ? response : auth.refresh.response,
    moment,
    default_lifetime: auth.refresh.default_lifetime,
  };
}

/** What a token request is made with, whatever the grant. */
export interface TokenRequest {
  readonly client: Client;
  readonly names: Names;
  /** What a grant without a person asks for. Default: the required scopes. */
  readonly scopes?: readonly string[] | undefined;
}

/** The token endpoint as the manifest declares it, and what a grant sends there. */
export function tokenEndpoint(auth: OAuth2, { client, names }: TokenRequest, values: Values): EndpointRequest {
  const { url, method, encoding, headers, params, rename, omit } = auth.token;
  const { authentication } = auth.client;
  return { url, method, encoding, headers, params, rename, omit, values, authentication, client, names };
}

/**
 * A request to the token endpoint, and the further exchanges that follow from it. Throws `TokenFailure` for what the provider refuses,
 * `token_answer_invalid` and `token_type_unsupported` for a token that cannot be used, `id_token_invalid`, `metadata_lacking`,
 * `capture_missing`, `capture_refused`, and as `callEndpoint`.
 */
export async function requestToken(
  context: GrantContext,
  auth: OAuth2,
  request: EndpointRequest,
  moment: Moment,
  origin: Origin = {},
): Promise<Credential> {
  const target = await renderParameters({ audience: auth.audience ?? null, resource: auth.resource ?? null }, request.names);
  const proof_key = await proofKeyOf(context, auth, request, origin);
  const answered = await callEndpoint(context, auth, { ...request, proof_key, values: [...request.values, ...target] });
  const reading = readingOf(auth, moment);
  // What belongs to the answer goes by the secret that the provider took.
  const taken = provedAs(answered.client, request.names);
  const judge = (first: Credential) => judgeFirst(context, auth, { ...request, ...taken, proof_key }, answered, first, origin);
  const following = { auth, ...taken, judge };
  if (auth.introspection === undefined || reading.default_lifetime === "never") {
    return readCredential(context, answered, reading, following);
  }
  // What would be assumed gives way to what the provider knows.
  const credential = await readCredential(context, answered, { ...reading, default_lifetime: "never" }, following);
  if (credential.lifetime !== undefined) return credential;
  return asIntrospected(context, auth, { ...following, credential }, reading, answered.answer.sentAt);
}

/** The credential with the lifetime that introspection tells, or else the assumed one: a token is never lost for want of its end. */
async function asIntrospected(
  context: GrantContext,
  auth: OAuth2,
  request: Following & { readonly credential: Credential },
  reading: Reading,
  since: number,
): Promise<Credential> {
  const { credential } = request;
  const told = await introspectCredential(context, auth, request).catch(() => undefined);
  const assumed = assumedLifetime(reading, credential.access_token, since);
  const lifetime = told?.expires_at === undefined ? assumed : told.expires_at - since;
  return {
    ...credential,
    ...(lifetime === undefined ? {} : { expires_at: since + lifetime, lifetime }),
    scopes: credential.scopes ?? scopesOf(told?.scope),
  };
}

/** Reads an answer, and goes through the exchanges that follow from it. Throws as `requestToken`. */
export async function readCredential(
  context: GrantContext,
  answered: EndpointAnswer,
  reading: Reading,
  request: Following,
): Promise<Credential> {
  const first = await readAnswer(context, answered, reading, undefined);
  return followAll(context, reading, (await request.judge?.(first)) ?? first, request);
}

/** What the further exchanges are made with. */
interface Following extends TokenRequest {
  readonly auth: Pick<OAuth2, "base_url" | "fields">;
  /** What must hold before them. */
  readonly judge?: (first: Credential) => Promise<Credential>;
}

/** Goes through the exchanges that belong to the reading's moment. Throws as `requestToken`. */
export async function followAll(
  context: GrantContext,
  reading: Reading,
  first: Credential,
  request: Following,
): Promise<Credential> {
  let credential = first;
  for (const then of reading.then.filter(({ on }) => on.includes(reading.moment))) {
    credential = await follow(context, then, reading, credential, request);
  }
  return credential;
}

/** One further exchange: what its answer leaves out stays as it was. Throws as `requestToken`. */
export async function follow(
  context: GrantContext,
  then: Then,
  reading: Reading,
  before: Credential,
  { auth, client, names }: Following,
): Promise<Credential> {
  // What is stored is in reach as far as this answer did not bring anything newer.
  const newer = Object.entries(tokenNames(before)).filter(([, value]) => value !== undefined);
  const inReach = { ...names, app: appNames(client), token: { ...(names.token as object), ...Object.fromEntries(newer) } };
  const rendered = await renderRequest(then.request, inReach, bareApi(auth));
  const answered = await callFreely(context, rendered, secretsOf(auth, { client, names: inReach }));
  await refuseInvalid(then, answered, inReach);
  return readAnswer(context, answered, { ...reading, response: then.response, capture: then.capture }, before);
}

/** Throws `TokenFailure` for an answer that the manifest does not let pass. */
async function refuseInvalid({ valid }: Then, { answer, redact }: EndpointAnswer, names: Names): Promise<void> {
  if (valid === undefined || isFailure(answer)) return;
  const body = parseTokenAnswer(answer);
  const response = { status: answer.status, headers: answer.headers, body };
  if ((await evaluate(valid, { ...names, body, response })) === true) return;
  const error = body !== null && typeof body === "object" && "error" in body ? body.error : undefined;
  throw tokenFailure(
    { error: "access_denied", ...words(answer.status, error, undefined, body, redact) },
    undefined,
    "configuration",
  );
}

async function readAnswer(
  context: GrantContext,
  { answer, redact }: EndpointAnswer,
  reading: Reading,
  before: Credential | undefined,
): Promise<Credential> {
  const { response } = reading;
  const root = answerRoots[response.from](answer);
  const read = async (key: Exclude<keyof TokenResponse, "from" | "expires_in">): Promise<unknown> =>
    root === undefined || response[key] === undefined ? undefined : evaluate(response[key], root);

  const accessToken = await read("access_token");
  const error = response.from === "body" ? await read("error") : undefined;
  const failed = isFailure(answer) || isPresent(error);
  const { refreshToken, refreshEnd } = failed ? {} : await readRefreshToken(context, answer, read);
  if (failed || !(isToken(accessToken) || before !== undefined)) {
    const provider = words(answer.status, error, await read("error_description"), root, redact);
    const said = isPresent(error) ? error : answer.status;
    throw tokenFailure(provider, retryAfter(answer), declaredKind(reading.errors, said), standardError(root));
  }
  refuseUnusable("access token", accessToken, answer);
  const tokenType = await read("token_type");
  const lifetime = await timeLeft(response, root, reading, accessToken, providerTime(answer));
  const captured = await capture(reading.capture, root, reading.moment === "exchange", [
    accessToken,
    refreshToken,
    ...tokenSecrets(before ?? {}),
  ]);
  const told: Partial<Credential> = {
    ...(isToken(accessToken) ? { access_token: accessToken } : {}),
    refresh_token: refreshToken,
    ...(isToken(tokenType) ? { token_type: tokenType } : {}),
    // Counted from when the request was sent: the provider's clock began no earlier.
    ...(lifetime === undefined ? {} : { expires_at: answer.sentAt + lifetime, lifetime }),
    refresh_expires_at: refreshEnd,
    scopes: scopesOf(await read("scope")),
    raw: small(response.from === "body" ? root : parseTokenAnswer(answer)),
  };
  const known = { ...nothingKnown, token: { ...before?.known?.token, ...captured } };
  return { ...(before ?? blank), ...given(told), known };
}

/** What an endpoint of the authorization server says that hands out no token, as `error` and `error_description` tell it (RFC 6749 §5.2). */
export function refusalOf({ answer, redact }: EndpointAnswer, errors: TokenErrors): TokenFailure {
  const body = parseTokenAnswer(answer);
  const { error, error_description } = (typeof body === "object" && body !== null ? body : {}) as Readonly<
    Record<string, unknown>
  >;
  const provider = words(answer.status, error, error_description, body, redact);
  return tokenFailure(provider, retryAfter(answer), declaredKind(errors, error));
}

const blank: Credential = {
  access_token: "",
  refresh_token: undefined,
  token_type: "Bearer",
  expires_at: undefined,
  lifetime: undefined,
  scopes: undefined,
};

/** What an answer leaves out stays as it was. */
const given = (told: Partial<Credential>): Partial<Credential> =>
  Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));

/** The refresh token of an answer and its end, told at once. */
async function readRefreshToken(
  context: GrantContext,
  answer: EgressAnswer,
  read: (key: "refresh_token" | "refresh_token_expires_in") => Promise<unknown>,
): Promise<{ readonly refreshToken?: string; readonly refreshEnd?: number }> {
  const token = await read("refresh_token");
  refuseUnusable("refresh token", token, answer);
  const lifetime = lifetimeOf(await read("refresh_token_expires_in"), undefined, providerTime(answer));
  const end = lifetime === undefined ? {} : { refreshEnd: answer.sentAt + lifetime };
  if (!isToken(token)) return end;
  context.onRefreshToken?.(token, end.refreshEnd);
  return { refreshToken: token, ...end };
}

/** Clocks that differ by less are right: a header has whole seconds, and an answer takes a while. */
const sameTime = 60_000;

/** What time it is for the provider, whose points in time are read by its own clock (RFC 9110 §6.6.1). */
export function providerTime({ headers, sentAt }: Pick<EgressAnswer, "headers" | "sentAt">): number {
  const told = Date.parse(String(headers.date ?? ""));
  return Math.abs(told - sentAt) > sameTime ? told : sentAt;
}

const isFailure = ({ status }: EgressAnswer) => status < 200 || status > 299;

const isToken = (value: unknown): value is string => typeof value === "string" && value !== "";

async function timeLeft(
  response: TokenResponse,
  root: unknown,
  reading: Reading,
  accessToken: unknown,
  now: number,
): Promise<number | undefined> {
  const { value, unit } = response.expires_in;
  const told = lifetimeOf(root === undefined ? undefined : await evaluate(value, root), unit, now);
  // An answer that brings no token says nothing of the one before, whose own end stays.
  return told === undefined && isToken(accessToken) ? assumedLifetime(reading, accessToken, now) : told;
}

/** What a token lives that nobody told the end of. */
function assumedLifetime({ default_lifetime }: Reading, accessToken: string, now: number): number | undefined {
  return default_lifetime === "never" ? undefined : (default_lifetime ?? jwtLifetime(accessToken, now));
}

/** More does not fit into the headers that common servers take. */
const maxTokenBytes = 16 * 1024;

/** A large answer is not worth keeping beside the token. */
function small(root: unknown): unknown {
  return root !== undefined && JSON.stringify(root).length <= maxTokenBytes ? root : undefined;
}

/**
 * A token that cannot be sent in a header or be stored is worse than none: it must not take the place of one that works. The failure is
 * no `TokenFailure`, as these are not the provider's words; a refresh takes it as one that is tried again.
 */
function refuseUnusable(what: string, token: unknown, answer: EgressAnswer): void {
  if (typeof token !== "string") return;
  const fault =
    Buffer.byteLength(token, "utf8") > maxTokenBytes
      ? "is longer than 16 KB"
      : /[\p{Cc}\p{Cs}]/u.test(token) // With the flag u, \p{Cs} finds only halves of surrogate pairs.
        ? "holds characters that no token may hold"
        : undefined;
  if (fault === undefined) return;
  throw new JackfieldError("token_answer_invalid", {
    detail: `The provider answered with a token that cannot be used: the ${what} ${fault}.`,
    provider: { status: answer.status },
  });
}

function isPresent(error: unknown): boolean {
  return (
    error !== undefined && error !== null && error !== "" && error !== false && !(Array.isArray(error) && error.length === 0)
  );
}

/** What the manifest says of the provider's own error codes; the first that is known counts. */
function declaredKind(errors: TokenErrors, error: unknown): TokenErrors[string] | undefined {
  const codes = [error].flat().filter((code) => typeof code === "string" || typeof code === "number");
  const known = codes.find((code) => Object.hasOwn(errors, code));
  return known === undefined ? undefined : errors[known];
}

/** The `error` of RFC 6749 §5.2, which may stand beside the provider's own code. */
function standardError(root: unknown): string | undefined {
  const error = root !== null && typeof root === "object" && "error" in root ? root.error : undefined;
  return typeof error === "string" ? error : undefined;
}

/** Providers answer with spaces, commas or a list, whatever they were asked with. */
function scopesOf(scope: unknown): readonly string[] | undefined {
  const items = typeof scope === "string" ? scope.split(/[\s,]+/) : Array.isArray(scope) ? scope : undefined;
  const names = items?.filter((item): item is string => typeof item === "string" && item !== "");
  return names === undefined || names.length === 0 ? undefined : names;
}

function words(
  status: number,
  error: unknown,
  description: unknown,
  body: unknown,
  redact: (text: string) => string,
): ProviderWords {
  const text = (value: unknown): string | undefined => {
    if (typeof value === "string") return value === "" ? undefined : redact(value).slice(0, 2000);
    if (typeof value === "number" || typeof value === "object")
      return isPresent(value) ? redact(JSON.stringify(value)).slice(0, 2000) : undefined;
    return undefined;
  };
  const uri = body !== null && typeof body === "object" && "error_uri" in body ? text(body.error_uri) : undefined;
  const said = text(error);
  const described = text(description);
  return {
    status,
    ...(said === undefined ? {} : { error: said }),
    ...(described === undefined ? {} : { error_description: described }),
    ...(uri === undefined ? {} : { error_uri: uri }),
  };
}
