// The texts of the source format: literal text, `${name}`, `${function(…)}`, and `a || b`, of which the first that has a value counts.

/** A part of a text. */
export type Part = string | Placeholder;

export type Placeholder =
  | { readonly kind: "name"; readonly path: readonly string[] }
  | { readonly kind: "call"; readonly name: string; readonly argument: readonly Part[] };

/** The alternatives of a text; nearly always there is one. */
export function readAlternatives(text: string): (readonly Part[])[] {
  return splitAlternatives(text).map((alternative) => readParts(alternative));
}

/** `||` counts only outside of placeholders, and with space around it: without, it is text. */
function splitAlternatives(text: string): string[] {
  const alternatives: string[] = [];
  let start = 0;
  let at = 0;
  while (at < text.length) {
    if (text.startsWith("${", at)) {
      at = endOf(text, at) + 1;
    } else if (text.startsWith(" || ", at)) {
      alternatives.push(text.slice(start, at));
      at += 4;
      start = at;
    } else {
      at++;
    }
  }
  return [...alternatives, text.slice(start)].map((alternative) => alternative.trim());
}

/** Where the brace stands that closes the placeholder at `open`; the text's end if none does. */
function endOf(text: string, open: number): number {
  let depth = 0;
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}

function readParts(text: string): Part[] {
  const parts: Part[] = [];
  let start = 0;
  for (let open = text.indexOf("${"); open >= 0; open = text.indexOf("${", start)) {
    const end = endOf(text, open);
    if (end >= text.length) break;
    if (open > start) parts.push(text.slice(start, open));
    parts.push(readPlaceholder(text.slice(open + 2, end)));
    start = end + 1;
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}

function readPlaceholder(inner: string): Placeholder {
  const call = /^([A-Za-z0-9]+)\((.*)\)$/s.exec(inner.trim());
  if (call) return { kind: "call", name: call[1] ?? "", argument: readParts(call[2] ?? "") };
  const timed = /^now([+-][^:]*:[a-z]+)?(:.*)?$/.exec(inner.trim());
  if (timed) return { kind: "name", path: ["now", timed[1] ?? "", (timed[2] ?? "").slice(1)] };
  return { kind: "name", path: inner.trim().split(".") };
}
