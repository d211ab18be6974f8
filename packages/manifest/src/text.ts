// Every template and expression of a manifest, found by the notes in the schema.

import { type AnalysedExpression, analyseExpression, type Expression, ExpressionError, type Template } from "./expression.ts";
import { manifestSchema, type Schema } from "./json-schema.ts";
import { memoized } from "./memo.ts";
import { emptyRecord, record } from "./record.ts";
import type { Place } from "./schema/text.ts";
import type { Path } from "./source.ts";
import { analyseTemplate } from "./template.ts";

/** A hole of a template, or a whole expression, and where it begins in the text. */
export interface Piece extends AnalysedExpression {
  readonly offset: number;
}

/** One template or expression. */
export interface Text {
  readonly path: Path;
  readonly place: Place;
  readonly source: string;
  readonly pieces: readonly Piece[];
  /** Literal text and the numbers of the pieces between it; an expression is one piece. */
  readonly parts: readonly (string | number)[];
  readonly compiled: Template | Expression | undefined;
  readonly error: ExpressionError | undefined;
}

type Visit = (place: Place, kind: "template" | "expression", source: string, path: Path) => unknown;

/** The data with every template and expression replaced by what `visit` gives for it. The data need not be valid. */
export function mapTexts(data: unknown, visit: Visit): unknown {
  return map(manifestSchema, data, [], visit);
}

function map(schema: Schema, data: unknown, path: Path, visit: Visit): unknown {
  if (isInert(schema)) return data;
  const { "x-template": template, "x-expression": expression } = schema;
  if (expression) return typeof data === "string" ? visit(expression, "expression", data, path) : data;
  if (template) return mapTree(template, data, path, visit);
  if (Array.isArray(data)) return mapItems(branch(schema, data).items ?? {}, data, path, visit);
  const chosen = branch(schema, data);
  if (typeof data !== "object" || data === null) return chosen === schema ? data : map(chosen, data, path, visit);
  return mapKeys(chosen, data, path, visit);
}

function mapKeys({ properties, additionalProperties }: Schema, data: object, path: Path, visit: Visit): unknown {
  const rest = typeof additionalProperties === "object" ? additionalProperties : {};
  const copy = emptyRecord<unknown>();
  for (const [key, value] of Object.entries(data)) {
    const inner = properties && Object.hasOwn(properties, key) ? (properties[key] ?? rest) : rest;
    copy[key] = map(inner, value, [...path, key], visit);
  }
  return copy;
}

function mapItems(schema: Schema, data: readonly unknown[], path: Path, visit: Visit): unknown {
  return isInert(schema) ? data : data.map((item, index) => map(schema, item, [...path, index], visit));
}

const inert = new WeakMap<Schema, boolean>();

/** Whether no template and no expression can stand anywhere in what the schema describes: most of a manifest is of this kind. */
function isInert(schema: Schema): boolean {
  let found = inert.get(schema);
  if (found === undefined) {
    found = !schema["x-template"] && !schema["x-expression"] && partsOf(schema).every(isInert);
    inert.set(schema, found);
  }
  return found;
}

function partsOf({ properties, additionalProperties, items, anyOf = [], oneOf = [] }: Schema): readonly Schema[] {
  const rest = [additionalProperties, items].filter((part) => typeof part === "object");
  return [...Object.values(properties ?? {}), ...rest, ...anyOf, ...oneOf];
}

function mapTree(place: Place, data: unknown, path: Path, visit: Visit): unknown {
  if (typeof data === "string") return visit(place, "template", data, path);
  if (Array.isArray(data)) return data.map((item, index) => mapTree(place, item, [...path, index], visit));
  if (typeof data !== "object" || data === null) return data;
  return record(Object.entries(data).map(([key, value]) => [key, mapTree(place, value, [...path, key], visit)] as const));
}

/** The branch of a union that the data evidently belongs to: by `type` where the schema tells them apart so, else by kind. */
export function branch(schema: Schema, data: unknown): Schema {
  if (schema.oneOf) {
    const type = (data as { type?: unknown } | null)?.type;
    return schema.oneOf.find((one) => one.properties?.type?.const === type) ?? {};
  }
  const kind = kindOf(data);
  // What is not one of the words may be a template.
  return schema.anyOf?.find((one) => one.type === kind && (one.enum === undefined || one.enum.includes(data))) ?? schema;
}

/** JSON's word for the kind of a value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

type Compiled = Omit<Text, "path" | "place">;

/** Compiles every template and expression of a manifest. */
export class Texts {
  readonly all: Text[] = [];

  constructor(data: unknown) {
    mapTexts(data, (place, kind, source, path) => {
      this.all.push({ path, place, ...compiled[kind](source) });
    });
  }

  /** The compiled template; the source must be free of errors. */
  template(source: string): Template {
    return compiled.template(source).compiled as Template;
  }

  /** The compiled expression; the source must be free of errors. */
  expression(source: string): Expression {
    return compiled.expression(source).compiled as Expression;
  }
}

const known = { template: memoized(5_000, readTemplate), expression: memoized(5_000, readExpression) };

const compiled = {
  template: (source: string) => orError(source, known.template),
  expression: (source: string) => orError(source, known.expression),
};

function readExpression(source: string): Compiled {
  const analysed = analyseExpression(source);
  return { source, pieces: [{ ...analysed, offset: 0 }], parts: [0], compiled: analysed.expression, error: undefined };
}

function readTemplate(source: string): Compiled {
  const { template, holes } = analyseTemplate(source);
  let next = 0;
  const parts = template.parts.map((part) => (typeof part === "string" ? part : next++));
  return { source, pieces: holes, parts, compiled: template, error: undefined };
}

function orError(source: string, read: (source: string) => Compiled): Compiled {
  try {
    return read(source);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { source, pieces: [], parts: [], compiled: undefined, error };
  }
}
