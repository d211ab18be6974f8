import type { Scalar } from "yaml";

/**
 * Where the character `index` of a scalar's value stands in the source: escapes, folded lines and the indentation of block scalars
 * are taken into account.
 */
export function offsetWithin(text: string, node: Scalar, index: number): number {
  const [start = 0, end = 0] = node.range ?? [];
  if (typeof node.value !== "string") return start;
  const walk = walks[node.type ?? "PLAIN"] ?? walks.PLAIN;
  let at = 0;
  let last = start;
  for (const offset of walk(text, start, end, node.value)) {
    last = offset;
    if (at++ === index) break;
  }
  return last;
}

/** Yields the source offset of each character of the value. */
type Walk = (text: string, start: number, end: number, value: string) => Generator<number>;

const fold = /[ \t]*\r?\n[ \t\r\n]*/y;

function matchAt(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}

const newlinesIn = (text: string) => text.split("\n").length - 1;

/** Plain and quoted text: line ends are folded, and `special` tells how long an escape is and how many characters it yields. */
function* flow(text: string, start: number, end: number, special: (offset: number) => readonly [number, number] | undefined) {
  let offset = start;
  while (offset < end) {
    const folded = matchAt(fold, text, offset);
    const escaped = folded === undefined ? special(offset) : undefined;
    const [length, count] = folded === undefined ? (escaped ?? [1, 1]) : [folded.length, Math.max(1, newlinesIn(folded) - 1)];
    for (let i = 0; i < count; i++) yield offset;
    offset += length;
  }
}

const escapeLengths: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };
const lineContinuation = /\\\r?\n[ \t]*/y;

function doubleQuotedEscape(text: string, offset: number): readonly [number, number] | undefined {
  if (text[offset] !== "\\") return undefined;
  const continued = matchAt(lineContinuation, text, offset);
  if (continued !== undefined) return [continued.length, 0];
  const length = escapeLengths[text[offset + 1] ?? ""] ?? 2;
  return [length, length === 10 && Number.parseInt(text.slice(offset + 2, offset + 10), 16) > 0xffff ? 2 : 1];
}

const leadingSpaces = (line: string) => line.length - line.replace(/^ +/, "").length;

/** Block scalars: the header line is skipped, and of each line the indentation. */
function* block(text: string, start: number, end: number, value: string): Generator<number> {
  let offset = text.indexOf("\n", start) + 1;
  if (offset === 0) return;
  const lines = text.slice(offset, end).split("\n");
  const indent = Math.max(
    0,
    leadingSpaces(lines.find(hasContent) ?? "") - leadingSpaces(value.split("\n").find(hasContent) ?? ""),
  );
  let at = 0;
  for (const line of lines) {
    const length = line.replace(/\r$/, "").length;
    for (let column = Math.min(indent, length); column < length; column++, at++) yield offset + column;
    // A line end is a line feed, or a space where lines are folded; several of them may stand for one line end.
    if (value[at] === " " || value[at] === "\n") {
      at++;
      yield offset + length;
    }
    offset += line.length + 1;
  }
}

const hasContent = (line: string) => line.trim() !== "";

const walks: Readonly<Record<NonNullable<Scalar["type"]>, Walk>> & { PLAIN: Walk } = {
  PLAIN: (text, start, end) => flow(text, start, end, () => undefined),
  QUOTE_SINGLE: (text, start, end) =>
    flow(text, start + 1, end - 1, (offset) => (text.startsWith("''", offset) ? [2, 1] : undefined)),
  QUOTE_DOUBLE: (text, start, end) => flow(text, start + 1, end - 1, (offset) => doubleQuotedEscape(text, offset)),
  BLOCK_LITERAL: block,
  BLOCK_FOLDED: block,
};
