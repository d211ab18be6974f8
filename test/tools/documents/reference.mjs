// @ts-check
/*
 * docs/reference.md: every key of a manifest, from the schema that manifests are validated with, and the names in reach at each place.
 */
import { anchor, table } from "./markdown.mjs";

/** @typedef {{ [key: string]: any }} Schema */

/** @type {Readonly<Record<string, string>>} */
const words = { string: "text", number: "number", integer: "whole number", boolean: "true or false", null: "null" };

/** In words what a value is. @param {Schema} schema @returns {string} */
function kind(schema) {
  if (schema["x-expression"]) return "expression";
  if (schema["x-template"]) return "template";
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ value) => `\`${value}\``).join(", ");
  if (schema.oneOf) return "block";
  if (schema.anyOf) return [...new Set(schema.anyOf.map(kind))].join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items ?? {})}`;
  if (isMap(schema)) return `map of ${kind(mapped(schema))}`;
  if (schema.type === "object") return "block";
  return [schema.type ?? "any value"]
    .flat()
    .map((type) => words[type] ?? type)
    .join(" or ");
}

/** @param {Schema} schema */
const isMap = (schema) => schema.type === "object" && !schema.properties && typeof schema.additionalProperties === "object";

/** @param {Schema} schema */
const mapped = (schema) => schema.additionalProperties;

/** What is the same block wherever it stands. @param {unknown} schema */
const shapeOf = (schema) =>
  JSON.stringify(schema, (key, value) => (["description", "x-template", "x-expression"].includes(key) ? undefined : value));

/**
 * The blocks that a value of this schema may be, each with what leads to it.
 * @param {Schema} schema @param {string} path @returns {{ path: string, schema: Schema }[]}
 */
function blocks(schema, path) {
  if (schema.oneOf) {
    return schema.oneOf.map((/** @type {Schema} */ one) => ({
      path: `${path} of type ${one.properties.type.const}`,
      schema: one,
    }));
  }
  if (schema.anyOf) return schema.anyOf.flatMap((/** @type {Schema} */ one) => blocks(one, path));
  if (schema.type === "array") return blocks(schema.items ?? {}, `${path}[]`);
  if (isMap(schema)) return blocks(mapped(schema), `${path}.*`);
  return schema.properties ? [{ path, schema }] : [];
}

/**
 * The heading of a block. Most blocks of an auth are those of OAuth 2; those of other types say so behind the path.
 * @param {string} path
 */
function titleOf(path) {
  if (path === "") return "The manifest";
  const [, before, type, after = ""] = /^(.*?) of type (\w+)(\..*)?$/.exec(path) ?? [];
  if (type === undefined) return path;
  return after !== "" && type === "oauth2" ? `${before}${after}` : `${before}${after} of type ${type}`;
}

/** @param {Schema} manifest @param {Readonly<Record<string, { names: readonly string[], secrets: boolean, free?: true }>>} places @param {Readonly<Record<string, readonly string[] | undefined>>} names */
export function reference(manifest, places, names) {
  /** Written once every block has been described, so that links lead to where it was. @type {(() => string)[]} */
  const sections = [];
  /** Where a block was described. @type {Map<string, string>} */
  const known = new Map();

  /** @param {Schema} schema @param {string} path */
  function describe(schema, path) {
    const title = titleOf(path);
    known.set(shapeOf(schema), title);
    /** @type {{ path: string, schema: Schema }[]} */
    const inner = [];
    const entries = Object.entries(schema.properties).map(([key, value]) => {
      const below = blocks(value, path === "" ? key : `${path}.${key}`);
      inner.push(...below.filter((block) => !known.has(shapeOf(block.schema))));
      return { key, value, below };
    });
    /** @param {typeof entries[number]} entry */
    const row = ({ key, value, below }) => {
      const links = below.map((block) => known.get(shapeOf(block.schema)) ?? titleOf(block.path));
      const seen = [...new Set(links)].map((link) => `[${link}](#${anchor(link)})`).join(", ");
      const required = (schema.required ?? []).includes(key) ? "**required** " : "";
      return [`\`${key}\``, `${required}${kind(value)}`, `${value.description ?? ""}${seen ? ` See ${seen}.` : ""}`];
    };
    const lead = schema.description ? `${schema.description}\n\n` : "";
    sections.push(() => `## ${title}\n\n${lead}${table(["Key", "Value", "What it says"], entries.map(row))}`);
    for (const block of inner) if (!known.has(shapeOf(block.schema))) describe(block.schema, block.path);
  }

  describe(manifest, "");
  const reach = Object.entries(places).map(([place, { names: reached, secrets, free }]) => [
    `\`${place}\``,
    free ? "the data itself: its own keys are the names" : reached.map((name) => `\`${name}\``).join(", "),
    secrets && !free ? "yes" : "no",
  ]);
  const parts = Object.entries(names).map(([name, members]) => [
    `\`${name}\``,
    members ? members.map((member) => `\`${member}\``).join(", ") : "as declared, or as the provider gives it",
  ]);
  return `# Reference of the manifest language

Every key, from the schema that manifests are checked with. Made by \`npm run generate\`; \`npx jackfield schema\` prints the schema for
editors. A **template** is a text with holes, \`{{ … }}\`; an **expression** is bare [JSONata](https://jsonata.org). How they are used is told in
[the guide](guide.md), one behaviour at a time in [the cookbook](behaviours.md).

${sections.map((section) => section()).join("\n\n")}

## Names in reach

By the place where a template or an expression stands. Secrets are tokens, secret fields, an app's secrets and a hook's secret.

${table(["Place", "Names", "Secrets"], reach)}

## Parts of names

What is captured stands beside these: \`callback.<name>\`, \`token.<name>\`, \`connection.<name>\`.

${table(["Name", "Parts"], parts)}
`;
}
