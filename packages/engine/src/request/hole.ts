import { type Ambient, type Expression, ExpressionError, type Template } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";

/** Under which names carry the engine's clock and randomness; no template can name it. */
export const ambient: unique symbol = Symbol("ambient");

/** What templates may name: `fields`, `env`, `token`, `input`, … */
export type Names = Readonly<Record<string, unknown>> & { readonly [ambient]?: Ambient };

function ambientOf(names: unknown): Ambient | undefined {
  return typeof names === "object" && names !== null ? (names as Names)[ambient] : undefined;
}

/** Evaluates one expression over `input`. Throws `expression_error`, which names it. */
export async function evaluate(expression: Expression, input: unknown): Promise<unknown> {
  try {
    return await expression.evaluate(input, ambientOf(input));
  } catch (cause) {
    throw expressionError(expression.source, cause);
  }
}

/** One hole of a template; an empty text counts as no result, so that its parameter is left out. */
export async function hole(expression: Expression, names: Names): Promise<unknown> {
  const value = await evaluate(expression, names);
  return value === null || value === "" ? undefined : value;
}

/**
 * The template's value: typed when it is one single hole, otherwise text; undefined when a hole has no result. A text that is empty
 * because its author left it so is a value.
 */
export async function value(template: Template, names: Names): Promise<unknown> {
  if (template.source === "") return "";
  try {
    const result = await template.render(names, ambientOf(names));
    return result === null || result === "" ? undefined : result;
  } catch (cause) {
    throw expressionError(template.source, cause);
  }
}

/** The template's text, or undefined when a hole has no result. */
export async function text(template: Template, names: Names): Promise<string | undefined> {
  const result = await value(template, names);
  return result === undefined ? undefined : textOf(result, template.source);
}

/** A word of the manifest's, or the one of `words` that a template chooses; without a result the default. Throws `expression_error`. */
export async function word<Word extends string>(
  given: Word | Template,
  names: Names,
  words: readonly Word[],
  byDefault: Word,
): Promise<Word> {
  if (typeof given === "string") return given;
  const chosen = (await value(given, names)) ?? byDefault;
  const found = words.find((one) => one === chosen);
  if (found === undefined)
    throw new JackfieldError("expression_error", { detail: `"${given.source}" gives none of ${words.join(", ")}.` });
  return found;
}

/** A text, number or boolean as text. Throws `expression_error` for anything else. */
export function textOf(result: unknown, source: string): string {
  if (typeof result === "string") return result;
  if (typeof result === "number" || typeof result === "boolean" || typeof result === "bigint") return String(result);
  throw new JackfieldError("expression_error", {
    detail: `"${source}" gives ${Array.isArray(result) ? "a list" : "an object"} where a text is needed.`,
  });
}

function expressionError(source: string, cause: unknown): JackfieldError {
  if (cause instanceof JackfieldError) return cause;
  // The message of an ExpressionError says what failed and where, never a value.
  const why = cause instanceof ExpressionError ? `: ${cause.message}` : ".";
  return new JackfieldError("expression_error", { detail: `The expression "${source}" failed${why}`, cause });
}
