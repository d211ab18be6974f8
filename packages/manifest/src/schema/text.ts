import { type TSchema, Type } from "typebox";

declare const kind: unique symbol;

/** Text with `{{ … }}` holes, each a JSONata expression. */
export type TemplateText = string & { readonly [kind]: "template" };

/** Bare JSONata. */
export type ExpressionText = string & { readonly [kind]: "expression" };

/**
 * The places of a manifest where templates and expressions stand. A place decides which names are in reach and whether a
 * secret may be named there; `names.ts` holds the table.
 */
export type Place =
  | "base_url"
  | "authorization.url"
  | "authorization.params"
  | "audience"
  | "scopes"
  | "client.authentication"
  | "callback.redirect_uri"
  | "callback.secret"
  | "token.url"
  | "token.params"
  | "token.request"
  | "token.response"
  | "token.then"
  | "then.valid"
  | "revocation.request"
  | "refresh.params"
  | "refresh.when"
  | "assertion"
  | "introspection.response"
  | "connect.request"
  | "connect.capture"
  | "choose.item"
  | "apply"
  | "apply.name"
  | "test.request"
  | "test.valid"
  | "test.error"
  | "label"
  | "unique_id"
  | "whitelist"
  | "default_params"
  | "action.request"
  | "action.ok"
  | "action.error"
  | "action.output"
  | "page.items"
  | "options.request"
  | "trigger.request"
  | "trigger.items"
  | "trigger.item"
  | "trigger.manual"
  | "subscription.request"
  | "subscription.value"
  | "inbound.signed"
  | "inbound.secret"
  | "inbound.request"
  | "inbound.respond"
  | "mapper.request"
  | "mapper.value"
  | "errors.when"
  | "errors.message"
  | "field.visible_if"
  | "input.visible_if"
  | "setup";

/** A key whose value is a template. `place` says what it may name. */
export const Template = (place: Place, description: string) =>
  Type.Unsafe<TemplateText>({ type: "string", minLength: 1, maxLength: 4096, description, "x-template": place });

/** A key whose value is an expression. `place` says what it may name. */
export const Expression = (place: Place, description: string) =>
  Type.Unsafe<ExpressionText>({ type: "string", minLength: 1, maxLength: 4096, description, "x-expression": place });

/** A template that YAML may also give as a number or a boolean, for parameters. `null` removes a default. */
export const Parameter = (place: Place, description: string) =>
  Type.Unsafe<TemplateText | number | boolean | null>({
    type: ["string", "number", "boolean", "null"],
    maxLength: 4096,
    description,
    "x-template": place,
  });

/** Any JSON value whose texts are templates, for request bodies. */
export type TemplateTree = TemplateText | number | boolean | null | TemplateTree[] | { [key: string]: TemplateTree };

export const Tree = (place: Place, description: string) => Type.Unsafe<TemplateTree>({ description, "x-template": place });

export const Duration = (description: string) =>
  Type.String({ pattern: "^[0-9]{1,9}(ms|s|m|h|d)$", description: `${description} A whole number with ms, s, m, h or d.` });

export const Text = (description: string, maxLength = 500) => Type.String({ minLength: 1, maxLength, description });

/** A regular expression in RE2 syntax; it runs in linear time. */
export const Pattern = (description: string) =>
  Type.String({ minLength: 1, maxLength: 500, format: "regular-expression", description });

export const Name = (description: string) =>
  Type.String({ pattern: "^[a-z][a-z0-9_]{0,63}$", description: `${description} Lower case, digits and underscores.` });

/** One of a few words. */
export const OneOf = <const Words extends readonly string[]>(words: Words, description: string) =>
  Type.Unsafe<Words[number]>({ type: "string", enum: [...words], description });

/** Exactly one hole and nothing beside it. */
const oneHole = "^\\s*\\{\\{.*\\}\\}\\s*$";

/** One of a few words, or one hole with which a field or an input chooses among them. */
export const Word = <const Words extends readonly string[]>(place: Place, words: Words, description: string) =>
  Type.Unsafe<Words[number] | TemplateText>({
    anyOf: [
      { type: "string", enum: [...words], description },
      { type: "string", pattern: oneHole, maxLength: 500, "x-template": place },
    ],
    description,
  });

/** A map, or one hole that gives the whole of it. */
export const Whole = <Map extends TSchema>(place: Place, map: Map, description: string) =>
  Type.Union([map, Type.Unsafe<TemplateText>({ type: "string", pattern: oneHole, maxLength: 500, "x-template": place })], {
    description,
  });

/** An object in which a key that is not listed is an error. */
export const closed = { additionalProperties: false } as const;

/** A map whose keys are names: at most `maxProperties` entries, no prototype keys. */
export const keyed = (pattern: string, maxProperties: number, description: string) => ({
  propertyNames: { pattern },
  maxProperties,
  description,
});
