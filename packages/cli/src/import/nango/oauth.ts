// The OAuth modes.

import { Inexpressible } from "../note.ts";
import type { Draft } from "./draft.ts";
import { isTrue } from "./fields.ts";
import type { Mode } from "./modes.ts";
import { filled } from "./proxy.ts";
import { adminFields, durationOf, headersOf, tokenUrl } from "./token-parts.ts";
import { propertyPath } from "./value.ts";

type Map = Record<string, unknown>;

/** Sign-in and consent of a person, with the admin's app. */
export function authorizationCode(draft: Draft): Mode {
  if (draft.entry.auth_mode === "CUSTOM") {
    draft.notes.notCarried("token_url.APP", "the person's own token is used, not the one of the app's installation");
  }
  const scopes = scopesOf(draft);
  const { params, ...authorization } = authorizationOf(draft);
  const { scope, ...others } = params;
  if (scope !== undefined) addScopes(scopes, draft, String(scope));
  const token = tokenOf(draft, "authorization_code", scopes);
  return {
    id: "oauth",
    auth: {
      type: "oauth2",
      grant: "authorization_code",
      client: filled({
        ...clientNames(draft),
        authentication: authentication(draft),
        fields: adminFields(draft),
        registration: registration(draft),
      }),
      scopes: filled(scopes),
      authorization: { ...authorization, params: filled(others) },
      callback: filled({ code: draft.takeText("authorization_code_param_in_callback") }),
      token,
      refresh: filled(refreshOf(draft)),
    },
  };
}

