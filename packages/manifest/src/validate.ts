// The shape of a manifest, checked with the schema, in words that an author understands.

import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { manifestSchema, type Schema } from "./json-schema.ts";
import { compilePattern } from "./pattern.ts";
import type { ProblemCode } from "./problem.ts";
import { fits } from "./quick-shape.ts";
import { type Finding, type Path, pathText } from "./source.ts";
import { listed, nearest } from "./suggestion.ts";
import { kindOf } from "./text.ts";

/** Ajv tells compiled patterns apart by their text. */
const linearPattern = (source: string) => ({ ...compilePattern(source), toString: () => `/${source}/` });
const regExp = Object.assign(linearPattern, { code: "linearPattern" });

let compiled: ValidateFunction | undefined;

function validator(): ValidateFunction {
  if (compiled) return compiled;
  const ajv = new Ajv({
    strict: true,
    allErrors: true,
    allowUnionTypes: true,
    discriminator: true,
    ownProperties: true,
    messages: false,
    verbose: true,
    // Optimizing its code takes longer than running it.
    code: { regExp: regExp as never, optimize: false },
    formats: { "regular-expression": (text: string) => reasonAgainst(text) === undefined },
  });
  ajv.addVocabulary(["x-template", "x-expression"]);
  compiled = ajv.compile(manifestSchema);
  return compiled;
}

function reasonAgainst(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "it cannot be read";
  }
}

const most = 100;

/** What is wrong with the shape of the data. */
export function shapeFindings(data: unknown): Finding[] {
  return fits(manifestSchema, data) ? [] : searchFindings(data);
}

/** What the validator finds. */
export function searchFindings(data: unknown): Finding[] {
  const validate = validator();
  if (validate(data)) return [];
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const error of meant(validate.errors ?? [])) {
    const finding = findingOf(error, data);
    const key = `${finding?.code} ${JSON.stringify(finding?.path)}`;
    if (!finding || seen.has(key)) continue;
    seen.add(key);
    findings.push(finding);
    if (findings.length === most) {
      findings.push({ code: "too_many_problems", path: finding.path, message: `More than ${most} keys are wrong.` });
      break;
    }
  }
  return findings.filter((finding) => !isMisspelt(finding, findings));
}

/** A key that is missing because it stands there misspelt is one problem, not two. */
function isMisspelt({ code, path }: Finding, findings: readonly Finding[]): boolean {
  if (code !== "missing_key") return false;
  const parent = pathText(path.slice(0, -1));
  const hint = suggestion(String(path.at(-1)));
  return findings.some(
    (other) => other.code === "unknown_key" && other.hint === hint && pathText(other.path.slice(0, -1)) === parent,
  );
}

const suggestion = (word: string) => `Did you mean \`${word}\`?`;

type ShapeError = ErrorObject<string, Record<string, unknown>, unknown>;

/** Of a union's errors, those of the branch that the author evidently meant; or the union's own, if no branch fits. */
function meant(errors: readonly ErrorObject[]): ShapeError[] {
  let kept = errors as ShapeError[];
  for (const union of kept.filter(({ keyword }) => keyword === "anyOf")) {
    const branches = (union.parentSchema as Schema).anyOf ?? [];
    const inside = (error: ShapeError) =>
      error.schemaPath.startsWith(`${union.schemaPath}/`) && error.instancePath.startsWith(union.instancePath);
    const fits = branches.map((branch) => fitness(branch, union.data));
    const best = fits.indexOf(Math.max(...fits));
    const chosen = `${union.schemaPath}/${best}/`;
    kept = kept.filter((error) => {
      if (error === union) return (fits[best] ?? 0) === 0;
      return !inside(error) || ((fits[best] ?? 0) > 0 && error.schemaPath.startsWith(chosen));
    });
  }
  return kept;
}

function fitness(branch: Schema, data: unknown): number {
  const types = typeof branch.type === "string" ? [branch.type] : (branch.type ?? []);
  if (!types.includes(kindOf(data))) return 0;
  return branch.const === undefined ? 2 : 0;
}

type Translate = (error: ShapeError, path: Path) => Finding | undefined;

