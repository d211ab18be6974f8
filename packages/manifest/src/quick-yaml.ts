// YAML as manifests are nearly always written, read in a tenth of the time that a whole YAML parser takes.
//
// This reader knows block maps and lists, flow collections, texts in one line and block scalars. At the first thing that it does not
// know, or that could be a mistake, it gives up, and the parser reads the text from its beginning. So it only ever decides how fast
// a manifest is read, never what is in it: where it gives an answer, it is the parser's own one without any problem. A test holds
// the two against each other.

import { emptyRecord } from "./record.ts";

/** What is wrong or unusual is the parser's business. */
const unusual = new Error("unusual YAML");

function giveUp(): never {
  throw unusual;
}

export interface QuickLimits {
  /** Levels of values. */
  readonly depth: number;
  readonly values: number;
  /** Keys that are refused. */
  readonly reserved: ReadonlySet<string>;
}

/** The plain data of a text in usual YAML; undefined if it must be read by the parser. Maps are records. */
export function readQuickly(text: string, limits: QuickLimits): unknown {
  // Tabs, carriage returns and what is invisible.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff]/.test(text)) return undefined;
  try {
    return new QuickReader(text, limits).document();
  } catch (error) {
    if (error === unusual) return undefined;
    throw error;
  }
}

const code = {
  newline: 10,
  space: 32,
  doubleQuote: 34,
  hash: 35,
  singleQuote: 39,
  comma: 44,
  dash: 45,
  more: 62,
  openBracket: 91,
  closeBracket: 93,
  openBrace: 123,
  bar: 124,
  closeBrace: 125,
} as const;

const blockKey = /(?:([A-Za-z_$][A-Za-z0-9_$./-]{0,199})|"([^"\\\n]{0,200})"|'([^'\n]{0,200})'):(?=[ \n]|$)/y;
const flowKey = /(?:([A-Za-z_$][A-Za-z0-9_$./-]{0,199})|"([^"\\\n]{0,200})"|'([^'\n]{0,200})'):(?= )/y;
const restOfLine = /(?: *| +#[^\n]*)(?:\n|$)/y;
const doubleQuoted = /"([^"\\\n]*)"/y;
const doubleQuotedWithEscapes = /"((?:[^"\\\n]|\\["\\/nt])*)"/y;
const singleQuoted = /'((?:[^'\n]|'')*)'/y;
const blockHeader = /[|>](-?) *\n/y;
const flowText = /[^\n,[\]{}]+/y;

