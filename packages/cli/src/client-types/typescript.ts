/*
 * JSON Schema in, TypeScript out: what the client's own types and those of `jackfield client types` are written with. It knows what our
 * schemas say; anything else is `unknown`.
 */

export type Schema = Readonly<Record<string, unknown>>;

export interface Printing {
  /** For what a caller gives: lists may be read-only, and what may be left out may be undefined. */
  readonly given?: boolean;
  /** Called with every schema that has a title; its name is written in its place. */
  readonly named?: (title: string, schema: Schema) => void;
  /** What is said of a property. Default: its description. */
  readonly words?: (schema: Schema) => readonly unknown[];
}

/** A schema as a type, to be written behind so much indentation. */
export function typeOf(schema: Schema, printing: Printing = {}, indent = ""): string {
  if (typeof schema.title === "string" && printing.named !== undefined) {
    printing.named(schema.title, schema);
    return schema.title;
  }
  return bareType(schema, printing, indent);
}

/** The same, written out also where it has a title. */
export function bareType(schema: Schema, printing: Printing, indent = ""): string {
  const [, print] = kinds.find(([key]) => key in schema) ?? [];
  return print === undefined ? "unknown" : print(schema, printing, indent);
}

type Print = (schema: Schema, printing: Printing, indent: string) => string;

/** By the keyword that says what a schema is; the first that is there counts. */
const kinds: readonly (readonly [key: string, print: Print])[] = [
  ["const", ({ const: value }) => JSON.stringify(value)],
  ["enum", (schema) => union((schema.enum as unknown[]).map((value) => JSON.stringify(value)))],
  ["anyOf", ({ anyOf }, printing, indent) => union((anyOf as Schema[]).map((one) => typeOf(one, printing, indent)))],
  ["allOf", ({ allOf }, printing, indent) => (allOf as Schema[]).map((one) => typeOf(one, printing, indent)).join(" & ")],
  ["type", (schema, printing, indent) => byType[schema.type as string]?.(schema, printing, indent) ?? "unknown"],
];

const byType: Readonly<Record<string, Print>> = {
  string: () => "string",
  number: () => "number",
  integer: () => "number",
  boolean: () => "boolean",
  null: () => "null",
  array({ items = {} }, printing, indent) {
    const item = typeOf(items as Schema, printing, indent);
    const several = ["enum", "anyOf", "allOf"].some((key) => key in (items as Schema)) && item !== (items as Schema).title;
    return `${printing.given ? "readonly " : ""}${several ? `(${item})` : item}[]`;
  },
  object: objectType,
};

/** Duplicates are written once, and null last. */
function union(types: readonly string[]): string {
  const all = [...new Set(types)];
  return [...all.filter((type) => type !== "null"), ...all.filter((type) => type === "null")].join(" | ");
}

function objectType(schema: Schema, printing: Printing, indent: string): string {
  const { properties = {}, required = [], additionalProperties, patternProperties } = schema;
  const inner = `${indent}  `;
  const names = Object.entries(properties as Readonly<Record<string, Schema>>);
  const others = Object.values((patternProperties ?? {}) as Readonly<Record<string, Schema>>)[0] ?? additionalProperties;
  if (names.length === 0) {
    if (additionalProperties === false && patternProperties === undefined) return "Record<string, never>";
    return `Record<string, ${typeof others === "object" ? typeOf(others as Schema, printing, indent) : "unknown"}>`;
  }
  const types: string[] = [];
  const lines = names.map(([name, property]) => {
    const optional = !(required as readonly string[]).includes(name);
    const type = `${typeOf(property, printing, inner)}${optional && printing.given ? " | undefined" : ""}`;
    types.push(type);
    return `${comment(printing.words?.(property) ?? [property.description], inner)}${inner}${keyOf(name)}${optional ? "?" : ""}: ${type};\n`;
  });
  if (typeof others === "object") {
    const index = union([typeOf(others as Schema, printing, inner), ...types.flatMap((type) => type.split(" | "))]);
    lines.push(`${inner}[name: string]: ${index};\n`);
  }
  return `{\n${lines.join("")}${indent}}`;
}

/** A name as the key of a type. */
export const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

const width = 130;

/** A documentation comment with a line break behind it, or nothing. It cannot be ended by what stands in it. */
export function comment(parts: readonly unknown[], indent = ""): string {
  const text = parts.filter((part) => typeof part === "string" && part !== "").join(" ");
  const words = text
    .replaceAll("*/", "* /")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a source file.
    .split(/[\s\u0000-\u001f\u007f\u2028\u2029]+/)
    .filter((word) => word !== "");
  if (words.length === 0) return "";
  const line = `${indent}/** ${words.join(" ")} */`;
  if (line.length <= width) return `${line}\n`;
  const lines = [""];
  for (const word of words) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && `${indent} * ${last} ${word}`.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return `${indent}/**\n${lines.map((each) => `${indent} * ${each}\n`).join("")}${indent} */\n`;
}
