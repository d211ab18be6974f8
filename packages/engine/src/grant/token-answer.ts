import type { TokenResponse } from "@jackfield/manifest";
import type { EgressAnswer } from "../egress/egress.ts";
import { isDeeper } from "../request/depth.ts";
import { parseXml } from "../request/xml.ts";

const maxDepth = 32;

type Answer = Pick<EgressAnswer, "body">;

/**
 * The body of a token answer as data, whatever the content type says: JSON even as text/html, a form, XML, or JSON wrapped into a call
 * (RFC 6749 §5.1 says JSON; providers differ). A text that is none of these stays one; undefined when there is nothing. Objects have no
 * prototype, so that a key cannot stand for something inherited.
 */
export function parseTokenAnswer(answer: Answer): unknown {
  const text = answer.body
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trim();
  if (text === "") return undefined;
  const json = /^[{["]/.test(text) ? text : /^[A-Za-z_]\w*\(\s*([{[].*[}\]])\s*\);?$/s.exec(text)?.[1];
  if (json !== undefined) {
    try {
      return bare(JSON.parse(json), 0);
    } catch {
      return undefined;
    }
  }
  if (text.startsWith("<")) {
    const data = parseXml(text);
    return isDeeper(data, maxDepth) ? undefined : bare(data, 0);
  }
  if (!/^[A-Za-z0-9_.[\]%-]+=[^=]/.test(text)) return text;
  const form: Record<string, unknown> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) form[name] ??= value;
  return form;
}

/** What the expressions of `response` read. */
export const answerRoots: {
  readonly [From in TokenResponse["from"]]: (answer: Pick<EgressAnswer, "body" | "headers">) => unknown;
} = {
  body: parseTokenAnswer,
  headers: ({ headers }) => bare(headers, 0),
  cookies: ({ headers }) => {
    const cookies: Record<string, unknown> = Object.create(null);
    for (const header of [headers["set-cookie"] ?? []].flat()) {
      const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(header) ?? [];
      if (name !== undefined && name !== "__proto__") cookies[name] = value;
    }
    return cookies;
  },
};

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
