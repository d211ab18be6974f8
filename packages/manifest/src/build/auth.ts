// One auth block of a connector: what every way to connect has, and what each type adds.

import { authVersions } from "../auth-version.ts";
import type { AfterConnect, Apply, Auth, Custom, Label, OAuth1, Test } from "../connector.ts";
import {
  type AuthManifest,
  basicValue,
  defaultApply,
  type FieldManifest,
  fieldsOf,
  labelOf,
  milliseconds,
  typeDefaults,
} from "../defaults.ts";
import type { Expression, Template } from "../expression.ts";
import { record } from "../record.ts";
import type { Manifest } from "../schema/manifest.ts";
import { templateOf } from "../template.ts";
import type { Texts } from "../text.ts";
import { buildOAuth2 } from "./oauth.ts";
import { buildCaptures, buildFields, type CompiledAuth, type CompiledAuthOf, refreshFacts, TokenReader } from "./parts.ts";
import { buildRequest, buildTreeMap } from "./request.ts";

/** What one auth block is built from: as it is compiled, and as it is written. */
export interface AuthSource {
  readonly id: string;
  readonly auth: CompiledAuth;
  readonly manifest: AuthManifest;
  readonly whole: Manifest;
  readonly baseUrl: Template;
  readonly texts: Texts;
}

/** What each type adds to what every way to connect has. */
const further: { readonly [T in CompiledAuth["type"]]?: (source: AuthSource) => object } = {
  oauth2: ({ auth, texts }) => buildOAuth2(auth as CompiledAuthOf<"oauth2">, texts),
  oauth1: ({ auth }) => oauth1(auth as CompiledAuthOf<"oauth1">),
  custom: ({ auth, texts }) => custom(auth as CompiledAuthOf<"custom">, texts),
};

export function buildAuth(source: AuthSource): Auth {
  const { id, auth, manifest, whole, baseUrl } = source;
  return {
    ...auth,
    id,
    versions: authVersions(whole, id),
    title: auth.title ?? typeDefaults[auth.type].title,
    fields: buildFields(fieldsOf(manifest), auth.fields),
    base_url: auth.base_url ?? baseUrl,
    apply: apply(source),
    after_connect: (auth.after_connect ?? []).map((declared) => afterConnect(declared)),
    test: auth.test && test(auth.test),
    label: auth.label && label(auth.label),
    unique_id: auth.unique_id && uniqueId(auth.unique_id),
    whitelist: auth.whitelist ?? [auth.base_url ?? baseUrl],
    default_params: {
      query: auth.default_params?.query ?? record([]),
      headers: auth.default_params?.headers ?? record([]),
      body: buildTreeMap(auth.default_params?.body),
    },
    ...further[auth.type]?.(source),
  } as Auth;
}

function apply({ auth, manifest, texts }: AuthSource): readonly Apply[] {
  if (auth.apply) {
    const items = Array.isArray(auth.apply) ? auth.apply : [auth.apply];
    return items.map((item) => ({ in: item.in ?? "header", name: nameOf(item.name), value: item.value }));
  }
  const value = defaultApply(manifest);
  if (value === undefined) return [];
  return [{ in: "header", name: "Authorization", value: auth.type === "basic" ? basic : texts.template(value) }];
}

/** A name without holes is that name. */
function nameOf(name: Template | undefined): string | Template {
  if (name === undefined) return "Authorization";
  return name.parts.some((part) => typeof part !== "string") ? name : name.source;
}

function afterConnect(declared: NonNullable<CompiledAuth["after_connect"]>[number]): AfterConnect {
  const { request, capture, choose } = declared;
  return {
    request: buildRequest(request),
    capture: buildCaptures(capture),
    choose: choose && { ...choose, title: choose.title ?? labelOf(choose.name) },
  };
}

const defaultTimeout = "5s";

function test(declared: NonNullable<CompiledAuth["test"]>): Test {
  return {
    ...declared,
    request: buildRequest(declared.request),
    timeout: milliseconds(declared.timeout ?? defaultTimeout),
    every: declared.every === undefined ? undefined : milliseconds(declared.every),
  };
}

function label(declared: NonNullable<CompiledAuth["label"]>): Label {
  if (isTemplate(declared)) return { template: declared, fallback: undefined, mask: "none" };
  return { template: declared.template, fallback: declared.fallback, mask: declared.mask ?? "none" };
}

const isTemplate = (label: NonNullable<CompiledAuth["label"]>): label is Template => "parts" in label;

function uniqueId(declared: NonNullable<CompiledAuth["unique_id"]>): NonNullable<Auth["unique_id"]> {
  return isExpression(declared)
    ? { value: declared, on_conflict: "reuse" }
    : { value: declared.value, on_conflict: declared.on_conflict ?? "reuse" };
}

const isExpression = (value: object): value is Expression => "evaluate" in value;

function oauth1(
  auth: CompiledAuthOf<"oauth1">,
): Pick<OAuth1, "signature_method" | "client" | "request_token" | "authorization" | "token"> {
  const endpoint = ({ url, params }: CompiledAuthOf<"oauth1">["token"]) => ({ url, params: params ?? record([]) });
  return {
    signature_method: auth.signature_method ?? "HMAC-SHA1",
    client: {
      source: auth.client?.source ?? "app",
      fields: buildFields((auth.client?.fields ?? []) as unknown as FieldManifest[], auth.client?.fields),
    },
    request_token: endpoint(auth.request_token),
    authorization: endpoint(auth.authorization),
    token: endpoint(auth.token),
  };
}

function custom(auth: CompiledAuthOf<"custom">, texts: Texts): Pick<Custom, "token" | "refresh" | "revocation"> {
  const reader = new TokenReader(texts);
  return {
    token: auth.token && { request: buildRequest(auth.token.request), ...reader.answered(auth.token) },
    refresh: {
      ...refreshFacts(auth.refresh, auth.token === undefined ? "none" : "reissue"),
      request: auth.refresh?.request && buildRequest(auth.refresh.request),
      response: reader.response(auth.token?.response, auth.refresh?.response),
    },
    revocation: auth.revocation?.request && { request: buildRequest(auth.revocation.request) },
  };
}

/** RFC 7617, without entering JSONata for each request. */
const basic: Template = templateOf(`Basic {{ ${basicValue} }}`, [
  "Basic ",
  {
    source: basicValue,
    path: undefined,
    evaluate(names) {
      const { fields } = names as { fields?: { username?: unknown; password?: unknown } };
      if (fields?.username === undefined && fields?.password === undefined) return undefined;
      return Buffer.from(`${fields.username ?? ""}:${fields.password ?? ""}`, "utf8").toString("base64");
    },
  },
]);
