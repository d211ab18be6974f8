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
  return `<?xml version="1.0" encoding="UTF-8"?>${String(builder.build(body))}`;
}
