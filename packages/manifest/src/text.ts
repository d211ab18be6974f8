// Every template and expression of a manifest, found by the notes in the schema.

import { type AnalysedExpression, analyseExpression, type Expression, ExpressionError, type Template } from "./expression.ts";
import { manifestSchema, type Schema } from "./json-schema.ts";
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

/** A copy of the data in which `visit` has replaced every template and expression. The data need not be valid. */
export function mapTexts(data: unknown, visit: Visit): unknown {
  return map(manifestSchema, data, [], visit);
}

function map(schema: Schema, data: unknown, path: Path, visit: Visit): unknown {
  const { "x-template": template, "x-expression": expression } = schema;
  if (expression) return typeof data === "string" ? visit(expression, "expression", data, path) : data;
  if (template) return mapTree(template, data, path, visit);
  if (Array.isArray(data)) return data.map((item, index) => map(branch(schema, data).items ?? {}, item, [...path, index], visit));
  if (typeof data !== "object" || data === null) {
    const chosen = branch(schema, data);
    return chosen === schema ? data : map(chosen, data, path, visit);
  }
  const { properties, additionalProperties } = branch(schema, data);
  const rest = typeof additionalProperties === "object" ? additionalProperties : {};
  const entries = Object.entries(data).map(([key, value]) => {
    const inner = properties && Object.hasOwn(properties, key) ? (properties[key] ?? rest) : rest;
    return [key, map(inner, value, [...path, key], visit)] as const;
  });
  return record(entries);
}

/** A map without a prototype, so that no name of an author's is found that he did not write. */
export function record<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const map = Object.create(null) as Record<string, T>;
  for (const [key, value] of entries) map[key] = value;
  return map;
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
  return schema.anyOf?.find((one) => one.type === kindOf(data)) ?? schema;
}

/** JSON's word for the kind of a value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Compiles every template and expression once, and remembers them by source. */
export class Texts {
  readonly all: Text[] = [];
  private readonly known = new Map<string, Omit<Text, "path" | "place">>();

  constructor(data: unknown) {
    mapTexts(data, (place, kind, source, path) => {
      this.all.push({ path, place, ...this.read(kind, source) });
    });
  }

  /** The compiled template; the source must be free of errors. */
  template(source: string): Template {
    return this.read("template", source).compiled as Template;
  }

  /** The compiled expression; the source must be free of errors. */
  expression(source: string): Expression {
    return this.read("expression", source).compiled as Expression;
  }

  private read(kind: "template" | "expression", source: string): Omit<Text, "path" | "place"> {
    const key = `${kind} ${source}`;
    const text = this.known.get(key) ?? read(kind, source);
    this.known.set(key, text);
    return text;
  }
}

function read(kind: "template" | "expression", source: string): Omit<Text, "path" | "place"> {
  try {
    if (kind === "expression") {
      const analysed = analyseExpression(source);
      return { source, pieces: [{ ...analysed, offset: 0 }], parts: [0], compiled: analysed.expression, error: undefined };
    }
    const { template, holes } = analyseTemplate(source);
    let next = 0;
    const parts = template.parts.map((part) => (typeof part === "string" ? part : next++));
    return { source, pieces: holes, parts, compiled: template, error: undefined };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { source, pieces: [], parts: [], compiled: undefined, error };
  }
}
