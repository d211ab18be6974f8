// A client that registers itself (RFC 7591), so that no admin has to.

import type { ClientAuthentication, OAuth2 } from "@jackfield/manifest";
import type { EgressAnswer } from "../egress/egress.ts";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { overlay, type Values } from "../request/parameters.ts";
import { renderUrl } from "../request/url.ts";
import { redirectUriOf } from "./authorization-code.ts";
import { deviceGrant } from "./device-code.ts";
import { refusalOf } from "./exchange.ts";
import { lifetimeOf } from "./lifetime.ts";
import { fieldSecrets } from "./secrets.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { authenticationOf, callFreely, type GrantContext } from "./token-endpoint.ts";
import type { TokenFailure } from "./token-failure.ts";

/** What the provider gave. */
export interface Registered {
  readonly client_id: string;
  readonly client_secret: string | undefined;
  /** Milliseconds since the epoch; undefined: the secret has no end. */
  readonly expires_at: number | undefined;
}

/** What a client is registered for: grant types and response types (RFC 7591 §2). */
const uses: { readonly [G in OAuth2["grant"]]: readonly [grants: readonly string[], responses: readonly string[]] } = {
  authorization_code: [["authorization_code", "refresh_token"], ["code"]],
  device_code: [[deviceGrant, "refresh_token"], []],
  client_credentials: [["client_credentials"], []],
  password: [["password", "refresh_token"], []],
  jwt_bearer: [["urn:ietf:params:oauth:grant-type:jwt-bearer"], []],
};

/** Ways to prove the client that have a registered name; of the others the provider is told nothing. */
const methods: { readonly [A in ClientAuthentication]: string | undefined } = {
  client_secret_post: "client_secret_post",
  client_secret_basic: "client_secret_basic",
  client_secret_basic_raw: "client_secret_basic",
  none: "none",
  query: undefined,
  bearer: undefined,
  private_key_jwt: "private_key_jwt",
  client_secret_jwt: "client_secret_jwt",
  tls_client_auth: "tls_client_auth",
};

/** Client authentications that prove themselves with a secret of the provider's. */
const withSecret: ReadonlySet<ClientAuthentication> = new Set([
  "client_secret_post",
  "client_secret_basic",
  "client_secret_basic_raw",
  "query",
  "bearer",
  "client_secret_jwt",
] as const);

/** RFC 6749 appendix A.1 and A.2, and no longer than fits. */
const isUsable = (value: unknown): value is string => typeof value === "string" && /^[\x20-\x7e]{1,4096}$/.test(value);

/** Registers a client (RFC 7591 §3.1). Throws `registration_refused`, and as `callFreely`. */
export async function registerClient(
  context: GrantContext,
  auth: OAuth2,
  request: { readonly redirect_uri: string; readonly names: Names },
): Promise<Registered> {
  const { registration } = auth.client;
  if (registration === undefined) throw new JackfieldError("app_not_configured");
  const { names } = request;
  const authentication = await authenticationOf(auth.client.authentication, names);
  const ours = await metadata(auth, authentication, request);
  const value = Object.fromEntries(await overlay(ours, registration.params, names));
  const url = await renderUrl(registration.url, names);
  const rendered = {
    method: "POST",
    url,
    base: undefined,
    headers: { accept: "application/json" },
    content: { encoding: "json", value } as const,
  };
  const fields = (names.fields ?? {}) as Readonly<Record<string, unknown>>;
  const answered = await callFreely(context, rendered, fieldSecrets(auth, fields));
  const { status } = answered.answer;
  if (status < 200 || status > 299) throw refused(refusalOf(answered, {}));
  return readRegistered(answered.answer, authentication);
}

/** A provider that is ill may register us later; one that says no will not. */
function refused(failure: TokenFailure): JackfieldError {
  if (failure.kind === "retry" && failure.code !== "token_answer_invalid") return failure;
  const { provider = {}, message: detail } = failure;
  return new JackfieldError("registration_refused", provider.error === undefined ? { provider } : { provider, detail });
}

/** RFC 7591 §3.2.1. Throws `registration_refused`. */
function readRegistered(answer: EgressAnswer, authentication: ClientAuthentication): Registered {
  const body = parseTokenAnswer(answer);
  const told = (typeof body === "object" && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const unusable = (detail: string) =>
    new JackfieldError("registration_refused", { detail, provider: { status: answer.status } });
  const { client_id, client_secret } = told;
  if (!isUsable(client_id)) throw unusable("The provider's answer to the registration holds no client ID.");
  const secret = isUsable(client_secret) ? client_secret : undefined;
  if (secret === undefined && withSecret.has(authentication))
    throw unusable(`The provider registered a client without the secret that ${authentication} needs.`);
  // Zero means that it has no end.
  const lifetime = lifetimeOf(told.client_secret_expires_at, "at_s", answer.sentAt);
  const expires_at = secret === undefined || lifetime === undefined ? undefined : answer.sentAt + lifetime;
  return { client_id, client_secret: secret, expires_at };
}

/** What we say of ourselves (RFC 7591 §2). */
async function metadata(
  auth: OAuth2,
  authentication: ClientAuthentication,
  request: { readonly redirect_uri: string; readonly names: Names },
): Promise<Values> {
  const [grant_types, response_types] = uses[auth.grant];
  const scopes = [...auth.scopes.required, ...auth.scopes.optional].map(({ name }) => name);
  const method = methods[authentication];
  return [
    ["client_name", "Jackfield"],
    ...(auth.grant === "authorization_code" ? [["redirect_uris", [await redirectUriOf(auth, request)]] as const] : []),
    ["grant_types", grant_types],
    ["response_types", response_types],
    ...(method === undefined ? [] : [["token_endpoint_auth_method", method] as const]),
    ...(scopes.length === 0 ? [] : [["scope", scopes.join(" ")] as const]),
  ];
}
