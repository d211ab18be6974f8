// `requestBody` as inputs and the template of a body.

import { snakeCase } from "../identifier.ts";
import { type Document, listOf, type Node, nodeOf } from "./document.ts";
import { type Input, inputOf, merged, typeOf } from "./input.ts";

export interface Body {
  readonly encoding: string | undefined;
  readonly body: unknown;
}

/** What takes an input under a free name, and gives that name. */
export type AddInput = (name: string, input: Input) => string;

/** The encodings that can be sent, by media type; the first that an operation takes is used. */
const encodings: readonly (readonly [RegExp, string])[] = [
  [/^application\/([\w.+-]*\+)?json\b/i, "json"],
  [/^application\/x-www-form-urlencoded\b/i, "form"],
  [/^multipart\/form-data\b/i, "multipart"],
  [/^(application|text)\/([\w.+-]*\+)?xml\b/i, "xml"],
  [/^text\//i, "text"],
  [/^(application\/octet-stream|image\/|audio\/|video\/|application\/(pdf|zip)|\*\/\*)/i, "binary"],
];

const mostInputs = 80;

/** Undefined: the operation takes no body that can be sent. */
export function readBody(document: Document, value: unknown, key: string, add: AddInput): Body | undefined {
  const { content, required } = document.resolve(value);
  const types = Object.entries(nodeOf(content));
  const chosen = encodings.flatMap(([pattern, encoding]) =>
    types.filter(([type]) => pattern.test(type)).map(([, media]) => ({ encoding, media })),
  )[0];
  if (chosen === undefined) {
    if (types.length > 0)
      document.notes.notCarried(`${key}.requestBody`, `none of ${types.map(([type]) => type).join(", ")} can be sent`);
    return undefined;
  }
  if (types.length > 1) document.notes.add(`${key}.requestBody`, `sent as ${chosen.encoding}; other forms are left out`);
  const schema = merged(document, nodeOf(chosen.media).schema);
  const encoding = chosen.encoding === "json" ? undefined : chosen.encoding;
  const properties = propertiesOf(document, schema);
  const isFlat =
    chosen.encoding !== "text" && chosen.encoding !== "binary" && properties.length > 0 && properties.length <= mostInputs;
  if (isFlat) return { encoding, body: flat(document, schema, properties, key, add) };
  if (properties.length > mostInputs)
    document.notes.add(`${key}.requestBody`, `has ${properties.length} properties; it is one input`);
  return { encoding, body: whole(document, schema, chosen.encoding, { key, required: required === true }, add) };
}

function propertiesOf(document: Document, schema: Node): [string, Node][] {
  if (typeOf(schema) !== "object" || schema.oneOf !== undefined || schema.anyOf !== undefined) return [];
  return Object.entries(nodeOf(schema.properties))
    .map(([name, property]): [string, Node] => [name, document.resolve(property)])
    .filter(([, property]) => property.readOnly !== true);
}

/** Each property is an input. */
function flat(document: Document, schema: Node, properties: readonly [string, Node][], key: string, add: AddInput): object {
  const required = new Set(listOf(schema.required));
  if (typeof schema.additionalProperties === "object") document.notes.notCarried(`${key}.requestBody.additionalProperties`);
  return Object.fromEntries(
    properties.map(([name, property]) => {
      const asked = { name, key: `${key}.requestBody.${name}`, required: required.has(name) };
      return [name, `{{ input.${add(snakeCase(name), inputOf(document, property, asked))} }}`];
    }),
  );
}

/** The body is one input. */
function whole(
  document: Document,
  schema: Node,
  encoding: string,
  asked: { key: string; required: boolean },
  add: AddInput,
): string {
  const input = { ...inputOf(document, schema, { name: "body", ...asked }) };
  if (encoding === "binary") input.type = "file";
  if (encoding === "text") input.type = "text";
  if (input.type === undefined && encoding === "json" && typeOf(schema) === undefined) input.type = "object";
  return `{{ input.${add("body", input)} }}`;
}
