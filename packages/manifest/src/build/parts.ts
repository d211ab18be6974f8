// What several kinds of auth blocks have in common: fields, captures, how token answers are read and credentials replaced.

import type { Answered, Captures, Compiled, Custom, Field, TokenResponse } from "../connector.ts";
import { type FieldManifest, labelOf, milliseconds } from "../defaults.ts";
import type { Expression } from "../expression.ts";
import { record } from "../record.ts";
import type { Manifest } from "../schema/manifest.ts";
import type { Texts } from "../text.ts";
import { buildRequest } from "./request.ts";

export type CompiledAuth = Compiled<Manifest>["auth"][string];
export type CompiledAuthOf<Type extends CompiledAuth["type"]> = Extract<CompiledAuth, { type: Type }>;

type CompiledResponse = NonNullable<CompiledAuthOf<"oauth2">["token"]["response"]>;

/** The fields as they are asked; `compiled` holds the same ones, as far as they are declared. */
export function buildFields(fields: readonly FieldManifest[], compiled: readonly Compiled<FieldManifest>[] | undefined): Field[] {
  const own = new Map((compiled ?? []).map((field) => [field.name, field]));
  return fields.map((field) => ({
    ...((own.get(field.name) ?? field) as Compiled<typeof field>),
    label: field.label ?? labelOf(field.name),
    type: field.type ?? "string",
    required: field.required ?? false,
    secret: field.secret ?? false,
    list: field.list ?? false,
  }));
}

type CompiledCaptures = NonNullable<NonNullable<CompiledAuth["after_connect"]>[number]["capture"]>;

export function buildCaptures(declared: CompiledCaptures | undefined): Captures {
  const entries = Object.entries(declared ?? {}).map(
    ([name, { value, pattern, options, required = true }]) => [name, { value, pattern, options, required }] as const,
  );
  return record(entries);
}

type CompiledRefresh = NonNullable<CompiledAuthOf<"custom">["refresh"]>;
type Facts = Omit<Custom["refresh"], "request" | "response">;

/** What is known of how a credential is replaced, with its defaults. */
export function refreshFacts(
  declared: Omit<CompiledRefresh, "request" | "response"> | undefined,
  strategy: Facts["strategy"],
): Facts {
  const time = (duration: string | undefined) => (duration === undefined ? undefined : milliseconds(duration));
  const lifetime = declared?.default_lifetime;
  return {
    strategy: declared?.strategy ?? strategy,
    leeway: time(declared?.leeway),
    default_lifetime: lifetime === "never" ? lifetime : time(lifetime),
    when: declared?.when,
    required: declared?.required ?? false,
    on_invalid_grant: declared?.on_invalid_grant ?? "needs_reauth",
    rotation: declared?.rotation ?? "maybe",
    grace: time(declared?.grace),
    min_age: time(declared?.min_age),
    max_age: time(declared?.max_age),
    idle_max: time(declared?.idle_max),
  };
}

/** Unfolds the blocks that read token answers; the names of RFC 6749, section 5, are the defaults. */
export class TokenReader {
  private readonly texts: Texts;

  constructor(texts: Texts) {
    this.texts = texts;
  }

  /** Later blocks win, key by key. */
  response(...declared: (CompiledResponse | undefined)[]): TokenResponse {
    const own: CompiledResponse = Object.assign({}, ...declared);
    const read = (name: string): Expression => this.texts.expression(name);
    return {
      from: own.from ?? "body",
      access_token: own.access_token ?? read("access_token"),
      refresh_token: own.refresh_token ?? read("refresh_token"),
      expires_in: expiresIn(own.expires_in ?? read("expires_in")),
      refresh_token_expires_in: own.refresh_token_expires_in,
      token_type: own.token_type ?? read("token_type"),
      scope: own.scope ?? read("scope"),
      error: own.error ?? read("error"),
      error_description: own.error_description ?? read("error_description"),
    };
  }

  answered(declared: Pick<CompiledAuthOf<"oauth2">["token"], "response" | "capture" | "errors" | "then">): Answered {
    return {
      response: this.response(declared.response),
      capture: buildCaptures(declared.capture),
      errors: declared.errors ?? record([]),
      then: (declared.then ?? []).map(({ on, request, valid, response, capture }) => ({
        valid,
        on: on ?? ["exchange", "refresh"],
        request: buildRequest(request),
        response: this.response(response),
        capture: buildCaptures(capture),
      })),
    };
  }
}

function expiresIn(declared: NonNullable<CompiledResponse["expires_in"]>): TokenResponse["expires_in"] {
  return "unit" in declared ? { value: declared.value, unit: declared.unit } : { value: declared, unit: undefined };
}
