import { XMLBuilder, XMLParser } from "fast-xml-parser";
import { JackfieldError } from "../errors.ts";

/*
 * XML as data and back: elements are keys, repeated ones are lists, attributes begin with `@`, the text of an element that has attributes is
 * `#text`. Every value is a text. Namespaces' prefixes are part of the names.
 */

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  textNodeName: "#text",
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

const builder = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  textNodeName: "#text",
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

/** Undefined where the text is no XML. A document type is refused: entities are the one thing in XML that can grow. */
export function parseXml(text: string): unknown {
  // A page for people is no data, even where it is well formed.
  if (!text.startsWith("<") || /<!(DOCTYPE|ENTITY)|^<html[\s>]/i.test(text)) return undefined;
  try {
    const data: unknown = parser.parse(text, true);
    return data !== null && typeof data === "object" && Object.keys(data).length > 0 ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `expression_error` for a body that is no map of elements. */
export function buildXml(body: unknown): string {
  if (body === null || typeof body !== "object" || Array.isArray(body))
    throw new JackfieldError("expression_error", { detail: "An XML body must be an object." });
  refuseNames(body, 0);
  return `<?xml version="1.0" encoding="UTF-8"?>${String(builder.build(body))}`;
}

/** The builder writes names as they are, and an object may come from whoever runs a step. */
const name = /^(#text|@?[\p{L}_][\p{L}\p{N}_.:-]*)$/u;
const maxDepth = 90;

function refuseNames(body: unknown, depth: number): void {
  if (body === null || typeof body !== "object") return;
  if (depth > maxDepth) throw new JackfieldError("expression_error", { detail: "An XML body is nested too deeply." });
  for (const [key, value] of Object.entries(body)) {
    if (!Array.isArray(body) && !name.test(key))
      throw new JackfieldError("expression_error", {
        detail: "An XML body has a key that can be no element's or attribute's name.",
      });
    refuseNames(value, depth + 1);
  }
}