/** What each keyword of the schema says when it is not kept to. */
const translations: Readonly<Record<string, Translate>> = {
  additionalProperties: unknownKey,
  required: ({ params, parentSchema }, path) => {
    const key = String(params.missingProperty);
    const description = (parentSchema as Schema).properties?.[key]?.description;
    return {
      code: "missing_key",
      path: [...path, key],
      on: "key",
      message: `${pathText([...path, key])} is missing.`,
      hint: description,
    };
  },
  type: ({ data, schema, parentSchema }, path) =>
    wrongType(path, data, Array.isArray(schema) ? schema : [String(schema)], [parentSchema as Schema]),
  anyOf: ({ data, parentSchema }, path) => wrongBranch(path, data, parentSchema as Schema),
  const: ({ data, schema, parentSchema }, path) => notAllowed(path, data, [schema], (parentSchema as Schema).description),
  enum: ({ data, schema, parentSchema }, path) =>
    notAllowed(path, data, schema as unknown[], (parentSchema as Schema).description),
  discriminator: discriminated,
  pattern: badFormat,
  format: ({ data }, path) => ({
    code: "bad_regular_expression",
    path,
    message: `${pathText(path)} cannot be compiled: ${reasonAgainst(String(data)) ?? ""}.`,
  }),
  minLength: ({ params }, path) => size("too_short", path, `must have at least ${counted(params.limit, "character")}`),
  maxLength: ({ params }, path) => size("too_long", path, `must have at most ${counted(params.limit, "character")}`),
  minItems: ({ params }, path) => size("too_short", path, `must have at least ${counted(params.limit, "item")}`),
  maxItems: ({ params }, path) => size("too_long", path, `must have at most ${counted(params.limit, "item")}`),
  minProperties: ({ params }, path) => size("too_short", path, `must have at least ${counted(params.limit, "key")}`),
  maxProperties: ({ params }, path) => size("too_long", path, `must have at most ${counted(params.limit, "key")}`),
  // Its inner error is reported.
  propertyNames: () => undefined,
  oneOf: () => undefined,
};

function findingOf(error: ShapeError, data: unknown): Finding | undefined {
  const path = pathOf(error.instancePath, data);
  const translate = translations[error.keyword];
  if (translate) return translate(error, path);
  return { code: "wrong_type", path, message: `${pathText(path) || "The manifest"} is not what is asked for.` };
}

function pathOf(pointer: string, data: unknown): Path {
  const path: (string | number)[] = [];
  let at = data;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(at) ? Number(key) : key);
    at = (at as Record<string, unknown>)[key];
  }
  return path;
}

const size = (code: ProblemCode, path: Path, message: string): Finding => ({
  code,
  path,
  message: `${pathText(path)} ${message}.`,
});

const counted = (number: unknown, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;

const secretKeys = /secret|password|^client_?id$|^id$/i;

function unknownKey({ params, parentSchema }: ShapeError, path: Path): Finding {
  const key = String(params.additionalProperty);
  const full = [...path, key];
  if (path.length === 3 && path[2] === "client" && secretKeys.test(key)) {
    const message = "Client ID and secret do not stand in a manifest.";
    return {
      code: "literal_secret",
      path: full,
      on: "key",
      message,
      hint: "Remove the line; the admin saves them with the connector's app.",
    };
  }
  const known = Object.keys((parentSchema as Schema).properties ?? {});
  const near = nearest(key, known);
  const hint = near ? suggestion(near) : `Known here: ${listed(known, 40).replace(/ or /, ", ")}.`;
  return { code: "unknown_key", path: full, on: "key", message: `${pathText(full)} is not a key here.`, hint };
}

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  null: "empty",
};

const kindName = (type: string) => kinds[type] ?? type;

function wrongType(path: Path, data: unknown, types: readonly string[], schemas: readonly Schema[]): Finding {
  const wanted = types.filter((type) => type !== "null").map(kindName);
  const last = wanted.length > 1 ? ` or ${wanted.pop()}` : "";
  const where = pathText(path) || "The manifest";
  const message =
    data === null
      ? `${where} is empty; it must be ${wanted.join(", ")}${last}.`
      : `${where} must be ${wanted.join(", ")}${last}, not ${kindName(kindOf(data))}.`;
  return { code: "wrong_type", path, message, hint: cures.flatMap((cure) => cure({ data, types, schemas }) ?? [])[0] };
}

interface Wrong {
  readonly data: unknown;
  readonly types: readonly string[];
  readonly schemas: readonly Schema[];
}

