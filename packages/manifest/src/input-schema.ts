// What an action takes, as JSON Schema: for OpenAPI, for tools of language models, and for generated types.

import type { Input, Inputs } from "./connector.ts";

/** JSON Schema 2020-12, as far as inputs need it. */
export interface InputSchema {
  readonly type?: "object" | "string" | "number" | "boolean" | "array";
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, InputSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: InputSchema;
  readonly anyOf?: readonly InputSchema[];
  readonly maxItems?: number;
  readonly enum?: readonly (string | number | boolean)[];
  readonly pattern?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/**
 * The schema of an action's or a trigger's inputs. It is what a caller should send; a step also takes what can be read as such, such as
 * the text "3" for a number. What JSON Schema cannot say (a pattern in RE2 syntax that ECMAScript does not know, a condition on other
 * inputs) stands in the description.
 */
export function inputSchema(inputs: Inputs): InputSchema {
  const entries = Object.entries(inputs);
  const required = entries.filter(([, input]) => isNeeded(input)).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, input]) => [name, propertySchema(input)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** One that is asked for only at times, or has a value of its own, may be left out. */
const isNeeded = ({ required, default: value, visible_if }: Input) => required && value === undefined && visible_if === undefined;

const mostItems = 1_000;

function propertySchema(input: Input): InputSchema {
  const one = { ...byType[input.type](input) };
  const notes = [input.help, ...words(input)].filter((note) => note !== undefined && note !== "");
  return {
    title: input.label,
    ...(notes.length === 0 ? {} : { description: notes.join(" ") }),
    ...(input.list ? { type: "array", items: one, maxItems: mostItems } : one),
    ...(input.default === undefined ? {} : { default: input.default }),
  };
}

const text = ({ min, max, pattern }: Input): InputSchema => ({
  type: "string",
  ...(min === undefined ? {} : { minLength: Math.max(0, Math.ceil(min)) }),
  ...(max === undefined ? {} : { maxLength: Math.max(0, Math.floor(max)) }),
  ...(pattern === undefined || !isEcmaScript(pattern) ? {} : { pattern: whole(pattern) }),
});

const base64: InputSchema = { type: "string", contentEncoding: "base64" };
const uploaded: InputSchema = { type: "string", maxLength: 1_000, description: "The id of an uploaded file." };

const file = (name: string, content: InputSchema): InputSchema => ({
  type: "object",
  properties: {
    [name]: content,
    name: { type: "string", maxLength: 1_000 },
    type: { type: "string", description: "The media type, such as text/plain." },
  },
  required: [name],
  additionalProperties: false,
});

const byType: { readonly [T in Input["type"]]: (input: Input) => InputSchema } = {
  string: text,
  text,
  number: ({ min, max }) => ({
    type: "number",
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  }),
  boolean: () => ({ type: "boolean" }),
  date: () => ({ type: "string" }),
  select: ({ options }) => (typeof options === "object" ? { enum: options.map(({ value }) => value) } : { type: "string" }),
  url: () => ({ type: "string", format: "uri" }),
  path: (input) => ({ ...text(input), ...(input.pattern === undefined ? { pattern: "^/" } : {}) }),
  file: () => ({ anyOf: [file("data", base64), file("file", uploaded)] }),
  object: ({ fields }) => (fields === undefined ? { type: "object" } : inputSchema(fields)),
};

/** What the schema itself cannot say. */
function words({ type, options, pattern, visible_if }: Input): (string | undefined)[] {
  const named = typeof options === "object" ? options.filter(isWorthTelling) : [];
  return [
    type === "date" ? "A date such as 2026-01-31, or a date and time in ISO 8601." : undefined,
    named.length === 0 ? undefined : `${named.map(({ label, value }) => `${value}: ${label}`).join("; ")}.`,
    typeof options === "string" ? `One of the choices that the drop-down \`${options}\` lists.` : undefined,
    pattern === undefined || isEcmaScript(pattern) ? undefined : `Must match ${pattern} (RE2).`,
    visible_if === undefined ? undefined : `Taken only while ${visible_if.source}.`,
  ];
}

const isWorthTelling = ({ label, value }: { readonly label: string; readonly value: unknown }) =>
  label.toLowerCase() !== String(value).toLowerCase();

const whole = (pattern: string) => `^(?:${pattern})$`;

/** Whether the pattern means something to validators of JSON Schema, which know ECMAScript's syntax only. */
function isEcmaScript(pattern: string): boolean {
  try {
    return new RegExp(whole(pattern), "u") !== undefined;
  } catch {
    return false;
  }
}
