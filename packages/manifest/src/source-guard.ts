import { Lexer } from "yaml";
import type { ProblemCode } from "./problem.ts";

/** Something in the text that is refused before the text reaches the parser. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

const deepest = 64;
const most = 20;

/** A manifest of 256 KB has about 60,000. What has far more is no manifest, and takes the parser long. */
const mostTokens = 150_000;

/** What a token begins with, and why it is refused. */
const refused: Readonly<Record<string, (token: string) => readonly [ProblemCode, string]>> = {
  "%": (token) => ["yaml_directive", `${token.trim()} is a YAML directive.`],
  "&": (token) => ["yaml_alias", `${token} is an anchor; a text that begins with & needs quotes.`],
  "*": (token) => ["yaml_alias", `${token} is an alias; a text that begins with * needs quotes.`],
  "!": (token) => ["yaml_tag", `${token} is a tag; a text that begins with ! needs quotes.`],
};

/** Marks that the lexer puts between the pieces of the source. */
const marks = { document: "\u0002", flowEnd: "\u0018", scalar: "\u001f" };

/**
 * Refuses nesting, anchors, tags and directives by the tokens alone. `yaml` recurses while it composes: text that is nested some
 * thousand levels deep makes it abort the whole process, so it must never see such text.
 */
export function refusals(text: string): Refusal[] {
  const found: Refusal[] = [];
  const nesting = new Nesting();
  let documents = 0;
  let count = 0;
  for (const { token, scalar, offset } of tokens(text)) {
    const depth = nesting.take(token, scalar);
    const end = endOf(++count, depth, nesting.unopened ? token : undefined);
    if (end) return [{ code: end[0], offset, length: 1, message: end[1] }];
    if (scalar) continue;
    const reason = refused[token[0] ?? ""]?.(token);
    if (reason) found.push({ code: reason[0], offset, length: token.length, message: reason[1] });
    if (token === "---" && documents++ > 0) {
      found.push({ code: "yaml_documents", offset, length: 3, message: "A second document begins here." });
    }
    if (found.length >= most) break;
  }
  return found;
}

/** What ends the reading at once. */
function endOf(count: number, depth: number, unopened: string | undefined): readonly [ProblemCode, string] | undefined {
  if (count > mostTokens) return ["too_many_values", "The file holds too many values."];
  if (depth > deepest) return ["too_deep", `Values are nested more than ${deepest} levels deep.`];
  return unopened === undefined ? undefined : ["yaml_syntax", `There is no bracket that ${unopened} could close.`];
}

/** The pieces of the source; plain and block scalars are marked, whatever they begin with. */
export function* tokens(text: string): Generator<{ token: string; scalar: boolean; offset: number }> {
  let offset = 0;
  let scalar = false;
  for (const token of new Lexer().lex(text)) {
    if (token === marks.scalar) scalar = true;
    else if (token !== marks.document && token !== marks.flowEnd) {
      yield { token, scalar, offset };
      offset += token.length;
      scalar = false;
    }
  }
}

const indicators = new Set(["-", "?", ":"]);

/** How deep the tokens are nested: flow brackets, and columns at which something in block style begins. */
class Nesting {
  /** A closing bracket came without an opening one. */
  unopened = false;
  private flow = 0;
  private column = 0;
  private readonly columns: number[] = [];
  private expectsContent = true;

  take(token: string, scalar: boolean): number {
    if (!scalar && this.isLayout(token)) {
      this.advance(token);
      return this.depth();
    }
    if (this.flow === 0 && this.expectsContent && token !== ":") this.enter(this.column);
    this.expectsContent = !scalar && indicators.has(token);
    if (!scalar) this.bracket(token);
    this.advance(token);
    return this.depth();
  }

  private depth(): number {
    return this.flow + this.columns.length;
  }

  private isLayout(token: string): boolean {
    return token.trim() === "" || token.startsWith("#");
  }

  private advance(token: string): void {
    const newline = token.lastIndexOf("\n");
    if (newline < 0) {
      this.column += token.length;
      return;
    }
    this.column = token.length - newline - 1;
    this.expectsContent = true;
  }

  private enter(column: number): void {
    while ((this.columns.at(-1) ?? -1) >= column) this.columns.pop();
    this.columns.push(column);
  }

  private bracket(token: string): void {
    if (token === "[" || token === "{") this.flow++;
    if (token !== "]" && token !== "}") return;
    if (this.flow > 0) this.flow--;
    else this.unopened = true;
  }
}
