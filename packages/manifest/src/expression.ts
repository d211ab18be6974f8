/** Bare JSONata, or a plain path compiled to a property walk. */
export interface Expression {
  readonly source: string;
  /** The property names, when the expression is a plain path: then `evaluate` never enters JSONata. */
  readonly path: readonly string[] | undefined;
  /**
   * The result over `input`, or undefined where there is none. Bounded in time, depth, size and memory.
   * Throws `ExpressionError`.
   */
  evaluate(input: unknown): unknown | Promise<unknown>;
}

/** Text with holes. */
export interface Template {
  readonly source: string;
  /** Literal text and holes, in order. */
  readonly parts: readonly (string | Expression)[];
  /**
   * The value over `names`: a template that is one single hole keeps the type of its result; otherwise text. Undefined when any
   * hole has no result. `encode` is applied to each hole's text, for the position that the template stands in.
   */
  render(names: Readonly<Record<string, unknown>>, encode?: (value: string) => string): unknown | Promise<unknown>;
}
