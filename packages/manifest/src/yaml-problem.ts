import type { YAMLParseError, YAMLWarning } from "yaml";
import type { ProblemCode } from "./problem.ts";
import { tokens } from "./source-guard.ts";

interface YamlProblem {
  readonly code: ProblemCode;
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly hint: string;
}

type YamlCode = YAMLParseError["code"];

/** What to do about the parser's own codes; what is not listed here has the general cure. */
const cures: Partial<Record<YamlCode, string>> = {
  BAD_DQ_ESCAPE: "Double the backslash, or put the text in single quotes.",
  BAD_INDENT: "Indent keys that belong together by the same number of spaces.",
  BAD_SCALAR_START: "Put the text in quotes.",
  BLOCK_AS_IMPLICIT_KEY: "Put a text that holds a colon and a space in quotes.",
  BLOCK_IN_FLOW: "Close the bracket first, or write the whole value without brackets.",
  MULTILINE_IMPLICIT_KEY: "Write a colon and a space behind the key, on the same line.",
  MULTIPLE_DOCS: "Keep one manifest per file.",
  TAB_AS_INDENT: "Indent with spaces.",
};

const most = 10;

/** What makes the parser find fault with every later line, too. */
const spreading: ReadonlySet<YamlCode> = new Set<YamlCode>(["BAD_INDENT", "TAB_AS_INDENT"]);

/** The parser's errors and warnings, at most ten, without those that only follow from an earlier one. */
export function yamlProblems(text: string, errors: readonly (YAMLParseError | YAMLWarning)[]): YamlProblem[] {
  const problems: YamlProblem[] = [];
  for (const [{ code, message, pos }, line] of tellingErrors(text, errors)) {
    if (problems.length === most) break;
    const hole = code === "UNEXPECTED_TOKEN" ? bareHole(text, line) : undefined;
    if (hole) {
      problems.push(hole);
      continue;
    }
    const offset = placeIn(text, pos[0], code, message);
    problems.push({
      code: code === "MULTIPLE_DOCS" ? "yaml_documents" : "yaml_syntax",
      offset,
      length: Math.max(1, Math.min(pos[1], text.length) - pos[0]),
      message: wordsOf(code, message),
      hint: hintFor(code, message, text[offset]),
    });
  }
  return problems;
}

/** The first error of each line, with where the line begins. There may be a hundred thousand of them in one long line. */
function* tellingErrors<E extends YAMLParseError | YAMLWarning>(text: string, errors: readonly E[]): Generator<[E, number]> {
  const seen = new Set<number>();
  let spread = false;
  let [start, end] = [0, -1];
  for (const error of errors) {
    const at = error.pos[0];
    if ((spread && spreading.has(error.code)) || (at >= start && at <= end)) continue;
    start = text.lastIndexOf("\n", at - 1) + 1;
    end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    if (seen.has(start)) continue;
    seen.add(start);
    spread ||= spreading.has(error.code);
    yield [error, start];
  }
}

function wordsOf(code: YamlCode, message: string): string {
  if (code === "MULTIPLE_DOCS") return "A second document begins here.";
  const words = message.replace(/closing (["'])quote/, "closing quote $1").replace(/[.!?]$/, "");
  return `${words}.`;
}

/** A value that begins with a hole and has no quotes, in the line that begins at `start`: to YAML, it is a map and a text. */
function bareHole(text: string, start: number): YamlProblem | undefined {
  const end = text.indexOf("\n", start);
  const line = text.slice(start, end < 0 ? undefined : end);
  const found = /^([^"'#]*?(?:: |- |, |\[ ?))(\{\{.*)$/.exec(line);
  if (!found) return undefined;
  const [, before = "", value = ""] = found;
  return {
    code: "yaml_syntax",
    offset: start + before.length,
    length: value.trimEnd().length,
    message: "Without quotes, this is a map to YAML and no text.",
    hint: "Put a value with {{ … }} in quotes.",
  };
}

function hintFor(code: YamlCode, message: string, first: string | undefined): string {
  if (code === "BLOCK_AS_IMPLICIT_KEY" && (first === '"' || first === "'"))
    return "Within quotes, write the other kind of quotes.";
  if (message.includes("end with a")) return "Close the bracket that was opened above.";
  if (code === "MISSING_CHAR" && message.includes("quote")) return "Close the quotes, or double a quote inside them.";
  return cures[code] ?? "Correct the YAML at this place.";
}

function placeIn(text: string, offset: number, code: YamlCode, message: string): number {
  if (code === "MISSING_CHAR" && message.includes("quote")) {
    // The parser shows the end of the file; the quote that is not closed is what the author looks for.
    for (const { token, scalar, offset: start } of tokens(text)) {
      if (!scalar && /^["']/.test(token) && start + token.length >= offset) return start;
    }
  }
  if (code === "BAD_INDENT") return offset + (/^ */.exec(text.slice(offset))?.[0].length ?? 0);
  return lastContentAt(text, offset);
}

/** An error at the end of the text is shown behind its last character rather than on an empty line. */
function lastContentAt(text: string, offset: number): number {
  return offset < text.length ? offset : Math.max(0, text.trimEnd().length - 1);
}
