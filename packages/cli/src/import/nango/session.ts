// Modes in which what the person types is exchanged for a token by requests of the provider's own.

import { Inexpressible } from "../note.ts";
import type { Draft } from "./draft.ts";
import type { Mode } from "./modes.ts";
import { decoded, filled } from "./proxy.ts";
import { durationOf, headersOf, tokenUrl } from "./token-parts.ts";
import { propertyPath } from "./value.ts";

type Map = Record<string, unknown>;

interface Step {
  readonly token_url?: unknown;
  readonly token_request_method?: unknown;
  readonly token_params?: Readonly<Map> | string | undefined;
  readonly token_headers?: Readonly<Map>;
  readonly body_format?: unknown;
}

const knownOfStep = new Set(["token_url", "token_request_method", "token_params", "token_headers", "body_format"]);

export function twoStep(draft: Draft): Mode {
  const url = tokenUrl(draft);
  if (url === undefined) throw new Inexpressible("`token_url` is missing");
  const steps = (draft.take("additional_steps") as Step[] | undefined) ?? [];
  const first: Step = {
    token_url: url,
    token_request_method: draft.take("token_request_method"),
    token_params: draft.take("token_params") as Step["token_params"],
    token_headers: draft.takeMap("token_headers"),
    body_format: draft.take("body_format"),
  };
  const response = responseOf(draft);
  const request = requestOf(draft, first, "");
  const then = steps.map((step, index) => furtherStep(draft, step, index));
  const last = then.at(-1);
  if (last !== undefined) Object.assign(last, { response });
  const refresh = refreshOf(draft, first);
  for (const key of ["authorization_url", "authorization_params", "default_scopes", "scope_separator"]) {
    if (draft.take(key) !== undefined) draft.notes.notCarried(key, "nobody signs in on a page in this mode");
  }
  return {
    id: "session",
    auth: {
      type: "custom",
      token: {
        request,
        response: last === undefined ? response : provisional,
        then: then.length > 0 ? then : undefined,
      },
      refresh: filled({ ...refresh, default_lifetime: durationOf(draft.take("token_expires_in_ms"), 1) }),
    },
  };
}

/** What the first of several steps answers is no token yet. */
const provisional = { access_token: "'pending'" };

function furtherStep(draft: Draft, step: Step, index: number): Map {
  for (const key of Object.keys(step)) if (!knownOfStep.has(key)) draft.notes.notCarried(`additional_steps[${index}].${key}`);
  draft.step = index + 1;
  const request = requestOf(draft, step, `additional_steps[${index}].`);
  draft.step = 0;
  return { request };
}

const encodings: Readonly<Record<string, string>> = { form: "form", xml: "xml", json: "json" };

function requestOf(draft: Draft, step: Step, prefix: string): Map {
  const method = String(step.token_request_method ?? "POST").toUpperCase();
  const [url = "", search] = String(step.token_url ?? "").split(/\?(.*)/s);
  const query = search === undefined ? undefined : queryOf(draft, search, `${prefix}token_url`);
  const sent = typeof step.token_params === "string" ? textBody(draft, step, prefix) : dataBody(draft, step, prefix, method);
  const headers = headersOf(draft, `${prefix}token_headers`, step.token_headers ?? {});
  return {
    method,
    url: draft.urlTemplate(url, `${prefix}token_url`),
    ...sent,
    query: filled({ ...query, ...sent.query }),
    headers: filled({ ...headers, ...sent.headers }),
  };
}

interface SentBody {
  readonly encoding?: string | undefined;
  readonly body?: unknown;
  readonly query?: Map;
  readonly headers?: Map;
}

function dataBody(draft: Draft, { token_params, body_format: format }: Step, prefix: string, method: string): SentBody {
  const encoding = encodings[String(format ?? "json")];
  if (encoding === undefined) throw new Inexpressible(`the body format \`${String(format)}\` is not known`);
  const params = (token_params ?? {}) as Map;
  if (Object.keys(params).length === 0) return {};
  const body = draft.tree(encoding === "xml" ? xmlTree(params) : params, `${prefix}token_params`);
  if (method === "GET") return { query: body as Map };
  return { encoding: encoding === "json" ? undefined : encoding, body };
}

