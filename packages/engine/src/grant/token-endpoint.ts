import {
  type ClientAuthentication,
  clientAuthentications as clientAuthenticationNames,
  type OAuth2,
  type Parameters,
  type Template,
  type TokenEncoding,
} from "@jackfield/manifest";
import type { Certificate, Egress, EgressAnswer, EgressRequest } from "../egress/egress.ts";
import { createRedactor } from "../egress/redact.ts";
import { JackfieldError } from "../errors.ts";
import { type Names, word } from "../request/hole.ts";
import { asEntries, formEncode, overlay, renderParameters, type Values } from "../request/parameters.ts";
import { encodeContent, type Rendered } from "../request/render.ts";
import { renderUrl, withQuery } from "../request/url.ts";
import { clientAuthentications } from "./client-authentication.ts";
import { appNames, type Client, withPreviousSecret } from "./credential.ts";
import { type Nonces, type ProofKey, proofOf } from "./dpop.ts";
import type { Metadata } from "./metadata.ts";
import { secretsOf } from "./secrets.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import type { TokenPool } from "./token-pool.ts";

/** What grants need from outside. */
export interface GrantContext {
  readonly egress: Egress;
  readonly random: (bytes: number) => Buffer;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Tokens of clients that several connections share; without it each gets its own. */
  readonly pool?: TokenPool;
  /** Whether people's passwords may be spent for tokens. Default: true. */
  readonly policy?: { readonly passwordGrant?: boolean | undefined; readonly tokenTimeout?: number | undefined };
  /** Called when a request is ready and nothing of it has left: what it throws keeps it from being sent. */
  readonly beforeSend?: () => Promise<void>;
  /** How long an answer is waited for in place of the policy's time, in milliseconds. */
  readonly timeout?: number | undefined;
  /** Told of each refresh token as soon as it is read: what follows may fail when the one before it is dead already. */
  readonly onRefreshToken?: (token: string, expires_at: number | undefined) => void;
  /** What providers say of themselves. Without it nobody is asked, and nothing that only metadata can offer is used. */
  readonly metadata?: Metadata | undefined;
  readonly nonces?: Nonces | undefined;
}

const defaultTimeout = 30_000;

/** How long the answer of a token endpoint is waited for, in milliseconds. */
export const tokenTimeoutOf = ({ policy }: Pick<GrantContext, "policy">): number => policy?.tokenTimeout ?? defaultTimeout;

const limitsOf = (context: GrantContext) =>
  ({ timeout: context.timeout ?? tokenTimeoutOf(context), maxBytes: 1 << 20, redirects: "none", purpose: "token" }) as const;

/** How parameters are sent; undefined where they stand in the URL. */
const encodings: {
  readonly [E in TokenEncoding]: { readonly type: string; encode(values: Values): string } | undefined;
} = {
  form: { type: "application/x-www-form-urlencoded", encode: (values) => formEncode(asEntries(values)) },
  json: { type: "application/json", encode: (values) => JSON.stringify(Object.fromEntries(values)) },
  query: undefined,
};

const withoutBody: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** A request to an endpoint of the authorization server: what the engine sends, and what the manifest lays over it. */
export interface EndpointRequest {
  /** A text: one that the provider's metadata names. */
  readonly url: Template | string;
  readonly method: string;
  readonly encoding: TokenEncoding;
  readonly headers: Parameters;
  /** Laid over `values` and the client's proof. */
  readonly params: Parameters;
  readonly values: Values;
  /** The provider's names for the engine's own parameters. */
  readonly rename?: Readonly<Record<string, string>>;
  /** The engine's parameters that are not sent, by the names that are sent. */
  readonly omit?: readonly string[];
  readonly authentication: ClientAuthentication | Template;
  readonly client: Client;
  readonly names: Names;
  /** What the token shall be bound to (RFC 9449 §5). */
  readonly proof_key?: ProofKey | undefined;
}

export interface EndpointAnswer {
  readonly answer: EgressAnswer;
  /** Replaces in a text what was sent. */
  readonly redact: (text: string) => string;
}

/** The answer of an endpoint where the client proves itself. */
export interface ProvedAnswer extends EndpointAnswer {
  /** The client as the provider took it, perhaps with the secret before this one. */
  readonly client: Client;
}

/**
 * The only way to the endpoints of an authorization server (RFC 6749 §3.2, RFC 7009 §2.1): authenticates the client in exactly one way. No
 * redirect is ever followed, so that the secret goes to the URL that the manifest names and nowhere else. Where the client is refused and
 * the secret before this one is held, the request is made once more with that. Throws `provider_timeout`,
 * `provider_unavailable`, `assertion_key_invalid`, …
 */
export async function callEndpoint(context: GrantContext, auth: OAuth2, request: EndpointRequest): Promise<ProvedAnswer> {
  const first = { ...(await callProved(context, auth, request)), client: request.client };
  const client = withPreviousSecret(request.client);
  if (client === undefined || !refusesClient(first.answer)) return first;
  const second = await callProved(context, auth, { ...request, ...provedAs(client, request.names) });
  if (refusesClient(second.answer)) return first;
  if (isSuccess(second.answer)) await request.client.previous?.used();
  return { ...second, redact: (text) => first.redact(second.redact(text)), client };
}

/** What a request of this client is made with: templates name no other. */
export function provedAs(client: Client, names: Names): Pick<EndpointRequest, "client" | "names"> {
  return { client, names: names.app === undefined ? names : { ...names, app: appNames(client) } };
}