/** The client is the user's own. */
export function clientCredentials(draft: Draft): Mode {
  draft.client = "connection";
  const grantType = draft.takeMap("token_params").grant_type;
  const isPassword = grantType === "password";
  if (isPassword)
    draft.notes.add("token_params.grant_type", "a person's password is kept: the deployment must allow ALLOW_PASSWORD_GRANT");
  const client = certified(draft) ?? { source: "connection" };
  draft.client = client.source === "app" ? "app" : "connection";
  ownClient(draft);
  const custom = draft.entry.token_request_auth_method === "custom" ? { id_param: "username", secret_param: "password" } : {};
  if (/\$\{/.test(String(draft.takeMap("token_params").scope ?? ""))) return freeCredentials(draft);
  const scopes = scopesOf(draft);
  const token = tokenOf(draft, isPassword ? "password" : "client_credentials", scopes);
  return {
    id: "machine",
    auth: {
      type: "oauth2",
      grant: isPassword ? "password" : "client_credentials",
      acknowledge_risk: isPassword ? "password_grant" : undefined,
      client: { ...client, authentication: authentication(draft), ...custom, ...clientNames(draft) },
      scopes: filled(scopes),
      token,
      refresh: filled({ ...lifetimes(draft), strategy: isPassword ? "reissue" : undefined }),
    },
  };
}

/** A scope that the person types is no scope of a list: then the whole request is written out. */
function freeCredentials(draft: Draft): Mode {
  const url = tokenUrl(draft);
  if (url === undefined) throw new Inexpressible("`token_url` is missing");
  const id = draft.fields.get("credentials", "client_id");
  const secret = draft.fields.get("credentials", "client_secret");
  secret.secret = "declared";
  const isBasic = authentication(draft) !== undefined;
  const own = { client_id: `{{ fields.${id.name} }}`, client_secret: `{{ fields.${secret.name} }}` };
  const basic = { Authorization: `Basic {{ $base64(fields.${id.name} & ":" & fields.${secret.name}) }}` };
  const format = draft.takeText("body_format") ?? "form";
  if (draft.take("scope_separator") !== undefined)
    draft.notes.notCarried("scope_separator", "the person types the scope as a whole");
  const params = { ...(isBasic ? {} : own), ...mapOf(draft, draft.takeMap("token_params"), "token_params") };
  const request = {
    method: "POST",
    url: draft.urlTemplate(url, "token_url"),
    headers: filled({ ...headersOf(draft, "token_headers"), ...(isBasic ? basic : {}) }),
    ...(format === "query" ? { query: params } : { encoding: format, body: params }),
  };
  const token = { request, response: filled(responseOf(draft)) };
  return { id: "machine", auth: { type: "custom", token, refresh: filled(lifetimes(draft)) } };
}

/** The two fields are implied; they are declared for what the source says of them. */
function ownClient(draft: Draft): void {
  for (const key of ["client_id", "client_secret"]) {
    if (draft.fields.schema("credentials", key) === undefined) continue;
    if (draft.client === "app") draft.fields.settle(key);
    else if (key === "client_secret") draft.fields.get("credentials", key).secret = "declared";
    else draft.fields.get("credentials", key).secret = false;
  }
}

export function oauth1(draft: Draft): Mode {
  const request = draft.takeText("request_url");
  const token = tokenUrl(draft);
  const authorization = draft.takeText("authorization_url");
  if (request === undefined || token === undefined || authorization === undefined) {
    throw new Inexpressible("one of `request_url`, `authorization_url` and `token_url` is missing");
  }
  const params = (key: string) => filled(mapOf(draft, draft.takeMap(key), key));
  const fields = adminFields(draft);
  return {
    id: "oauth",
    auth: {
      type: "oauth1",
      signature_method: draft.takeText("signature_method"),
      client: fields && { fields },
      request_token: { url: draft.urlTemplate(request, "request_url"), params: params("request_params") },
      authorization: { url: draft.urlTemplate(authorization, "authorization_url"), params: params("authorization_params") },
      token: { url: draft.urlTemplate(token, "token_url"), params: params("token_params") },
    },
  };
}

function mapOf(draft: Draft, source: Readonly<Map>, key: string): Map {
  const entries = Object.entries(source).filter(([name, value]) => {
    const isKept = value !== null && typeof value !== "object";
    if (!isKept) draft.notes.notCarried(`${key}.${name}`, "a parameter is a text");
    return isKept;
  });
  return Object.fromEntries(entries.map(([name, value]) => [name, draft.parameter(value, `${key}.${name}`)]));
}

/** How the client proves itself. */
function authentication(draft: Draft): string | undefined {
  const byHeader = draft.takeText("authorization_method") === "header";
  const method = draft.takeText("token_request_auth_method");
  if (byHeader) return "client_secret_basic";
  return method === "basic" ? "client_secret_basic_raw" : undefined;
}

/** A client certificate is the app's, as its key must not travel with every connection. */
function certified(draft: Draft): { source: string; certificate: string; fields: object[] } | undefined {
  if (!isTrue(draft.take("require_client_certificate"))) return undefined;
  draft.notes.add(
    "require_client_certificate",
    "client, certificate and private key are saved once, with the app, not with each connection",
  );
  for (const key of ["client_certificate", "client_private_key"]) draft.fields.settle(key);
  return {
    source: "app",
    certificate: "always",
    fields: [
      {
        name: "certificate",
        label: "Client certificate",
        type: "text",
        required: true,
        placeholder: "-----BEGIN CERTIFICATE-----",
        help: "As PEM.",
      },
      {
        name: "private_key",
        label: "Private key",
        type: "text",
        secret: true,
        required: true,
        placeholder: "-----BEGIN PRIVATE KEY-----",
        help: "As PEM.",
      },
    ],
  };
}

function registration(draft: Draft): object | undefined {
  const url = draft.takeText("registration_url");
  const kind = draft.takeText("client_registration");
  const params = draft.takeMap("registration_params");
  if (kind === "cimd")
    draft.notes.add("client_registration", "the client's ID is the URL of its metadata; the admin enters it as client ID");
  if (url === undefined) return undefined;
  return { url: draft.urlTemplate(url, "registration_url"), params: filled(mapOf(draft, params, "registration_params")) };
}

function scopesOf(draft: Draft): Map {
  const separator = draft.take("scope_separator");
  const skips = (draft.take("authorization_url_skip_encode") as string[] | undefined) ?? [];
  const scopes: Map = {};
  const isSpelledSpace = skips.some((name) => /^scopes?$/.test(name)) && (separator === "+" || separator === "%20");
  for (const name of skips)
    if (!/^scopes?$/.test(name)) draft.notes.notCarried("authorization_url_skip_encode", `\`${name}\` is encoded`);
  if (typeof separator === "string" && separator !== "" && separator !== " " && separator !== "%20" && !isSpelledSpace)
    scopes.separator = separator;
  const defaults = draft.take("default_scopes");
  if (Array.isArray(defaults)) addScopes(scopes, draft, ...defaults.map(String));
  return scopes;
}

function addScopes(scopes: Map, draft: Draft, ...names: readonly string[]): void {
  const required = (scopes.required ?? []) as { name: string; reason: string }[];
  const separator = typeof scopes.separator === "string" ? scopes.separator : " ";
  const split = names.flatMap((name) => name.split(separator).flatMap((part) => part.split(/\s+/))).filter((name) => name !== "");
  for (const name of split) {
    if (name.includes("{{")) draft.notes.notCarried("scope", "a scope is no template");
    else if (!required.some((item) => item.name === name))
      required.push({ name, reason: "Asked for by the definition that this was imported from." });
  }
  if (required.length > 0) scopes.required = required;
}

const withoutPkce = "The definition that this was imported from switches it off.";

function authorizationOf(draft: Draft): Map & { params: Map } {
  const url = draft.takeText("authorization_url");
  if (url === undefined) throw new Inexpressible("`authorization_url` is missing");
  const params = authorizationParams(draft);
  const rename = renamed(draft, params);
  if (draft.take("authorization_url_skip_empty") !== undefined)
    draft.notes.add("authorization_url_skip_empty", "parameters without a value are always left out");
  return {
    url: draft.urlTemplate(url, "authorization_url"),
    params,
    rename: filled(rename),
    pkce: isTrue(draft.take("disable_pkce")) ? { none: withoutPkce } : undefined,
    route: draft.takeText("authorization_url_fragment"),
  };
}

function authorizationParams(draft: Draft): Map {
  const { response_type, grant_type, ...given } = draft.takeMap("authorization_params");
  if (grant_type !== undefined) draft.notes.notCarried("authorization_params.grant_type", "it belongs to token requests");
  const others = mapOf(draft, given, "authorization_params");
  if (others.nonce !== undefined && !String(others.nonce).includes("{{")) {
    draft.notes.add("authorization_params.nonce", "is new each time");
    others.nonce = "{{ request.id }}";
  }
  const type = response_type ?? (draft.takeMap("auth").response_type as unknown);
  if (type !== undefined && type !== "code")
    draft.notes.notCarried("authorization_params.response_type", "only `code` is asked for");
  return withoutOwn(draft, others, "authorization_params", ownAtAuthorization);
}

/** What the engine sends to the authorization endpoint. */
const renamable = new Set([
  "response_type",
  "client_id",
  "redirect_uri",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
]);

/** Texts that are replaced in the URL: names of parameters, in all that is known. */
function renamed(draft: Draft, params: Map): Map {
  // Under another name at the token endpoint, it keeps its own here.
  const rename: Map = clientNames(draft).id_param === undefined ? {} : { client_id: "client_id" };
  for (const [from, to] of Object.entries(draft.takeMap("authorization_url_replacements"))) {
    const name = from.replace(/^[?&]/, "").replace(/=$/, "");
    const other = String(to).replace(/^[?&]/, "").replace(/=$/, "");
    if (other === "") params[name] = null;
    else if (renamable.has(name)) rename[name] = other;
    else if (params[name] !== undefined) {
      params[other] = params[name];
      delete params[name];
    } else draft.notes.notCarried(`authorization_url_replacements.${from}`, "only names of parameters can be replaced");
  }
  return rename;
}

/** Parameters that the engine sends by itself. */
const ownAtAuthorization = new Set(["client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"]);
const ownOfEngine = new Set(["client_id", "client_secret", "code", "redirect_uri", "code_verifier", "scope"]);

function tokenOf(draft: Draft, grant: string, scopes: Map): Map {
  const url = tokenUrl(draft);
  if (url === undefined) throw new Inexpressible("`token_url` is missing");
  const { grant_type, ...others } = draft.takeMap("token_params");
  const names = Object.values(clientNames(draft));
  const { scope, ...params } = mapOf(draft, without(others, names), "token_params");
  if (scope !== undefined) addScopes(scopes, draft, String(scope));
  const isOwn = grant_type === undefined ? grant !== "client_credentials" || /[?&]grant_type=/.test(url) : grant_type === grant;
  if (/[?&]grant_type=/.test(url)) params.grant_type = null;
  else if (!isOwn) params.grant_type = grant_type ?? null;
  const format = draft.takeText("body_format");
  const target = draft.urlTemplate(url, "token_url");
  if (draft.take("token_url_skip_encode") !== undefined)
    draft.notes.notCarried("token_url_skip_encode", "values are encoded by where they stand");
  return {
    url: target,
    method: draft.takeText("token_request_method")?.toUpperCase(),
    encoding: format === undefined || format === "form" ? undefined : format,
    headers: clientHeaders(draft),
    params: filled(withoutOwn(draft, params, "token_params")),
    response: filled(responseOf(draft)),
  };
}

/** Parameters that hold nothing but the client's ID or secret are these under other names. */
function clientNames(draft: Draft): { id_param?: string; secret_param?: string } {
  const named = (placeholder: RegExp) =>
    Object.entries(draft.takeMap("token_params")).find(([, value]) => placeholder.test(String(value)))?.[0];
  const id = named(/^\$\{(clientId|credentials\.client_id)\}$/);
  const secret = named(/^\$\{(clientSecret|credentials\.client_secret)\}$/);
  return {
    ...(id !== undefined && id !== "client_id" && { id_param: id }),
    ...(secret !== undefined && secret !== "client_secret" && { secret_param: secret }),
  };
}

const without = (params: Readonly<Map>, names: readonly string[]): Map =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !names.includes(name)));

