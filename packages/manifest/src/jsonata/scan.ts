/**
 * The characters of an expression that are neither in a text, a quoted name, a comment nor a regular expression, with their
 * offsets, from `start` on.
 */
export function* significant(source: string, start = 0): Generator<readonly [string, number]> {
  let offset = start;
  let before = "";
  while (offset < source.length) {
    const character = source[offset] ?? "";
    const skipped = skip(source, offset, before);
    if (skipped > offset) {
      if (!source.startsWith("/*", offset)) before = '"';
      offset = skipped;
      continue;
    }
    yield [character, offset];
    if (character.trim() !== "") before = character;
    offset++;
  }
}

/** Where the text, comment or regular expression that begins at `offset` ends, or `offset` if none begins there. */
function skip(source: string, offset: number, before: string): number {
  const character = source[offset];
  if (character === '"' || character === "'") return endOf(source, offset + 1, character, true);
  if (character === "`") return endOf(source, offset + 1, character, false);
  if (character !== "/") return offset;
  if (source[offset + 1] === "*") {
    const end = source.indexOf("*/", offset + 2);
    return end < 0 ? source.length : end + 2;
  }
  // Behind a value a slash divides.
  return before === "" || "([{,;:=<>!&|?~+-*%^".includes(before) ? endOfRegex(source, offset + 1) : offset;
}

function endOf(source: string, offset: number, quote: string, escapes: boolean): number {
  for (let at = offset; at < source.length; at++) {
    if (escapes && source[at] === "\\") at++;
    else if (source[at] === quote) return at + 1;
  }
  return source.length;
}

function endOfRegex(source: string, offset: number): number {
  let depth = 0;
  for (let at = offset; at < source.length; at++) {
    const character = source[at] ?? "";
    if (character === "\\") at++;
    else if (character === "/" && depth === 0) return at + 1;
    else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
  }
  return source.length;
}
