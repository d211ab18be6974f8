// YAML text to plain data, and back from any place in the data to its line and column.
//
// What is refused here: more than 256 KB, deep nesting, anchors, aliases, tags, directives, several documents, keys that are no
// texts or that reach prototypes. What comes out are texts, numbers, booleans, null, arrays and records.

import { type Document, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { excerptOf, type Problem, type ProblemCode, problemKinds, shown } from "./problem.ts";
import { readQuickly } from "./quick-yaml.ts";
import { emptyRecord } from "./record.ts";
import { offsetWithin } from "./scalar.ts";
import { refusals } from "./source-guard.ts";
import { yamlProblems } from "./yaml-problem.ts";

export type Path = readonly (string | number)[];

/** What a check finds; the source turns it into a problem. */
export interface Finding {
  readonly code: ProblemCode;
  readonly path: Path;
  readonly message: string;
  /** Default: the cure of the code. */
  readonly hint?: string | undefined;
  /** The key that leads to the value, rather than the value. */
  readonly on?: "key" | "value" | undefined;
  /** A part of the text that stands there. */
  readonly within?: { readonly start: number; readonly length: number } | undefined;
}

interface Span {
  readonly offset: number;
  readonly length: number;
}

const limits = { bytes: 256 * 1024, depth: 32, values: 50_000 };

const reserved = new Set(["__proto__", "constructor", "prototype"]);

/** A manifest's text, the data in it, and where everything stands. */
export class Source {
  readonly file: string;
  /** The plain data; undefined if the text is refused or cannot be read. */
  readonly data: unknown;
  /** What is wrong with the text itself. */
  readonly problems: readonly Problem[];
  private readonly text: string;
  private document: Document | undefined;
  private lines: readonly number[] | undefined;

  constructor(text: string, file: string) {
    this.file = file;
    this.text = text.startsWith("\ufeff") ? text.slice(1) : text;
    const read = readText(this.text);
    this.document = read.document;
    this.data = read.faults.length === 0 ? read.data : undefined;
    this.problems = read.faults.map((fault) => this.problemAt(fault, fault.code, fault.path ?? "", fault.message, fault.hint));
  }

  /** The problem that a finding is, with its place in the text. */
  problem(finding: Finding): Problem {
    const span = this.spanOf(finding);
    return this.problemAt(span, finding.code, pathText(finding.path), finding.message, finding.hint);
  }

  private problemAt(span: Span, code: ProblemCode, path: string, message: string, hint?: string): Problem {
    const { line, column, content } = this.lineAt(span.offset);
    const length = Math.max(1, Math.min(span.length, content.length - column + 1));
    return {
      code,
      severity: problemKinds[code].severity,
      file: this.file,
      path: shown(path),
      line,
      column,
      length,
      message: shown(message),
      hint: shown(hint ?? problemKinds[code].cure),
      excerpt: excerptOf(content, line, column, length),
    };
  }

  private lineAt(offset: number): { line: number; column: number; content: string } {
    this.lines ??= lineStarts(this.text);
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lines[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const start = this.lines[low] ?? 0;
    const end = (this.lines[low + 1] ?? this.text.length + 1) - 1;
    return { line: low + 1, column: offset - start + 1, content: this.text.slice(start, end).replace(/\r$/, "") };
  }

  private spanOf({ path, on = "value", within }: Finding): Span {
    const { pair, node } = this.find(path);
    if (within && node && isScalar(node) && node.range) {
      const start = offsetWithin(this.text, node, within.start);
      const end = offsetWithin(this.text, node, within.start + Math.max(1, within.length) - 1);
      return { offset: start, length: Math.max(1, end - start + 1) };
    }
    if (on === "key" && pair) return spanOfNode(pair.key as Node) ?? { offset: 0, length: 1 };
    return (node && spanOfNode(node)) ?? spanOfNode(pair?.key as Node) ?? { offset: 0, length: 1 };
  }

  /** The pair and the value at a path, or the nearest ones above it. */
  private find(path: Path): Found {
    this.document ??= parseYaml(this.text);
    let found: Found = { pair: undefined, node: (this.document?.contents ?? undefined) as Node | undefined };
    for (const step of path) {
      const next = child(found.node, step);
      // What is missing is shown where it should stand: at the key above it.
      if (!next) return found.pair ? { ...found, node: found.pair.key as Node } : found;
      found = next;
    }
    return found;
  }
}

interface Found {
  readonly pair: Pair | undefined;
  readonly node: Node | undefined;
}

function child(node: Node | undefined, step: string | number): Found | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined;
    return item && { pair: undefined, node: item };
  }
  const pair = isMap(node) ? node.items.find((item) => keyOf(item) === step) : undefined;
  return pair && { pair, node: (pair.value ?? undefined) as Node | undefined };
}

interface Fault extends Span {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string;
  readonly path?: string;
}

interface Read {
  readonly data: unknown;
  /** Absent where the text was not parsed. */
  readonly document: Document | undefined;
  readonly faults: readonly Fault[];
}