function withoutOwn(draft: Draft, params: Map, key: string, own: ReadonlySet<string> = ownOfEngine): Map {
  const kept = Object.entries(params).filter(([name]) => !own.has(name));
  for (const name of Object.keys(params)) if (own.has(name)) draft.notes.notCarried(`${key}.${name}`, "the engine sends it");
  return Object.fromEntries(kept);
}

/** Where the client proves itself in a header, the engine writes that one. */
function clientHeaders(draft: Draft): Map | undefined {
  const headers = headersOf(draft, "token_headers");
  if (headers === undefined || authentication(draft) === undefined) return headers;
  const kept = Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization");
  if (kept.length < Object.keys(headers).length) draft.notes.notCarried("token_headers.authorization", "the engine sends it");
  return filled(Object.fromEntries(kept));
}

function responseOf(draft: Draft): Map {
  const response: Map = {};
  const path = draft.takeText("alternate_access_token_response_path");
  if (path !== undefined) {
    for (const key of ["access_token", "refresh_token", "expires_in"]) {
      const other = propertyPath(...path.split("."), key);
      response[key] = `$exists(${other}) ? ${other} : ${key}`;
    }
  }
  if (draft.takeText("expires_in_unit") === "milliseconds") {
    response.expires_in = { value: response.expires_in ?? "expires_in", unit: "ms" };
  }
  return response;
}

function lifetimes(draft: Draft): Map {
  return {
    leeway: durationOf(draft.take("token_expiration_buffer"), 1000),
    default_lifetime: durationOf(draft.take("token_expires_in_ms"), 1),
  };
}

/** Where no parameters are given for it, a refresh takes those of the token request. */
function refreshOf(draft: Draft): Map {
  const url = draft.takeText("refresh_url");
  const own = { ...draft.takeMap("refresh_params"), ...draft.takeMap("refresh_token_params") };
  const hasOwn = draft.entry.refresh_params !== undefined || draft.entry.refresh_token_params !== undefined;
  const { grant_type, refresh_token: _token, ...others } = hasOwn ? own : draft.takeMap("token_params");
  const names: string[] = Object.values(clientNames(draft));
  const params = withoutOwn(draft, mapOf(draft, without(others, names), "refresh_params"), "refresh_params");
  if (hasOwn && grant_type !== undefined && grant_type !== "refresh_token") params.grant_type = grant_type;
  return {
    url: url === undefined ? undefined : draft.urlTemplate(url, "refresh_url"),
    params: filled(params),
    ...lifetimes(draft),
  };
}
