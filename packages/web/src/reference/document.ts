/** What the pages read of an OpenAPI document. */

export interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly description?: string; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
  /** Absent: anybody. */
  readonly "x-roles"?: readonly string[];
}

export interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly "x-error-codes"?: Readonly<Record<string, ErrorCode>>;
}

export interface ErrorCode {
  readonly status: number;
  readonly audience: string;
  readonly message: string;
  readonly hint: string;
}

export interface Described extends Operation {
  readonly path: string;
  readonly method: string;
}

/** The operations of a group that have the words in their path, name or summary. */
export function operationsOf({ paths }: Document, tag: string, search: string): readonly Described[] {
  const words = search.trim().toLowerCase();
  return Object.entries(paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })))
    .filter(({ tags }) => tags.includes(tag))
    .filter((each) => `${each.path} ${each.operationId} ${each.summary}`.toLowerCase().includes(words));
}

/** What a schema is in a few words: its type, and its bounds. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const several = schema.anyOf ?? schema.allOf;
  if (several !== undefined) return several.map(typeOf).join(schema.anyOf ? " | " : " & ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return [schema.format ?? schema.type ?? "any", ...bounds(schema)].join(", ");
}

function bounds({ minimum, maximum, minLength, maxLength, pattern }: Schema): string[] {
  const range = (low: number | undefined, high: number | undefined, unit: string) =>
    low === undefined
      ? high === undefined
        ? []
        : [`at most ${high}${unit}`]
      : [high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`];
  return [
    ...range(minimum, maximum, ""),
    ...range(minLength, maxLength, " characters"),
    ...(pattern === undefined ? [] : [pattern]),
  ];
}

const nameOf = (reference: string) => reference.split("/").at(-1) ?? "";

/** The schema behind a reference, with the members of all its parts. */
export function resolved({ components }: Document, schema: Schema): Schema {
  const target = schema.$ref === undefined ? schema : (components.schemas[nameOf(schema.$ref)] ?? {});
  if (target.allOf === undefined) return target;
  const parts = target.allOf.map((part) => resolved({ components } as Document, part));
  return {
    ...target,
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required = [] }) => required),
  };
}

/** The schema whose members are worth showing: of a list that of an item, of a choice the first that has some. */
export function inner(document: Document, schema: Schema): Schema | undefined {
  const target = resolved(document, schema);
  if (target.properties !== undefined) return target;
  if (target.items !== undefined) return inner(document, target.items);
  for (const choice of target.anyOf ?? []) {
    const found = inner(document, choice);
    if (found !== undefined) return found;
  }
  return undefined;
}
