import jsonata from "jsonata";
import { ExpressionError } from "../expression-error.ts";
import { forbidden } from "./function-names.ts";
import { limits } from "./limits.ts";
import { type Analysis, analyse } from "./references.ts";
import { linear } from "./regex.ts";
import { significant } from "./scan.ts";

/** A node of JSONata's syntax tree, as far as it is read here. */
export interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly position?: number;
  readonly steps?: readonly SyntaxNode[];
  readonly expression?: SyntaxNode;
  readonly expressions?: readonly SyntaxNode[];
  readonly lhs?: SyntaxNode | readonly (readonly [SyntaxNode, SyntaxNode])[];
  readonly rhs?: SyntaxNode;
  readonly condition?: SyntaxNode;
  readonly then?: SyntaxNode;
  readonly else?: SyntaxNode;
  readonly procedure?: SyntaxNode;
  readonly arguments?: readonly SyntaxNode[];
  readonly body?: SyntaxNode;
  readonly pattern?: SyntaxNode;
  readonly update?: SyntaxNode;
  readonly delete?: SyntaxNode;
  readonly terms?: readonly { readonly expression: SyntaxNode }[];
  readonly predicate?: readonly Stage[];
  readonly stages?: readonly Stage[];
  readonly group?: SyntaxNode;
  readonly focus?: string;
  readonly index?: string;
}

interface Stage {
  readonly expr?: SyntaxNode;
  readonly value?: unknown;
}

export interface Parsed {
  readonly program: jsonata.Expression;
  readonly analysis: Analysis;
}

/** Parses an expression and reads off what it names. Throws `ExpressionError`. */
export function parse(source: string): Parsed {
  refuseComplexity(source);
  let program: jsonata.Expression;
  try {
    program = jsonata(source, {
      timeout: limits.milliseconds,
      stack: limits.pending,
      sequence: limits.sequence,
    });
  } catch (error) {
    throw syntaxError(source, error);
  }
  const analysis = analyse(source, program.ast() as unknown as SyntaxNode);
  refuseForbidden(source, analysis);
  return { program, analysis };
}

/** JSONata's parser recurses over brackets, and copies what stands before `??` and `?:` each time. */
function refuseComplexity(source: string): void {
  const tooComplex = (message: string, position?: number) =>
    new ExpressionError("expression_too_complex", message, source, { position });
  if (source.length > limits.source) throw tooComplex(`The expression is longer than ${limits.source} characters.`);
  let depth = 0;
  let copies = 1;
  for (const [character, offset] of significant(source)) {
    if ("([{".includes(character) && ++depth > limits.nesting) {
      throw tooComplex(`Brackets are nested more than ${limits.nesting} levels deep.`, offset);
    }
    if (")]}".includes(character)) depth--;
    if (character === "?" && (source[offset + 1] === "?" || source[offset + 1] === ":")) copies *= 2;
    if (copies * source.length > limits.copies) throw tooComplex("The expression uses `??` and `?:` too often.", offset);
  }
}

interface JsonataError {
  readonly code?: string;
  readonly position?: number;
  readonly token?: unknown;
  readonly message?: string;
}

function syntaxError(source: string, cause: unknown): ExpressionError {
  if (cause instanceof RangeError)
    return new ExpressionError("expression_too_complex", "The expression is nested too deeply.", source);
  if (cause instanceof SyntaxError) return new ExpressionError("expression_regex", `${cause.message}.`, source, { cause });
  const { position = 0, token, message = "The expression cannot be read" } = cause as JsonataError;
  const length = typeof token === "string" && source.slice(0, position).endsWith(token) ? token.length : 1;
  const start = Math.max(0, Math.min(position - length, source.length - 1));
  const words = message.replace(/\.$/, "").replace(/^Syntax error: /, "This is not expected here: ");
  return new ExpressionError("expression_syntax", `${words}.`, source, { position: start, length });
}

function refuseForbidden(source: string, { calls, unset, regexes }: Analysis): void {
  for (const { name, offset } of [...calls, ...unset]) {
    const reason = Object.hasOwn(forbidden, name) ? forbidden[name] : undefined;
    if (reason) throw new ExpressionError("expression_forbidden", reason, source, { position: offset, length: name.length + 1 });
  }
  for (const { regex, offset } of regexes) {
    // Where JSONata copies what stands before `??`, a regular expression is lost.
    if (!(regex instanceof RegExp)) {
      throw new ExpressionError("expression_forbidden", "A regular expression cannot stand before `??` or `?:`.", source);
    }
    refuseRegex(source, regex, offset);
  }
}

function refuseRegex(source: string, regex: RegExp, end: number): void {
  try {
    linear(regex);
  } catch (error) {
    throw regexError(source, regex, end, error);
  }
}

function regexError(source: string, regex: RegExp, end: number, cause: unknown): ExpressionError {
  const written = `/${regex.source}/`;
  const position = Math.max(0, source.lastIndexOf(written, end));
  const message = `The regular expression cannot be compiled: ${cause instanceof Error ? cause.message : ""}.`;
  return new ExpressionError("expression_regex", message, source, { position, length: written.length, cause });
}
