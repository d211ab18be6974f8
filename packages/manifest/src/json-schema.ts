import { ManifestSchema } from "./schema/manifest.ts";
import type { Place } from "./schema/text.ts";

/** The part of JSON Schema that the manifest's schema uses. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly pattern?: string;
  readonly discriminator?: { readonly propertyName: string };
  readonly "x-template"?: Place;
  readonly "x-expression"?: Place;
}

type Mutable = Record<string, unknown>;

/** How TypeBox writes it down, and how validators and editors give better messages for it. */
function rewrite(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(rewrite);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy: Mutable = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, rewrite(value)]));
  const { patternProperties, anyOf, discriminator } = copy as {
    patternProperties?: Mutable;
    anyOf?: Schema[];
    discriminator?: unknown;
  };
  if (patternProperties) {
    copy.additionalProperties = Object.values(patternProperties)[0];
    delete copy.patternProperties;
  }
  if (anyOf && discriminator) {
    copy.type = "object";
    copy.oneOf = anyOf;
    delete copy.anyOf;
  } else if (anyOf?.every((branch) => branch.const !== undefined)) {
    copy.type = typeof anyOf[0]?.const;
    copy.enum = anyOf.map((branch) => branch.const);
    delete copy.anyOf;
  }
  return copy;
}

/** The schema that manifests are validated with, including the notes on where templates and expressions stand. */
export const manifestSchema = rewrite(JSON.parse(JSON.stringify(ManifestSchema))) as Schema;

/** Notes for the compiler that an editor does not know. */
const ours = new Set(["x-template", "x-expression", "discriminator"]);

function withoutNotes(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutNotes);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !ours.has(key) && !(key === "format" && value === "regular-expression"),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutNotes(value)]));
}

/** The JSON Schema (draft 7) of a `connector.yaml`, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  const {
    required = [],
    properties = {},
    ...rest
  } = withoutNotes(manifestSchema) as Omit<Schema, "properties"> & {
    readonly properties?: Readonly<Record<string, Schema>>;
  };
  const { auth, ...others } = properties;
  const alone = required.filter((key) => inheritable.has(key));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    ...rest,
    required: required.filter((key) => !inheritable.has(key)),
    properties: { ...others, auth: { type: "object", description: auth?.description } },
    // Of what another connector brings along, only the differences stand in a manifest that extends it.
    if: { required: ["extends"] },
    else: { required: alone, properties: { auth } },
  };
}

const inheritable: ReadonlySet<string> = new Set(["base_url", "auth"]);
