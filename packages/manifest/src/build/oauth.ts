// The blocks of OAuth 2.0, and what other types share with them: how token answers are read, how credentials are replaced.

import type { Assertion, Client, ClientAuthentication, OAuth2, OAuth2Block } from "../connector.ts";
import { type FieldManifest, milliseconds } from "../defaults.ts";
import { record } from "../record.ts";
import type { Texts } from "../text.ts";
import { buildFields, type CompiledAuthOf, refreshFacts, TokenReader } from "./parts.ts";
import { buildRequest } from "./request.ts";

type CompiledOAuth2 = CompiledAuthOf<"oauth2">;

export function buildOAuth2(auth: CompiledOAuth2, texts: Texts): Pick<OAuth2, OAuth2Block> {
  const reader = new TokenReader(texts);
  const client = buildClient(auth, texts);
  return {
    client,
    // A key says nothing of a token that is sent in another way, or exchanged for another one.
    dpop: auth.apply === undefined && auth.token.then === undefined ? (auth.dpop ?? "if_offered") : "off",
    store_password: storesPassword(auth),
    scopes: {
      separator: " ",
      param: "scope",
      required: [],
      optional: [],
      optional_param: undefined,
      from: undefined,
      ...auth.scopes,
    },
    authorization: auth.authorization && authorization(auth.authorization),
    device: auth.device && {
      url: auth.device.url,
      params: auth.device.params ?? record([]),
      interval: milliseconds(auth.device.interval ?? "5s"),
    },
    assertion: auth.grant === "jwt_bearer" ? assertion(auth.assertion, "{{ app.private_key }}", texts) : undefined,
    callback: callback(auth, texts),
    token: token(auth.token, reader),
    refresh: refresh(auth, reader),
    revocation:
      auth.revocation?.none === undefined && auth.revocation ? revocation(auth.revocation, client.authentication) : undefined,
    introspection: auth.introspection && {
      ...endpoint(auth.introspection, client.authentication),
      url: auth.introspection.url,
      active: auth.introspection.active ?? texts.expression("active"),
      expires_at: auth.introspection.expires_at ?? texts.expression("exp"),
      scope: auth.introspection.scope ?? texts.expression("scope"),
    },
  };
}

function token(declared: CompiledOAuth2["token"], reader: TokenReader): OAuth2["token"] {
  return {
    url: declared.url,
    method: declared.method ?? "POST",
    encoding: declared.encoding ?? "form",
    headers: declared.headers ?? record([]),
    params: declared.params ?? record([]),
    rename: declared.rename ?? record([]),
    omit: declared.omit ?? [],
    ...reader.answered(declared),
  };
}

/** Which key signs where the manifest does not say. */
const signingKeys: Readonly<Partial<Record<ClientAuthentication, string>>> = {
  private_key_jwt: "{{ app.private_key }}",
  client_secret_jwt: "{{ app.client_secret }}",
};

function buildClient(auth: CompiledOAuth2, texts: Texts): Client {
  const { client } = auth;
  const authentication = client?.authentication ?? "client_secret_post";
  const key = typeof authentication === "string" ? signingKeys[authentication] : undefined;
  return {
    source: client?.source ?? "app",
    authentication,
    id_param: client?.id_param ?? "client_id",
    secret_param: client?.secret_param ?? "client_secret",
    assertion: key === undefined ? undefined : assertion(client?.assertion, key, texts, authentication === "client_secret_jwt"),
    fields: buildFields((client?.fields ?? []) as unknown as FieldManifest[], client?.fields),
    certificate: client?.certificate ?? (authentication === "tls_client_auth" ? "token" : "none"),
    registration: client?.registration && { url: client.registration.url, params: client.registration.params ?? record([]) },
  };
}

