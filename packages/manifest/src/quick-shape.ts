// Whether data has the shape that a schema asks for: yes or no.
//
// Nearly all manifests have the right shape, and to say so takes neither the validator, whose code for the whole schema takes half a
// second to generate, nor its search for every error. The validator is asked only where the answer is no, and it has the last word:
// what is not known here counts as no.

import type { Schema } from "./json-schema.ts";
import { compilePattern } from "./pattern.ts";

type Check = (data: unknown) => boolean;

/** What a keyword of the schema asks for; data of another kind than the keyword is about pass. */
type Keyword = (value: never, schema: Schema) => Check;

const checks = new WeakMap<Schema, Check>();

/** Whether the data fits the schema for certain. */
export function fits(schema: Schema, data: unknown): boolean {
  let check = checks.get(schema);
  if (!check) {
    check = compile(schema);
    checks.set(schema, check);
  }
  return check(data);
}

function compile(schema: Schema): Check {
  const parts: Check[] = [];
  for (const [word, value] of Object.entries(schema)) {
    if (silent.has(word)) continue;
    const keyword = keywords[word];
    if (!keyword) return () => false;
    parts.push(keyword(value as never, schema));
  }
  return (data) => parts.every((part) => part(data));
}

/** Notes, and what is looked at together with `oneOf`. */
const silent = new Set(["title", "description", "x-template", "x-expression", "discriminator"]);

const types: Readonly<Record<string, Check>> = {
  string: (data) => typeof data === "string",
  number: Number.isFinite,
  integer: Number.isInteger,
  boolean: (data) => typeof data === "boolean",
  null: (data) => data === null,
  array: Array.isArray,
  object: isObject,
};

function isObject(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

const never: Check = () => false;

const ofText =
  (check: (text: string) => boolean): Check =>
  (data) =>
    typeof data !== "string" || check(data);

const ofNumber =
  (check: (number: number) => boolean): Check =>
  (data) =>
    typeof data !== "number" || check(data);

const ofList =
  (check: (items: readonly unknown[]) => boolean): Check =>
  (data) =>
    !Array.isArray(data) || check(data);

const ofMap =
  (check: (map: Readonly<Record<string, unknown>>, keys: readonly string[]) => boolean): Check =>
  (data) =>
    !isObject(data) || check(data, Object.keys(data));

/** Lengths are in characters, of which a text has at most as many as it has units. */
const characters = (text: string) => [...text].length;

const keywords: Readonly<Record<string, Keyword>> = {
  type: (names: string | readonly string[]) => {
    const allowed = [names].flat().map((name) => types[name] ?? never);
    return (data) => allowed.some((is) => is(data));
  },
  const: (value: unknown) => (data) => data === value,
  enum: (values: readonly unknown[]) => (data) => values.includes(data),
  minLength: (least: number) => ofText((text) => text.length >= least && (text.length >= 2 * least || characters(text) >= least)),
  maxLength: (most: number) => ofText((text) => text.length <= most || characters(text) <= most),
  pattern: (source: string) => {
    const pattern = compilePattern(source);
    return ofText((text) => pattern.test(text));
  },
  format: (name: string) => (name === "regular-expression" ? ofText(isPattern) : never),
  minimum: (least: number) => ofNumber((number) => number >= least),
  maximum: (most: number) => ofNumber((number) => number <= most),
  minItems: (least: number) => ofList((items) => items.length >= least),
  maxItems: (most: number) => ofList((items) => items.length <= most),
  // Items that are no texts are left to the validator.
  uniqueItems: (unique: boolean) =>
    ofList(
      (items) => !unique || new Set(items.map((item) => (typeof item === "string" ? item : Number.NaN))).size === items.length,
    ),
  items: (schema: Schema) => ofList((items) => items.every((item) => fits(schema, item))),
  minProperties: (least: number) => ofMap((_, keys) => keys.length >= least),
  maxProperties: (most: number) => ofMap((_, keys) => keys.length <= most),
  required: (names: readonly string[]) => ofMap((map) => names.every((name) => Object.hasOwn(map, name))),
  propertyNames: (schema: Schema) => ofMap((_, keys) => keys.every((key) => fits(schema, key))),
  properties: (properties: Readonly<Record<string, Schema>>) =>
    ofMap((map, keys) => keys.every((key) => !Object.hasOwn(properties, key) || fits(properties[key] as Schema, map[key]))),
  additionalProperties: (rest: boolean | Schema, { properties = {} }) =>
    rest === true
      ? () => true
      : ofMap((map, keys) => keys.every((key) => Object.hasOwn(properties, key) || (rest !== false && fits(rest, map[key])))),
  anyOf: (branches: readonly Schema[]) => (data) => branches.some((branch) => fits(branch, data)),
  oneOf: (branches: readonly Schema[], { discriminator }) => {
    const tag = discriminator?.propertyName;
    if (tag === undefined) return never;
    const isMeant = (branch: Schema, word: unknown) => typeof word === "string" && branch.properties?.[tag]?.const === word;
    return ofMap((map) => branches.some((branch) => isMeant(branch, map[tag]) && fits(branch, map)));
  },
};

function isPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch {
    return false;
  }
}