/** A body that is written out keeps its own type. */
function textBody(draft: Draft, { token_params, token_headers = {} }: Step, prefix: string): SentBody {
  const type = Object.entries(token_headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  return {
    encoding: "text",
    body: draft.template(token_params, `${prefix}token_params`),
    ...(type !== undefined && { headers: { "Content-Type": String(type) } }),
  };
}

function queryOf(draft: Draft, search: string, key: string): Map {
  const entries = search.split("&").filter((pair) => pair !== "");
  return Object.fromEntries(
    entries.map((pair) => {
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      return [decoded(name), draft.template(value.includes("${") ? value : decoded(value), key)];
    }),
  );
}

/** What stands for a random id. */
const randomId = ["$", "{random}"].join("");

/** Attributes begin with `$` there and with `@` here; Postman's `{{$guid}}` is a random id. */
function xmlTree(source: unknown): unknown {
  if (Array.isArray(source)) return source.map(xmlTree);
  if (typeof source === "object" && source !== null) {
    return Object.fromEntries(
      Object.entries(source).map(([name, value]) => [
        name.startsWith("$") ? `@${name.slice(1)}` : name === "_" ? "#text" : name,
        xmlTree(value),
      ]),
    );
  }
  return source === "{{$guid}}" ? randomId : source;
}

const pathOf = (path: string): string => (path === "" ? "$" : propertyPath(...path.split(".")));

function responseOf(draft: Draft): Map {
  const { token, refresh_token, token_expiration, token_expiration_strategy: _both, ...others } = draft.takeMap("token_response");
  for (const key of Object.keys(others)) draft.notes.notCarried(`token_response.${key}`);
  const response: Map = { access_token: pathOf(String(token ?? "access_token")) };
  if (typeof refresh_token === "string") response.refresh_token = pathOf(refresh_token);
  if (typeof token_expiration === "string") response.expires_in = pathOf(token_expiration);
  return response;
}

function refreshOf(draft: Draft, first: Step): Map {
  const url = draft.takeText("refresh_url");
  const params = draft.takeMap("refresh_token_params");
  if (url === undefined && Object.keys(params).length === 0) return {};
  const request = requestOf(draft, { ...first, token_url: url ?? first.token_url, token_params: params }, "refresh_");
  return { strategy: "refresh_token", on_invalid_grant: "reauthenticate", request };
}

/** A sign-in with user, password, organization and developer key; the session's id is the credential. */
export function bill(draft: Draft): Mode {
  const names = { username: "username", password: "password", organizationId: "organization_id", devKey: "dev_key" };
  const body = Object.fromEntries(
    Object.entries(names).map(([param, key]) => {
      const declared = [key, param].find((name) => draft.fields.schema("credentials", name)) ?? key;
      const field = draft.fields.get("credentials", declared);
      if (param === "password" || param === "devKey") field.secret = "declared";
      return [param, `{{ fields.${field.name} }}`];
    }),
  );
  return ownSession(draft, body, { access_token: "sessionId" }, "35m");
}

/** A personal access token that is exchanged for a session. */
export function tableau(draft: Draft): Mode {
  const field = (names: readonly string[]) => {
    const declared = names.find((name) => draft.fields.schema("credentials", name)) ?? names[0] ?? "";
    return draft.fields.get("credentials", declared);
  };
  const secret = field(["pat_secret", "patSecret"]);
  secret.secret = "declared";
  const name = field(["pat_name", "patName"]);
  const site = field(["content_url", "contentUrl"]);
  site.isOptional = true;
  const credentials = {
    personalAccessTokenName: `{{ fields.${name.name} }}`,
    personalAccessTokenSecret: `{{ fields.${secret.name} }}`,
    site: { contentUrl: `{{ fields.${site.name} }}` },
  };
  return ownSession(draft, { credentials }, { access_token: "credentials.token" }, "2h");
}

function ownSession(draft: Draft, body: object, response: object, lifetime: string): Mode {
  const url = tokenUrl(draft);
  if (url === undefined) throw new Inexpressible("`token_url` is missing");
  const request = { method: "POST", url: draft.urlTemplate(url, "token_url"), headers: { Accept: "application/json" }, body };
  return { id: "session", auth: { type: "custom", token: { request, response }, refresh: { default_lifetime: lifetime } } };
}

/** A token that an issuer's key signs, exchanged at `token_url` where there is one. */
export function appStore(draft: Draft): Mode {
  const key = draft.fields.get("credentials", draft.fields.schema("credentials", "privateKey") ? "privateKey" : "private_key");
  key.secret = "declared";
  const source = (name: string) => (draft.fields.schema("credentials", name) ? "credentials" : "connection_config");
  const issuer = draft.fields.get(source("issuerId"), "issuerId");
  const keyId = draft.fields.get(source("privateKeyId"), "privateKeyId");
  const { audience } = draft.takeMap("authorization_params");
  const now = "$floor(request.timestamp / 1000)";
  const claims = `{"iss": fields.${issuer.name}, "iat": ${now}, "exp": ${now} + 900${audience === undefined ? "" : `, "aud": ${JSON.stringify(audience)}`}}`;
  const token = `Bearer {{ $jwt(${claims}, fields.${key.name}, "ES256", {"kid": fields.${keyId.name}}) }}`;
  const url = tokenUrl(draft);
  if (url === undefined) return { id: "jwt", auth: { type: "custom" }, authorization: token };
  const request = { method: "POST", url: draft.urlTemplate(url, "token_url"), headers: { Authorization: token }, body: {} };
  return { id: "jwt", auth: { type: "custom", token: { request, response: { access_token: "token" } } } };
}
