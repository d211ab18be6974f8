import { setImmediate } from "node:timers/promises";
import type jsonata from "jsonata";
import { type Ambient, systemAmbient } from "../ambient.ts";
import { ExpressionError, type ExpressionErrorCode } from "../expression-error.ts";
import { Budget, LimitError } from "./budget.ts";
import { limitedFunctions } from "./functions.ts";
import { copyIn, copyOut } from "./plain-data.ts";
import type { Analysis } from "./references.ts";
import { regexEngine } from "./regex.ts";
import { parse } from "./syntax.ts";

/**
 * A JSONata expression with limits on everything. It is parsed when it is first evaluated: of a thousand connectors most expressions
 * never are, and their syntax trees would take a hundred times the room of their texts.
 */
export class Program {
  private readonly source: string;
  /** The names of the data that it reads; undefined: all of them. */
  private readonly roots: ReadonlySet<string> | undefined;
  private readonly transforms: boolean;
  private prepared: Promise<jsonata.Expression> | undefined;
  /** Of the evaluation that is just beginning. */
  private ambient = systemAmbient;

  constructor(source: string, analysis: Analysis) {
    this.source = source;
    this.transforms = analysis.transforms;
    this.roots = analysis.everything ? undefined : new Set(analysis.references.map(({ path }) => path[0] ?? ""));
  }

  evaluate(input: unknown, ambient: Ambient = systemAmbient): Promise<unknown> {
    return inTurn(() => this.run(input, ambient));
  }

  private async run(input: unknown, ambient: Ambient): Promise<unknown> {
    try {
      this.prepared ??= this.prepare();
      const program = await this.prepared;
      const data = copyIn(input, this.roots);
      this.ambient = ambient;
      return copyOut(await program.evaluate(data));
    } catch (error) {
      throw failure(this.source, error);
    }
  }

  /** Binds the limited functions, and watches what is evaluated. */
  private async prepare(): Promise<jsonata.Expression> {
    const { program } = parse(this.source);
    const bind = program.assign as (name: string | symbol, value: unknown) => void;
    for (const [name, definition] of await limitedFunctions()) bind(name, definition);
    const { transforms } = this;
    // Called for every frame of variables; the first one of an evaluation, the base of all others, carries its budget.
    bind(Symbol.for("jsonata.__createFrame_push"), (enclosing: Frame, frame: Frame) => {
      if (enclosing.base) return;
      const budget = new Budget({ changes: transforms });
      const RegexEngine = regexEngine(budget);
      const { ambient } = this;
      const timestamp = new Date(ambient.clock());
      // Called for every node of the syntax tree, before it is evaluated.
      const guard = () => {
        budget.check();
        budget.wait(frame.depth);
      };
      Object.defineProperties(frame, {
        budget: { value: budget },
        ambient: { value: ambient },
        // JSONata sets its own ones later.
        timestamp: { get: () => timestamp, set: () => {} },
        RegexEngine: { get: () => RegexEngine, set: () => {} },
        guardrails: { get: () => guard, set: () => {} },
      });
    });
    bind(Symbol.for("jsonata.__evaluate_exit"), watch);
    return program;
  }
}

/** Called with the result of every node of the syntax tree. */
function watch(node: Node, _input: unknown, { base }: { base: Frame }, result: unknown): void {
  try {
    if (typeof result === "string") {
      base.budget.text(result.length);
      if (node.type === "binary") base.budget.spend(result.length);
    } else if (typeof result === "object" && result !== null) base.budget.size(result);
  } catch (error) {
    if (error instanceof LimitError && node.position !== undefined) error.position = node.position;
    throw error;
  }
}

let last: Promise<unknown> = Promise.resolve();
let breath = 0;

/** Milliseconds after which waiting evaluations let everything else run first. */
const longestBreath = 25;

/**
 * Runs one evaluation after the other. They only compute; side by side they would take no less time, and each would use up the
 * time that is allowed to the others.
 */
function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const turn = last.then(async () => {
    if (performance.now() - breath > longestBreath) {
      await setImmediate();
      breath = performance.now();
    }
    return run();
  });
  last = turn.catch(() => undefined);
  return turn;
}

interface Frame {
  readonly base?: Frame;
  readonly budget: Budget;
  /** How many evaluations wait for others. */
  readonly depth: number;
}

interface Node {
  readonly type: string;
  readonly position?: number;
}

/** Messages in place of JSONata's own ones that would quote values of the data. */
const quiet: Readonly<Record<string, string>> = {
  D1001: "A number is out of range",
  D1002: "Only a number can be negated",
  D1009: "Two keys of an object are the same",
  D1013: "A key begins with a reserved name",
  T1003: "The key of an object must be a text",
  T2007: "Only values of the same type can be ordered",
  T2009: "Only values of the same type can be compared",
  T2011: "What a transformation inserts must be an object",
  T2012: "What a transformation deletes must be named by texts",
  D3030: "The value is no number",
  D3060: "A negative number has no square root",
  D3061: "A number is out of range",
  D3100: "The radix must be between 2 and 36",
  D3110: "The value is no ISO 8601 time",
  D3130: "The picture is not supported",
  D3132: "The picture holds an unknown marker",
  D3133: "The picture asks for a name where there is none",
  D3140: "The text is no well-formed URL",
};

const codes: Readonly<Record<string, ExpressionErrorCode>> = {
  D1011: "expression_too_deep",
  D1012: "expression_timeout",
  D2014: "expression_too_large",
  D2015: "expression_too_large",
};

/** `$error` and `$assert`. */
const saidByAuthor = new Set(["D3137", "D3141"]);

/** JSONata's positions are behind the token, or behind the bracket that follows a function's name. */
function placeOf(source: string, end: number | undefined, token: unknown): { position?: number; length?: number } {
  if (end === undefined) return {};
  const written = typeof token === "string" ? [`$${token}`, token].find((text) => source.lastIndexOf(text, end) >= 0) : undefined;
  if (written === undefined) return { position: Math.max(0, Math.min(end, source.length) - 1), length: 1 };
  return { position: source.lastIndexOf(written, end), length: written.length };
}

interface JsonataError {
  readonly code?: string;
  readonly position?: number;
  readonly token?: unknown;
  readonly message?: string;
}

function failure(source: string, cause: unknown): ExpressionError {
  if (cause instanceof ExpressionError) return cause;
  const { code = "", position: end, token, message } = (typeof cause === "object" && cause !== null ? cause : {}) as JsonataError;
  const place = { ...placeOf(source, end, token), cause: withoutValues(cause) };
  if (cause instanceof LimitError) return new ExpressionError(cause.limit, sentence(cause.message), source, place);
  if (cause instanceof RangeError) {
    const deep = cause.message.includes("call stack");
    return new ExpressionError(deep ? "expression_too_deep" : "expression_too_large", "Its values are too large.", source, place);
  }
  if (saidByAuthor.has(code)) return new ExpressionError("expression_failed", String(message).slice(0, 300), source, place);
  const known = quiet[code] ?? (code === "" ? "The expression cannot be evaluated" : message);
  const kind = codes[code] ?? (code.startsWith("T") ? "expression_type" : "expression_failed");
  return new ExpressionError(kind, sentence(known?.slice(0, 300) ?? "It cannot be evaluated"), source, place);
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;

/** JSONata's errors carry values of the data, which may be secrets. */
function withoutValues(cause: unknown): unknown {
  if (cause instanceof Error) return cause;
  const { code } = (cause ?? {}) as JsonataError;
  return code === undefined ? undefined : new Error(`JSONata ${code}`);
}