function assertion(declared: CompiledOAuth2["assertion"], key: string, texts: Texts, shared = false): Assertion {
  return {
    algorithm: declared?.algorithm ?? (shared ? "HS256" : "RS256"),
    key: declared?.key ?? texts.template(key),
    key_id: declared?.key_id,
    header: declared?.header ?? record([]),
    claims: declared?.claims ?? record([]),
    audience: declared?.audience,
    lifetime: milliseconds(declared?.lifetime ?? "5m"),
  };
}

function authorization(declared: NonNullable<CompiledOAuth2["authorization"]>): OAuth2["authorization"] {
  return {
    url: declared.url,
    params: declared.params ?? record([]),
    rename: declared.rename ?? record([]),
    pkce: typeof declared.pkce === "object" ? "none" : (declared.pkce ?? "S256"),
    fragment: declared.fragment,
    route: declared.route,
    order: declared.order ?? [],
    par: declared.par ?? "if_offered",
  };
}

function callback({ callback: declared, authorization: sent }: CompiledOAuth2, texts: Texts): OAuth2["callback"] {
  const captures = Object.entries(declared?.capture ?? {}).map(
    ([name, { param, pattern, options, required = true }]) =>
      [name, { param: param ?? name, pattern, options, required }] as const,
  );
  const verify = declared?.verify;
  return {
    code: declared?.code ?? "code",
    state: declared?.state ?? sent?.rename?.state ?? "state",
    source: declared?.source ?? "query",
    redirect_uri: declared?.redirect_uri,
    issuer: declared?.issuer ?? "if_present",
    scope: declared?.scope,
    capture: record(captures),
    verify: verify && {
      param: verify.param ?? "hmac",
      algorithm: verify.algorithm ?? "sha256",
      encoding: verify.encoding ?? "hex",
      signed: verify.signed ?? "sorted_parameters",
      secret: verify.secret ?? texts.template("{{ app.client_secret }}"),
      timestamp: verify.timestamp,
      tolerance: milliseconds(verify.tolerance ?? "5m"),
    },
  };
}

/** A person's password that is kept is there for another log-in. */
const storesPassword = ({ grant, store_password = true }: CompiledOAuth2) => grant === "password" && store_password;

/** Grants whose credential is renewed as it was obtained. */
const withoutUser: ReadonlySet<CompiledOAuth2["grant"]> = new Set(["client_credentials", "jwt_bearer"] as const);

function refresh(auth: CompiledOAuth2, reader: TokenReader): OAuth2["refresh"] {
  const { token, refresh: declared } = auth;
  return {
    ...refreshFacts(declared, withoutUser.has(auth.grant) ? "reissue" : "refresh_token"),
    ...(storesPassword(auth) && { on_invalid_grant: declared?.on_invalid_grant ?? "reauthenticate" }),
    url: declared?.url ?? token.url,
    method: declared?.method ?? token.method ?? "POST",
    encoding: declared?.encoding ?? token.encoding ?? "form",
    headers: declared?.headers ?? token.headers ?? record([]),
    params: declared?.params ?? record([]),
    omit: declared?.omit ?? [],
    subject: declared?.subject ?? "refresh_token",
    response: reader.response(token.response, declared?.response),
  };
}

function endpoint(
  declared: Pick<NonNullable<CompiledOAuth2["revocation"]>, "method" | "encoding" | "headers" | "params" | "authentication">,
  authentication: Client["authentication"],
) {
  return {
    method: declared.method ?? "POST",
    encoding: declared.encoding ?? "form",
    headers: declared.headers ?? record([]),
    params: declared.params ?? record([]),
    authentication: declared.authentication ?? authentication,
  } as const;
}

function revocation(
  declared: NonNullable<CompiledOAuth2["revocation"]>,
  authentication: Client["authentication"],
): OAuth2["revocation"] {
  return {
    ...endpoint(declared, authentication),
    url: declared.url,
    tokens: declared.tokens ?? ["refresh_token", "access_token"],
    request: declared.request && buildRequest(declared.request),
    on: declared.on ?? ["disconnect"],
  };
}