/** Nearly all texts are without fault and in usual YAML: those are parsed only if the place of something is asked for. */
function readText(text: string): Read {
  if (Buffer.byteLength(text) > limits.bytes) {
    return {
      data: undefined,
      document: undefined,
      faults: [{ code: "too_large", offset: 0, length: 1, message: "The file is larger than 256 KB." }],
    };
  }
  const quick = readUsual(text);
  return quick === undefined ? readThoroughly(text) : { data: quick, document: undefined, faults: [] };
}

/** The data of a text; undefined where anything is wrong with it. */
export function readData(text: string): unknown {
  const { data, faults } = readText(text);
  return faults.length > 0 ? undefined : data;
}

/** The data of a text in usual YAML; undefined if the parser must read it. */
export const readUsual = (text: string): unknown => readQuickly(text, { ...limits, reserved });

/** The data as the parser understands the text, or everything that is wrong with it. */
export function readThoroughly(text: string): Read {
  const refused = refusals(text);
  if (refused.length > 0) return { data: undefined, document: undefined, faults: refused };
  const document = parseYaml(text);
  if (!document) return { data: undefined, document, faults: [hopeless] };
  const faults: Fault[] = yamlProblems(text, [...document.errors, ...document.warnings]);
  if (faults.length > 0) return { data: undefined, document, faults };
  const reader = new Reader();
  const data = reader.read(document.contents as Node | null, [], 1);
  if (data === null && reader.faults.length === 0) {
    return { data, document, faults: [{ code: "empty", offset: 0, length: 1, message: "The file is empty." }] };
  }
  return { data, document, faults: reader.faults };
}

/** The parser calls itself again for every line behind a bracket that it could not make out. */
const hopeless: Fault = {
  code: "yaml_syntax",
  offset: 0,
  length: 1,
  message: "So much follows from one mistake that the file cannot be read.",
  hint: "Close every bracket, and indent what stands in it.",
};

/** Undefined if the parser does not come to an end. */
function parseYaml(text: string): Document | undefined {
  const { stackTraceLimit } = Error;
  // The parser makes an error object for every single fault, of which a hostile text has some hundred thousand.
  Error.stackTraceLimit = 0;
  try {
    // Repeated keys are found below: the parser's own search for them takes quadratic time.
    const options = { version: "1.2", schema: "core", strict: true, uniqueKeys: false, merge: false } as const;
    return parseDocument(text, { ...options, prettyErrors: false, logLevel: "error" }) as Document;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const mostFaults = 50;

/** Copies the parsed nodes into plain data. */
class Reader {
  readonly faults: Fault[] = [];
  private values = 0;

  read(node: Node | null, path: Path, depth: number): unknown {
    if (this.faults.length >= mostFaults || this.values > limits.values) return null;
    if (++this.values > limits.values)
      return this.refuse("too_many_values", node, path, "The file holds more than 50,000 values.");
    if (depth > limits.depth) return this.refuse("too_deep", node, path, "Values are nested more than 32 levels deep.");
    if (isMap(node)) return this.map(node, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item as Node, [...path, index], depth + 1));
    return isScalar(node) ? this.scalar(node, path) : null;
  }

  private map(node: YAMLMap, path: Path, depth: number): unknown {
    const data = emptyRecord<unknown>();
    for (const pair of node.items) {
      const key = this.key(pair, path);
      if (key === undefined) continue;
      if (Object.hasOwn(data, key)) {
        this.refuse("duplicate_key", pair.key as Node, [...path, key], `${pathText([...path, key])} stands here a second time.`);
        continue;
      }
      data[key] = this.read((pair.value ?? null) as Node | null, [...path, key], depth + 1);
    }
    return data;
  }

  private key(pair: Pair, path: Path): string | undefined {
    const key = keyOf(pair);
    if (key === undefined) {
      const hole = isMap(pair.key) || pair.key === null;
      const hint = hole ? "Put a value with {{ … }} in quotes." : "Put the key in quotes.";
      this.refuse("yaml_key", (pair.key ?? pair.value) as Node | null, path, "A key must be a text.", hint);
    } else if (reserved.has(key)) {
      this.refuse("forbidden_key", pair.key as Node, [...path, key], `\`${key}\` cannot be a key.`);
      return undefined;
    }
    return key;
  }

  private scalar(node: Scalar, path: Path): unknown {
    const { value } = node;
    if (typeof value === "number" && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))) {
      return this.refuse("yaml_number", node, path, "This number cannot be kept exactly.");
    }
    return typeof value === "bigint" ? this.refuse("yaml_number", node, path, "This number cannot be kept exactly.") : value;
  }

  private refuse(code: ProblemCode, node: Node | null, path: Path, message: string, hint?: string): null {
    const span = (node && spanOfNode(node)) ?? { offset: 0, length: 1 };
    if (this.faults.length < mostFaults)
      this.faults.push({ code, message, path: pathText(path), ...span, ...(hint && { hint }) });
    return null;
  }
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) && typeof pair.key.value === "string" ? pair.key.value : undefined;
}

function spanOfNode(node: Node | undefined): Span | undefined {
  if (!node?.range) return undefined;
  const [start, end] = node.range;
  return { offset: start, length: Math.max(1, end - start) };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let index = text.indexOf("\n"); index >= 0; index = text.indexOf("\n", index + 1)) starts.push(index + 1);
  return starts;
}

/** `auth.oauth.fields[0].label` */
export function pathText(path: Path): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");
}
