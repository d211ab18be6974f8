import { type AnalysedExpression, analyseExpression, type Expression, ExpressionError, type Template } from "./expression.ts";
import { significant } from "./jsonata/scan.ts";

/** A hole, and where its expression begins in the template. */
export interface Hole extends AnalysedExpression {
  readonly offset: number;
}

export interface AnalysedTemplate {
  readonly template: Template;
  readonly holes: readonly Hole[];
}

/** Compiles a template. Throws `ExpressionError`, with positions in the template. */
export function compileTemplate(source: string): Template {
  return analyseTemplate(source).template;
}

/** Compiles a template and tells what its holes name. Throws `ExpressionError`. */
export function analyseTemplate(source: string): AnalysedTemplate {
  const parts: (string | Hole)[] = [];
  let offset = 0;
  for (let open = source.indexOf("{{"); open >= 0; open = source.indexOf("{{", offset)) {
    if (open > offset) parts.push(source.slice(offset, open));
    const close = endOfHole(source, open);
    parts.push(analyseHole(source, open + 2, close));
    offset = close + 2;
  }
  if (offset < source.length || parts.length === 0) parts.push(source.slice(offset));
  const holes = parts.filter((part) => typeof part !== "string");
  return {
    template: templateOf(
      source,
      parts.map((part) => (typeof part === "string" ? part : part.expression)),
    ),
    holes,
  };
}

/** Where the `}}` stands that closes the hole; braces and texts within the expression are passed over. */
function endOfHole(source: string, open: number): number {
  let depth = 0;
  for (const [character, offset] of significant(source, open + 2)) {
    if (character === "{") depth++;
    else if (character === "}" && depth > 0) depth--;
    else if (character === "}" && source[offset + 1] === "}") return offset;
  }
  throw new ExpressionError("template_unclosed", "The hole that begins here is not closed.", source, {
    position: open,
    length: 2,
  });
}

function analyseHole(source: string, start: number, end: number): Hole {
  const text = source.slice(start, end);
  if (text.trim() === "") {
    throw new ExpressionError("template_empty_hole", "The hole is empty.", source, {
      position: start - 2,
      length: end + 4 - start,
    });
  }
  const offset = start + text.length - text.trimStart().length;
  try {
    return { ...analyseExpression(text.trim()), offset };
  } catch (error) {
    throw error instanceof ExpressionError ? inTemplate(error, source, offset) : error;
  }
}

function inTemplate(error: ExpressionError, source: string, offset: number): ExpressionError {
  const position = offset + (error.position ?? 0);
  return new ExpressionError(error.code, error.message, source, { position, length: error.length, cause: error });
}

/** A template of parts that are already compiled. */
export function templateOf(source: string, parts: readonly (string | Expression)[]): Template {
  return {
    source,
    parts,
    render(names, ambient) {
      const values = parts.map((part) => (typeof part === "string" ? part : part.evaluate(names, ambient)));
      return values.some((value) => value instanceof Promise)
        ? Promise.all(values).then((settled) => combine(source, parts, settled))
        : combine(source, parts, values);
    },
  };
}

function combine(source: string, parts: readonly (string | Expression)[], values: readonly unknown[]): unknown {
  const [first] = values;
  if (parts.length === 1) return first;
  let text = "";
  for (const [index, value] of values.entries()) {
    if (typeof parts[index] === "string") text += value;
    else if (value === undefined || value === null) return undefined;
    else text += textOf(source, value);
  }
  return text;
}

function textOf(source: string, value: unknown): string {
  if (typeof value !== "object" && typeof value !== "function") return String(value);
  throw new ExpressionError("template_object", "A list or an object cannot stand within a text.", source);
}
