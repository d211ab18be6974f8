import type { Ambient } from "./ambient.ts";
import { ExpressionError } from "./expression-error.ts";
import type { Analysis, Reference } from "./jsonata/references.ts";
import { Program } from "./jsonata/run.ts";
import { parse } from "./jsonata/syntax.ts";
import { memoized } from "./memo.ts";
import { parsePath, walk } from "./plain-path.ts";

export { ExpressionError, type ExpressionErrorCode } from "./expression-error.ts";

/** Bare JSONata, or a plain path compiled to a property walk. */
export interface Expression {
  readonly source: string;
  /** The property names, when the expression is a plain path: then `evaluate` never enters JSONata. */
  readonly path: readonly string[] | undefined;
  /**
   * The result over `input`, or undefined where there is none. Bounded in time, depth, size and memory. `ambient`: by default the
   * system's. Throws `ExpressionError`.
   */
  evaluate(input: unknown, ambient?: Ambient): unknown | Promise<unknown>;
}

/** Text with holes. */
export interface Template {
  readonly source: string;
  /** Literal text and holes, in order. */
  readonly parts: readonly (string | Expression)[];
  /**
   * The value over `names`: a template that is one single hole keeps the type of its result; otherwise text. Undefined when any
   * hole has no result.
   */
  render(names: Readonly<Record<string, unknown>>, ambient?: Ambient): unknown | Promise<unknown>;
}

/** An expression, and what it names. */
export interface AnalysedExpression {
  readonly expression: Expression;
  readonly analysis: Analysis;
}

/** Compiles an expression. Throws `ExpressionError` when it cannot be read or uses what is not available. */
export function compileExpression(source: string): Expression {
  return analyseExpression(source).expression;
}

/** Compiles an expression and tells what it names. Throws `ExpressionError`. */
export function analyseExpression(source: string): AnalysedExpression {
  const steps = parsePath(source);
  if (steps) {
    const path = steps.every(({ index }) => index === undefined) ? steps.map(({ name }) => name) : undefined;
    const reference: Reference = { path: steps.map(({ name }) => name), offsets: steps.map(({ offset }) => offset), whole: true };
    const expression = { source, path, evaluate: (input: unknown) => walk(input, steps) };
    return { expression, analysis: { ...nothing, references: [reference] } };
  }
  const constant = constants.exec(source);
  if (constant) {
    const value = constant[1] === undefined ? JSON.parse(source.trim()) : constant[1].slice(1, -1);
    return { expression: { source, path: undefined, evaluate: () => value }, analysis: nothing };
  }
  if (source.trim() === "") throw new ExpressionError("expression_syntax", "The expression is empty.", source, { position: 0 });
  return analyseJsonata(source);
}

const analyseJsonata = memoized(5_000, (source): AnalysedExpression => {
  const { analysis } = parse(source);
  const program = new Program(source, analysis);
  const expression: Expression = { source, path: undefined, evaluate: (input, ambient) => program.evaluate(input, ambient) };
  return { expression, analysis };
});

const nothing: Analysis = { references: [], everything: false, calls: [], unset: [], regexes: [], transforms: false };

const constants = /^\s*(?:true|false|null|0|[1-9][0-9]{0,14}|('[^'\\]*'|"[^"\\]*"))\s*$/;

/** A result as a list: JSONata gives a list of one item as the item, and an empty one as nothing. */
export function asList(result: unknown): unknown[] {
  if (result === undefined) return [];
  return Array.isArray(result) ? result : [result];
}