/** How the value that an author gave becomes one of the kind that is asked for, by the first that can tell. */
const cures: readonly ((wrong: Wrong) => string | undefined)[] = [
  ({ data, types }) =>
    types.includes("string") && (typeof data === "number" || typeof data === "boolean")
      ? `Put it in quotes: "${data}".`
      : undefined,
  ({ data, types }) =>
    typeof data === "string" && types.includes("boolean") ? "Write true or false, without quotes." : undefined,
  ({ data, types }) =>
    typeof data === "string" && types.some((type) => type === "number" || type === "integer")
      ? "Write a number, without quotes."
      : undefined,
  ({ data, schemas }) =>
    typeof data === "object" && data !== null && schemas.some((schema) => schema["x-expression"] !== undefined)
      ? "Write a bare JSONata expression, in quotes."
      : undefined,
  ({ types, schemas }) => (types.includes("object") && !types.includes("string") ? mapCure(schemas) : undefined),
  ({ data, types }) =>
    types.includes("array") && typeof data !== "object"
      ? "Write a list, with `- ` before each item or between [ and ]."
      : undefined,
];

function mapCure(schemas: readonly Schema[]): string | undefined {
  const { properties = {}, required = [] } = schemas.find((schema) => schema.properties !== undefined) ?? {};
  if (required.length > 0) return `Write a map with ${listed(required).replace(/ or ([^ ]*)$/, " and $1")}.`;
  const known = Object.keys(properties);
  return known.length > 0 ? `Write a map with keys such as ${listed(known.slice(0, 4))}.` : undefined;
}

function wrongBranch(path: Path, data: unknown, schema: Schema): Finding {
  const branches = schema.anyOf ?? [];
  const constants = branches.filter((branch) => branch.const !== undefined).map((branch) => branch.const);
  if (typeof data === "string" && constants.length > 0) {
    const map = branches.find((branch) => branch.type === "object");
    const instead = map ? ` or a map with ${listed(map.required ?? [])}` : "";
    const message = `${pathText(path)} must be ${listed(constants.map(String))}${instead}, not ${quoted(data)}.`;
    return { code: "not_allowed", path, message, hint: map?.description };
  }
  return wrongType(path, data, [...new Set(branches.flatMap(({ type }) => type ?? []))], branches);
}

const quoted = (value: unknown) => `\`${String(value).slice(0, 80)}\``;

function notAllowed(path: Path, data: unknown, allowed: readonly unknown[], description?: string): Finding {
  const where = pathText(path);
  const given = typeof data === "object" ? kindName(kindOf(data)) : quoted(data);
  if (path.at(-1) === "response_type") {
    const message = `${where} is always \`code\`, not ${given}: with any other type, tokens would travel in URLs.`;
    return { code: "response_type", path, message };
  }
  const words = allowed.map(String);
  const near = typeof data === "string" ? nearest(data, words) : undefined;
  const message = `${where} must be ${listed(words, 40)}, not ${given}.`;
  return { code: "not_allowed", path, message, hint: near && words.length > 1 ? suggestion(near) : (description ?? "") };
}

function discriminated({ params, parentSchema, data }: ShapeError, path: Path): Finding {
  const types = ((parentSchema as Schema).oneOf ?? []).map((branch) => branch.properties?.type?.const);
  const tag = (data as { type?: unknown }).type;
  const full = [...path, String(params.tag)];
  if (tag !== undefined) return notAllowed(full, tag, types);
  const hint = `Choose ${listed(types.map(String))}.`;
  return { code: "missing_key", path: full, on: "key", message: `${pathText(full)} is missing.`, hint };
}

/** In words what a text or a key must look like. */
const forms: Readonly<Record<string, string>> = {
  "^https://": "Begin with https://.",
  "^[0-9]+\\.[0-9]+\\.[0-9]+$": "Write three numbers, such as 1.0.0.",
  "^[a-z][a-z0-9]*(-[a-z0-9]+)*$": "Use lower case letters, digits and single hyphens, and begin with a letter.",
  "^[0-9]{1,9}(ms|s|m|h|d)$": "Write a whole number with ms, s, m, h or d, such as 5m.",
  "^[a-z][a-z0-9_]{0,63}$": "Use lower case letters, digits and underscores, and begin with a letter.",
  "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$": "Use letters, digits and hyphens.",
};

function badFormat({ propertyName, schema, parentSchema, data }: ShapeError, path: Path): Finding {
  if (propertyName !== undefined) {
    const full = [...path, propertyName];
    const hint = forms[String(schema)] ?? "Use at most 200 characters and no control characters.";
    return { code: "bad_format", path: full, on: "key", message: `\`${propertyName}\` cannot be a name here.`, hint };
  }
  const message = `${pathText(path)} cannot be ${quoted(data)}.`;
  return { code: "bad_format", path, message, hint: forms[String(schema)] ?? (parentSchema as Schema).description };
}
