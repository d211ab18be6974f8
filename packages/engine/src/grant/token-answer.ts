import type { EgressAnswer } from "../egress/egress.ts";

const maxDepth = 32;

/**
 * The body of a token answer as data, whatever the content type says: JSON even as text/html, or a form (RFC 6749 §5.1 says JSON;
 * providers differ). Undefined when it is neither. Objects have no prototype, so that a key cannot stand for something inherited.
 */
export function parseTokenAnswer(answer: Pick<EgressAnswer, "body">): unknown {
  const text = answer.body
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trim();
  if (text === "") return undefined;
  if (text.startsWith("{") || text.startsWith("[")) {
    try {
      return bare(JSON.parse(text), 0);
    } catch {
      return undefined;
    }
  }
  if (!/^[A-Za-z0-9_.[\]%-]+=/.test(text)) return undefined;
  const form: Record<string, unknown> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) form[name] ??= value;
  return form;
}

/** A copy without prototypes. Throws where the nesting is deeper than any real answer. */
function bare(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== "object") return value;
  if (depth > maxDepth) throw new Error("nested too deeply");
  if (Array.isArray(value)) return value.map((item) => bare(item, depth + 1));
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (key !== "__proto__") copy[key] = bare(item, depth + 1);
  }
  return copy;
}
