// A manifest without errors to a connector: defaults filled in, short forms unfolded, texts compiled.

import { createHash } from "node:crypto";
import type {
  Action,
  Apply,
  Auth,
  Compiled,
  Connector,
  Field,
  Input,
  Label,
  OAuth2,
  Parameters,
  Request,
  Test,
} from "./connector.ts";
import { basicValue, environmentsOf, fieldsOf, labelOf, milliseconds, typeDefaults } from "./defaults.ts";
import type { Expression, Template } from "./expression.ts";
import type { Manifest } from "./schema/manifest.ts";
import { templateOf } from "./template.ts";
import { mapTexts, record, type Texts } from "./text.ts";

type CompiledManifest = Compiled<Manifest>;
type CompiledAuth = CompiledManifest["auth"][string];
type CompiledOAuth2 = Extract<CompiledAuth, { type: "oauth2" }>;
type OAuth2Blocks = Pick<OAuth2, "client" | "scopes" | "authorization" | "callback" | "token" | "refresh" | "revocation">;
type CompiledRequest = NonNullable<CompiledAuth["test"]>["request"];

/** Builds the connector, deeply frozen. The manifest must be free of errors. */
export function buildConnector(manifest: Manifest, texts: Texts, source: string): Connector {
  const compiled = mapTexts(manifest, (_place, kind, text) => texts[kind](text)) as CompiledManifest;
  const build = new Builder(manifest, compiled, texts);
  return deepFreeze({
    name: compiled.name,
    title: compiled.title,
    version: compiled.version ?? "1.0.0",
    description: compiled.description ?? "",
    categories: compiled.categories ?? [],
    icon: compiled.icon ?? "icon.svg",
    docs_url: compiled.docs_url,
    base_url: compiled.base_url,
    environments: record(Object.entries(environmentsOf(manifest))),
    auth: record(Object.keys(compiled.auth).map((id) => [id, build.auth(id)])),
    errors: compiled.errors ?? [],
    actions: record(Object.entries(compiled.actions ?? {}).map(([id, action]) => [id, build.action(id, action)])),
    hash: createHash("sha256").update(source, "utf8").digest("hex"),
  });
}

class Builder {
  private readonly manifest: Manifest;
  private readonly compiled: CompiledManifest;
  private readonly texts: Texts;

  constructor(manifest: Manifest, compiled: CompiledManifest, texts: Texts) {
    this.manifest = manifest;
    this.compiled = compiled;
    this.texts = texts;
  }

  auth(id: string): Auth {
    const auth = this.compiled.auth[id] as CompiledAuth;
    const common = {
      ...auth,
      id,
      title: auth.title ?? typeDefaults[auth.type].title,
      fields: this.fields(id, auth),
      apply: this.apply(id, auth),
      test: auth.test && test(auth.test),
      label: auth.label && label(auth.label),
      unique_id: auth.unique_id && uniqueId(auth.unique_id),
      whitelist: auth.whitelist ?? [this.compiled.base_url],
      default_params: {
        query: auth.default_params?.query ?? record([]),
        headers: auth.default_params?.headers ?? record([]),
        body: auth.default_params?.body ?? record([]),
      },
    };
    return (auth.type === "oauth2" ? { ...common, ...this.oauth2(auth) } : common) as Auth;
  }

  action(id: string, action: NonNullable<CompiledManifest["actions"]>[string]): Action {
    return {
      ...action,
      id,
      input: record(Object.entries(action.input ?? {}).map(([name, input]) => [name, inputOf(name, input)])),
      scopes: action.scopes ?? [],
      request: request(action.request),
      output: action.output ?? this.texts.expression("body"),
    };
  }

  private fields(id: string, auth: CompiledAuth): Field[] {
    const own = new Map((auth.fields ?? []).map((field) => [field.name, field]));
    return fieldsOf(this.manifest.auth[id] as Manifest["auth"][string]).map((field) => ({
      ...((own.get(field.name) ?? field) as Compiled<typeof field>),
      label: field.label ?? labelOf(field.name),
      type: field.type ?? "string",
      required: field.required ?? false,
      secret: field.secret ?? false,
    }));
  }