const beginning = /^(?:[^-\s?:,[\]{}#&*!|>'"%@`]|-[^\s,[\]{}])/;
const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

const words = new Map<string, boolean | null>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const otherWords = new Set(["True", "TRUE", "False", "FALSE", "Null", "NULL", "~"]);
const exact = /^(?:0|-?[1-9][0-9]{0,15}|-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,8})$/;
const numeric =
  /^(?:[-+]?(?:\.(?:inf|Inf|INF)|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)|\.(?:nan|NaN|NAN)|0o[0-7]+|0x[0-9a-fA-F]+)$/;

/** Recursive descent. `indent` of a method is that of the block that the value stands in. */
class QuickReader {
  private readonly text: string;
  private readonly limits: QuickLimits;
  private at = 0;
  private lineStart = 0;
  /** The indentation of the line that is read next, when `at` is at its content; -1 at the end. */
  private indent = 0;
  private values = 0;

  constructor(text: string, limits: QuickLimits) {
    this.text = text;
    this.limits = limits;
  }

  document(): unknown {
    this.toContent();
    if (this.indent !== 0) giveUp();
    const data = this.map(0, 1);
    return this.at < this.text.length ? giveUp() : data;
  }

  private next(): number {
    return this.text.charCodeAt(this.at);
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at = pattern.lastIndex;
    return found;
  }

  private sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }

  private skipSpaces(): void {
    while (this.next() === code.space) this.at++;
  }

  private endOfLine(): number {
    const end = this.text.indexOf("\n", this.at);
    return end < 0 ? this.text.length : end;
  }

  /** From the beginning of a line to the next one with anything but a comment. */
  private toContent(): void {
    for (;;) {
      this.lineStart = this.at;
      this.skipSpaces();
      if (this.at >= this.text.length) {
        this.indent = -1;
        return;
      }
      const character = this.next();
      if (character !== code.newline && character !== code.hash) break;
      this.at = this.endOfLine() + 1;
    }
    this.indent = this.at - this.lineStart;
  }

  /** Behind a value that ends in its line. What follows it, deeper than its block, would belong to it. */
  private endValue(indent: number): void {
    if (!this.match(restOfLine)) giveUp();
    this.toContent();
    if (this.indent > indent) giveUp();
  }

  private admit(depth: number): void {
    if (depth > this.limits.depth || ++this.values > this.limits.values) giveUp();
  }

  private atItem(): boolean {
    if (this.next() !== code.dash) return false;
    const behind = this.text.charCodeAt(this.at + 1);
    return behind === code.space || behind === code.newline || Number.isNaN(behind);
  }

  private map(indent: number, depth: number): unknown {
    this.admit(depth);
    const data = emptyRecord<unknown>();
    do {
      const key = this.key(blockKey, data);
      data[key] = this.value(indent, depth + 1, true);
    } while (this.indent === indent);
    if (this.indent > indent) giveUp();
    return data;
  }

  private key(pattern: RegExp, data: object): string {
    const found = this.match(pattern) ?? giveUp();
    const key = found[1] ?? found[2] ?? found[3] ?? "";
    if (found[1] !== undefined && (words.has(key) || otherWords.has(key))) giveUp();
    if (key in data || this.limits.reserved.has(key)) giveUp();
    return key;
  }

  private list(indent: number, depth: number): unknown {
    this.admit(depth);
    const items: unknown[] = [];
    do {
      this.at++;
      items.push(this.value(indent, depth + 1, false));
    } while (this.indent === indent && this.atItem());
    if (this.indent > indent) giveUp();
    return items;
  }

  /** What stands behind the colon of a key, or else behind the dash of an item. */
  private value(indent: number, depth: number, ofKey: boolean): unknown {
    this.skipSpaces();
    const character = this.next();
    if (character === code.newline || character === code.hash || this.at >= this.text.length) {
      if (!this.match(restOfLine)) this.at = this.endOfLine() + 1;
      this.toContent();
      return this.below(indent, depth, ofKey);
    }
    if (!ofKey && this.sees(blockKey)) return this.map(this.at - this.lineStart, depth);
    if (character === code.bar || character === code.more) return this.blockScalar(indent, depth);
    const value = this.inLine(indent, depth) ?? this.plain(depth);
    this.endValue(indent);
    return value;
  }

  /** The value in the lines that follow, or null. */
  private below(indent: number, depth: number, ofKey: boolean): unknown {
    const deeper = this.indent > indent;
    if ((deeper || (ofKey && this.indent === indent)) && this.atItem()) return this.list(this.indent, depth);
    if (deeper) return this.map(this.indent, depth);
    this.admit(depth);
    return null;
  }

  /** Flow collections and quoted texts; undefined at anything else. */
  private inLine(indent: number, depth: number): unknown {
    switch (this.next()) {
      case code.openBrace:
        return this.flowMap(indent, depth);
      case code.openBracket:
        return this.flowList(indent, depth);
      case code.doubleQuote:
      case code.singleQuote:
        return this.quoted(depth);
      default:
        return undefined;
    }
  }

  private quoted(depth: number): string {
    this.admit(depth);
    if (this.next() === code.singleQuote) return (this.match(singleQuoted) ?? giveUp())[1]?.replaceAll("''", "'") ?? "";
    const simple = this.match(doubleQuoted);
    if (simple) return simple[1] ?? "";
    const [, escaped = ""] = this.match(doubleQuotedWithEscapes) ?? giveUp();
    return escaped.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
  }

  private plain(depth: number): unknown {
    const end = this.endOfLine();
    const line = this.text.slice(this.at, end);
    const comment = line.indexOf(" #");
    const written = withoutTrailingSpaces(comment < 0 ? line : line.slice(0, comment));
    this.at = end;
    return this.resolve(written, depth);
  }

  private resolve(written: string, depth: number): unknown {
    this.admit(depth);
    if (!beginning.test(written) || written.endsWith(":") || written.includes(": ")) giveUp();
    const word = words.get(written);
    if (word !== undefined) return word;
    if (otherWords.has(written)) giveUp();
    const first = written.charCodeAt(0);
    if (first > 57) return written;
    if (exact.test(written) && Math.abs(Number(written)) <= Number.MAX_SAFE_INTEGER) return Number(written);
    return numeric.test(written) ? giveUp() : written;
  }

  private blockScalar(indent: number, depth: number): string {
    this.admit(depth);
    const folded = this.next() === code.more;
    const [, strip] = this.match(blockHeader) ?? giveUp();
    const lines = this.blockLines(indent);
    if (folded && lines.some((line) => line.startsWith(" "))) giveUp();
    this.toContent();
    if (this.indent > indent) giveUp();
    const value = folded ? lines.join("\n").replace(/\n(\n*)/g, (_, more: string) => more || " ") : lines.join("\n");
    return strip === "-" ? value : `${value}\n`;
  }

  /** The lines of a block scalar without their indentation and without empty ones at the end. */
  private blockLines(indent: number): string[] {
    const lines: string[] = [];
    let content = 0;
    for (let line = this.blockLine(indent); line !== undefined; line = this.blockLine(indent)) {
      if (content === 0) content = line.search(/[^ ]/);
      if (content < 0 || (line !== "" && line.search(/[^ ]/) < content)) giveUp();
      lines.push(line.slice(content));
    }
    while (lines.at(-1) === "") lines.pop();
    return lines.length > 0 ? lines : giveUp();
  }

  /** The next line of a block scalar; undefined behind its last one. */
  private blockLine(indent: number): string | undefined {
    if (this.at >= this.text.length) return undefined;
    const start = this.at;
    const end = this.text.indexOf("\n", start);
    this.skipSpaces();
    const empty = this.at === end;
    if (end < 0 || (empty && end > start)) giveUp();
    if (!empty && this.at - start <= indent) {
      this.at = start;
      return undefined;
    }
    this.at = end + 1;
    return this.text.slice(start, end);
  }

  private flowMap(indent: number, depth: number): unknown {
    this.admit(depth);
    const data = emptyRecord<unknown>();
    if (this.opensEmpty(indent, code.closeBrace)) return data;
    do {
      const key = this.key(flowKey, data);
      data[key] = this.flowValue(indent, depth + 1);
    } while (this.continues(indent, code.closeBrace));
    return data;
  }

  private flowList(indent: number, depth: number): unknown {
    this.admit(depth);
    const items: unknown[] = [];
    if (this.opensEmpty(indent, code.closeBracket)) return items;
    do items.push(this.flowValue(indent, depth + 1));
    while (this.continues(indent, code.closeBracket));
    return items;
  }

  private opensEmpty(indent: number, close: number): boolean {
    this.at++;
    this.gap(indent);
    if (this.next() !== close) return false;
    this.at++;
    return true;
  }

  /** Whether another entry follows the one that was read. */
  private continues(indent: number, close: number): boolean {
    this.gap(indent);
    const character = this.next();
    if (character !== code.comma && character !== close) giveUp();
    this.at++;
    if (character === close) return false;
    this.gap(indent);
    return true;
  }

  private flowValue(indent: number, depth: number): unknown {
    this.gap(indent);
    return this.inLine(indent, depth) ?? this.flowPlain(depth);
  }

  private flowPlain(depth: number): unknown {
    const [found = ""] = this.match(flowText) ?? giveUp();
    if (found.includes(" #")) giveUp();
    return this.resolve(withoutTrailingSpaces(found), depth);
  }

  /** Spaces and line ends within a flow collection; its lines stand deeper than the block around it. */
  private gap(indent: number): void {
    this.skipSpaces();
    while (this.next() === code.newline) {
      const start = ++this.at;
      this.skipSpaces();
      if (this.next() !== code.newline && this.at - start <= indent) giveUp();
    }
  }
}

function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === code.space) end--;
  return end === text.length ? text : text.slice(0, end);
}