const isSuccess = ({ status }: EgressAnswer) => status >= 200 && status <= 299;

/** Whether the client did not prove itself (RFC 6749 §5.2): nothing of the request was carried out. */
function refusesClient(answer: EgressAnswer): boolean {
  if (answer.status !== 400 && answer.status !== 401) return false;
  const body = parseTokenAnswer(answer);
  const error = body !== null && typeof body === "object" && "error" in body ? body.error : undefined;
  return error === "invalid_client" || (error === undefined && answer.status === 401);
}

/** Once, and once more where the server wants its own word in the proof (RFC 9449 §8). */
async function callProved(context: GrantContext, auth: OAuth2, request: EndpointRequest): Promise<EndpointAnswer> {
  const first = await callOnce(context, auth, request);
  if (request.proof_key === undefined || !context.nonces?.note("token", first.answer)) return first;
  const second = await callOnce(context, auth, request);
  context.nonces.note("token", second.answer);
  return second;
}

async function callOnce(context: GrantContext, auth: OAuth2, request: EndpointRequest): Promise<EndpointAnswer> {
  const { client, names, proof_key } = request;
  const url = typeof request.url === "string" ? request.url : await renderUrl(request.url, names);
  const declared = auth.client;
  const authentication = await authenticationOf(request.authentication, names);
  const prover = { context, client, declared, issuer: auth.issuer, url, names };
  const proof = await clientAuthentications[authentication](prover);
  const values = await parametersOf(request, proof.params);
  const isSent = ([name]: readonly [string, unknown]) => !(request.omit ?? []).includes(name);
  const body = withoutBody.has(request.method) ? undefined : encodings[request.encoding];
  const headers: Record<string, string> = {
    accept: "application/json",
    ...(body === undefined ? {} : { "content-type": body.type }),
  };
  for (const [name, value] of await renderParameters(request.headers, names)) headers[name.toLowerCase()] = value;
  if (proof_key !== undefined) headers.dpop = await proofOf(context, proof_key, { role: "token", method: request.method, url });
  await context.beforeSend?.();
  const answer = await context.egress.send({
    method: request.method,
    url: withQuery(url, [...(body === undefined ? asEntries(values) : []), ...proof.query.filter(isSent)]),
    headers: { ...headers, ...proof.headers },
    ...(body === undefined ? {} : { body: body.encode(values) }),
    ...(auth.client.certificate === "none" ? {} : { certificate: certificateOf(client) }),
    ...limitsOf(context),
  });
  const sent = values.filter(([name]) => !noSecrets.has(name)).map(([, value]) => value);
  return { answer, redact: redactSent([...sent, proof.headers.authorization], secretsOf(auth, request)) };
}

/** How the client proves itself, where the user may have chosen it. Throws `expression_error`. */
export function authenticationOf(declared: ClientAuthentication | Template, names: Names): Promise<ClientAuthentication> {
  return word(declared, names, clientAuthenticationNames, "client_secret_post");
}

/** Parameters whose values a provider may quote: without them its words would often say nothing. */
const noSecrets: ReadonlySet<string> = new Set([
  "grant_type",
  "audience",
  "resource",
  "scope",
  "redirect_uri",
  "token_type_hint",
]);

async function parametersOf(
  { values, rename = {}, omit = [], params, names }: EndpointRequest,
  proof: Values,
): Promise<[string, unknown][]> {
  // A pushed authorization request names the client anyhow.
  const proving = proof.filter(([name]) => !values.some(([known]) => known === name));
  const spelled = [...values, ...proving].map(([name, value]) => [rename[name] ?? name, value] as const);
  const sent = spelled.filter(([name]) => !omit.includes(name));
  return overlay(sent, params, names);
}

/** The certificate that a client presents (RFC 8705). Throws `certificate_invalid` where it has none. */
export function certificateOf(client: Client): Certificate {
  const { certificate: cert, private_key: key } = appNames(client);
  if (typeof cert !== "string" || typeof key !== "string") throw new JackfieldError("certificate_invalid");
  return { cert, key };
}

/** A free request that ends in a token: made as it stands, without redirects. Throws as `callEndpoint`. */
export async function callFreely(
  context: GrantContext,
  rendered: Rendered,
  secrets: readonly unknown[],
): Promise<EndpointAnswer> {
  const encoded = encodeContent(rendered.content, context.random);
  const request: EgressRequest = {
    method: rendered.method,
    url: rendered.url,
    headers: { ...(encoded === undefined ? {} : { "content-type": encoded.type }), ...rendered.headers },
    ...(encoded === undefined ? {} : { body: encoded.body }),
    ...limitsOf(context),
  };
  await context.beforeSend?.();
  return { answer: await context.egress.send(request), redact: redactSent([], secrets) };
}

/** Shorter parameters may be words that the provider says anyway. */
const shortest = 8;

const isText = (value: unknown): value is string => typeof value === "string";

/** The whole of HTTP Basic too: a provider that echoes it gives the secret away together with the id before it. */
function redactSent(sent: readonly unknown[], secrets: readonly unknown[]): (text: string) => string {
  const texts = sent.filter(isText);
  const all = [...texts, ...texts.map((text) => text.replace(/^(Basic|Bearer) /, ""))];
  return createRedactor([...new Set([...all.filter((text) => text.length >= shortest), ...secrets.filter(isText)])]);
}
