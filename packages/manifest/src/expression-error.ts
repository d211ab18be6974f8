/** Why a template or an expression cannot be compiled, or gave no value. */
export type ExpressionErrorCode =
  | "template_unclosed"
  | "template_empty_hole"
  | "template_object"
  | "expression_syntax"
  | "expression_forbidden"
  | "expression_regex"
  | "expression_too_complex"
  | "expression_timeout"
  | "expression_too_deep"
  | "expression_too_large"
  | "expression_type"
  | "expression_failed";

/** A template or an expression that cannot be compiled or evaluated. The message holds no value of the data. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly code: ExpressionErrorCode;
  /** The template or expression. */
  readonly source: string;
  /** Where in `source`, from 0, if that is known. */
  readonly position: number | undefined;
  /** How much of `source` is meant. */
  readonly length: number;

  constructor(
    code: ExpressionErrorCode,
    message: string,
    source: string,
    place: { position?: number | undefined; length?: number; cause?: unknown } = {},
  ) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.source = source;
    this.position = place.position;
    this.length = place.length ?? 1;
  }
}
