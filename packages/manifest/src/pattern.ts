import { RE2JS } from "re2js";
import { memoized } from "./memo.ts";
import { writtenOut } from "./pattern-size.ts";

/** A compiled regular expression that runs in linear time. */
export interface Pattern {
  /** Whether the whole text matches. */
  matches(text: string): boolean;
  /** Whether any part of the text matches. */
  test(text: string): boolean;
}

const largestProgram = 20_000;

/** Steps take about a hundred bytes each, so only a few of the larger programs are remembered. */
const smallProgram = 1_000;

/**
 * Compiles a regular expression in RE2 syntax. Throws an `Error` whose message says what is wrong when it cannot be compiled, or
 * when it repeats so much that it would be slow.
 */
export function compilePattern(source: string): Pattern {
  return writtenOut(source) > smallProgram ? largePattern(source) : smallPattern(source);
}

const smallPattern = memoized(1_000, newPattern);
const largePattern = memoized(20, newPattern);

function newPattern(source: string): Pattern {
  const compiled = compileRe2(source, 0);
  return {
    matches: (text) => compiled.testExact(text),
    test: (text) => compiled.test(text),
  };
}

export function compileRe2(source: string | RegExp, flags: number): RE2JS {
  const work = typeof source === "string" ? writtenOut(source) : writtenOut(source.source, source.ignoreCase);
  // To find out by compiling it would take long.
  if (work > largestProgram) throw new Error("it repeats too much");
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(source), flags);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(message.replace(/^error parsing regexp: /, ""), { cause: error });
  }
  if (compiled.programSize() > largestProgram) throw new Error("it repeats too much");
  return compiled;
}