  private apply(id: string, auth: CompiledAuth): Apply | undefined {
    if (auth.apply) {
      return { in: auth.apply.in ?? "header", name: auth.apply.name ?? "Authorization", value: auth.apply.value };
    }
    const value = typeDefaults[auth.type].apply(fieldsOf(this.manifest.auth[id] as Manifest["auth"][string]));
    if (value === undefined) return undefined;
    return { in: "header", name: "Authorization", value: auth.type === "basic" ? basic : this.texts.template(value) };
  }

  private oauth2(auth: CompiledOAuth2): OAuth2Blocks {
    const { client, scopes, authorization, callback, token, refresh } = auth;
    return {
      client: { source: "app", authentication: "client_secret_post", ...client },
      scopes: { separator: " ", param: "scope", required: [], optional: [], ...scopes },
      authorization: authorization && {
        url: authorization.url,
        params: authorization.params ?? record([]),
        pkce: typeof authorization.pkce === "object" ? "none" : "S256",
      },
      callback: { issuer: "if_present", ...callback },
      token: {
        url: token.url,
        encoding: token.encoding ?? "form",
        headers: token.headers ?? record([]),
        params: token.params ?? record([]),
        response: { ...this.standardResponse(), ...token.response },
      },
      refresh: {
        strategy: refresh?.strategy ?? (auth.grant === "client_credentials" ? "reissue" : "refresh_token"),
        url: refresh?.url ?? token.url,
        params: refresh?.params ?? record([]),
        leeway: refresh?.leeway === undefined ? undefined : milliseconds(refresh.leeway),
        default_lifetime: lifetime(refresh?.default_lifetime),
        required: refresh?.required ?? false,
        rotation: refresh?.rotation ?? "maybe",
      },
      revocation: auth.revocation && revocation(auth.revocation),
    };
  }

  /** The names of RFC 6749, section 5. */
  private standardResponse(): OAuth2["token"]["response"] {
    const read = (name: string): Expression => this.texts.expression(name);
    return {
      access_token: read("access_token"),
      refresh_token: read("refresh_token"),
      expires_in: read("expires_in"),
      token_type: read("token_type"),
      scope: read("scope"),
      error: read("error"),
      error_description: read("error_description"),
    };
  }
}

function revocation(declared: NonNullable<CompiledOAuth2["revocation"]>): OAuth2["revocation"] {
  return {
    url: declared.url,
    params: declared.params ?? record([]),
    request: declared.request && request(declared.request),
    on: declared.on ?? ["disconnect"],
  };
}

function lifetime(text: string | undefined): number | "never" | undefined {
  return text === undefined || text === "never" ? text : milliseconds(text);
}

const defaultTimeout = "5s";

function test(declared: NonNullable<CompiledAuth["test"]>): Test {
  return { ...declared, request: request(declared.request), timeout: milliseconds(declared.timeout ?? defaultTimeout) };
}

function label(declared: NonNullable<CompiledAuth["label"]>): Label {
  if (isTemplate(declared)) return { template: declared, fallback: undefined, mask: "none" };
  return { template: declared.template, fallback: declared.fallback, mask: declared.mask ?? "none" };
}

const isTemplate = (label: NonNullable<CompiledAuth["label"]>): label is Template => "parts" in label;

function uniqueId(declared: NonNullable<CompiledAuth["unique_id"]>): NonNullable<Auth["unique_id"]> {
  return "value" in declared
    ? { value: declared.value, on_conflict: declared.on_conflict ?? "reuse" }
    : { value: declared, on_conflict: "reuse" };
}

function request(declared: CompiledRequest): Request {
  const { method = "GET", encoding = "json", query, headers, body, ...rest } = declared;
  return {
    ...rest,
    method,
    encoding,
    query: (query ?? record([])) as Parameters,
    headers: (headers ?? record([])) as Parameters,
    body: body as Request["body"],
  };
}

function inputOf(
  name: string,
  declared: Compiled<NonNullable<NonNullable<Manifest["actions"]>[string]["input"]>[string]>,
): Input {
  return {
    ...declared,
    label: declared.label ?? labelOf(name),
    type: declared.type ?? "string",
    required: declared.required ?? false,
    list: declared.list ?? false,
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

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
