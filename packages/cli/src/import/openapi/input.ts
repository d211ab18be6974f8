// A JSON Schema as an input of an action.

import { shortened } from "../identifier.ts";
import { usable } from "../pattern.ts";
import { type Document, isNode, listOf, type Node, textOf } from "./document.ts";

/** One input, as it stands in the manifest. */
export type Input = Readonly<Record<string, unknown>>;

/** `allOf` in one schema; so are `oneOf` and `anyOf` that leave no choice but whether there is a value, or between plain values. */
export function merged(document: Document, value: unknown, depth = 0): Node {
  const schema = document.resolve(value);
  const { allOf, ...own } = schema;
  const parts = listOf(allOf);
  if (depth > 8) return schema;
  const whole = [...parts.map((part) => merged(document, part, depth + 1)), own].reduce<Node>(both, {});
  return withoutChoice(document, whole, depth);
}

const plain = new Set(["string", "number", "integer", "boolean"]);

function withoutChoice(document: Document, schema: Node, depth: number): Node {
  const { oneOf, anyOf, ...own } = schema;
  const listed = [...listOf(oneOf), ...listOf(anyOf)];
  if (listed.length === 0) return schema;
  const variants = listed.map((variant) => merged(document, variant, depth + 1)).filter(({ type }) => type !== "null");
  const [first = {}] = variants;
  if (variants.length <= 1) return both(first, own);
  const types = new Set(variants.map(typeOf));
  if (![...types].every((type) => type !== undefined && plain.has(type))) return schema;
  const choices = variants.every(({ enum: values }) => Array.isArray(values))
    ? variants.flatMap((variant) => listOf(variant.enum))
    : undefined;
  return { ...own, type: types.size === 1 ? [...types][0] : "string", ...(choices && { enum: choices }) };
}

function both(a: Node, b: Node): Node {
  const maps =
    isNode(a.properties) || isNode(b.properties)
      ? { properties: { ...(a.properties as object), ...(b.properties as object) } }
      : {};
  const required = [...listOf(a.required), ...listOf(b.required)];
  return { ...a, ...b, ...maps, ...(required.length > 0 ? { required } : {}) };
}

/** The type without `null`; of several the first. */
export function typeOf(schema: Node): string | undefined {
  const types = listOf(typeof schema.type === "string" ? [schema.type] : schema.type).filter((type) => type !== "null");
  if (types.length > 0) return String(types[0]);
  if (isNode(schema.properties)) return "object";
  return schema.items === undefined ? undefined : "array";
}

const byFormat: Readonly<Record<string, string>> = { date: "date", binary: "file" };

/** What a manifest calls the types of JSON Schema. */
const byType: Readonly<Record<string, string | undefined>> = {
  integer: "number",
  number: "number",
  boolean: "boolean",
  object: "object",
};

interface Asked {
  readonly name: string;
  readonly key: string;
  readonly required: boolean;
  readonly description?: unknown;
  readonly example?: unknown;
}

/** `key` is the place that notes name. */
export function inputOf(document: Document, value: unknown, asked: Asked): Input {
  const outer = merged(document, value);
  const isList = typeOf(outer) === "array";
  const schema = isList ? merged(document, outer.items) : outer;
  if (schema.oneOf !== undefined || schema.anyOf !== undefined) {
    document.notes.add(asked.key, "may be of several forms; none of them is checked");
  }
  const options = optionsOf(schema);
  const type = options ? "select" : kindOf(document, schema, asked.key);
  const label = textOf(outer.title) ?? (asked.name.length > 40 ? shortened(asked.name, 40) : undefined);
  return {
    type: type === "string" ? undefined : type,
    list: isList ? true : undefined,
    label: label === undefined ? undefined : shortened(label, 100),
    required: asked.required ? true : undefined,
    default: defaultOf(outer.default, isList, type, options),
    ...limitsOf(schema, type),
    pattern: type === "string" ? patternOf(document, schema, asked.key) : undefined,
    options,
    placeholder: placeholderOf(asked.example ?? outer.example ?? listOf(outer.examples)[0], type),
    help: shortened(textOf(asked.description) ?? textOf(outer.description) ?? "", 500) || undefined,
  };
}

function kindOf(document: Document, schema: Node, key: string): string {
  const type = typeOf(schema);
  if (type === "string") return byFormat[String(schema.format)] ?? (Number(schema.maxLength) > 500 ? "text" : "string");
  if (type === "array") document.notes.add(key, "is a list of lists, given as an object");
  if (type === undefined && schema.oneOf === undefined && schema.anyOf === undefined) return "string";
  return byType[type ?? "object"] ?? "object";
}

function optionsOf(schema: Node): object[] | undefined {
  const values = schema.const === undefined ? listOf(schema.enum) : [schema.const];
  const plain = values.filter((value) => ["string", "number", "boolean"].includes(typeof value) && value !== "");
  if (plain.length === 0 || plain.length > 500) return undefined;
  return [...new Set(plain)].map((value) => ({ label: shortened(String(value), 200), value }));
}

const kinds: Readonly<Record<string, string>> = { number: "number", boolean: "boolean" };

function defaultOf(value: unknown, isList: boolean, type: string, options: object[] | undefined): unknown {
  if (isList || value === undefined || value === null || value === "") return undefined;
  if (options) return options.some((option) => (option as { value: unknown }).value === value) ? value : undefined;
  const fits = typeof value === (kinds[type] ?? "string") && type !== "object" && type !== "file";
  return fits ? value : undefined;
}

function limitsOf(schema: Node, type: string): { min?: unknown; max?: unknown } {
  const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
  if (type === "number") return { min: number(schema.minimum), max: number(schema.maximum) };
  if (type !== "string" && type !== "text") return {};
  return { min: number(schema.minLength), max: number(schema.maxLength) };
}

/** Patterns of JSON Schema match a part of the text, those of a manifest the whole. */
function patternOf(document: Document, schema: Node, key: string): string | undefined {
  const pattern = textOf(schema.pattern);
  if (pattern === undefined) return undefined;
  const whole = pattern.startsWith("^") && /(^|[^\\])\$$/.test(pattern) ? usable(pattern) : undefined;
  if (whole === undefined) document.notes.notCarried(`${key}.pattern`, "it is no RE2 pattern for the whole value");
  return whole;
}

const placeholderOf = (example: unknown, type: string): string | undefined =>
  type === "file" || type === "object" || !["string", "number"].includes(typeof example)
    ? undefined
    : shortened(String(example), 200) || undefined;
