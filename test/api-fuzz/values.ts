import fc, { type Arbitrary } from "fast-check";

/*
 * Values for a JSON Schema: those that fit, those that nearly fit, and those that were made to do harm. Everything comes from
 * fast-check's own random numbers, so that a seed brings back all of it.
 */

/** The part of JSON Schema that our document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
}

/** How values are made. */
export interface Making {
  /** The schema of a reference within the document. */
  readonly resolve: (reference: string) => Schema;
  /** Values of properties that mean something only if they name something that there is. */
  readonly hints: Readonly<Record<string, Arbitrary<unknown>>>;
}

const texts = [
  "",
  " ",
  "\u0000",
  "a\r\nX-Evil: 1",
  "\u202eevil",
  "\ud800",
  "💥".repeat(50),
  "é".repeat(300),
  "x".repeat(20_000),
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "%00",
  "' OR 1=1 --",
  "{{ fields.api_key }}",
  "<script>alert(1)</script>",
  "NaN",
  "-1",
  "1e999",
  "true",
  "null",
  "2026-13-45T99:99:99Z",
];

const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: [deep(depth - 1)] });

/** What no schema of ours was thought for. */
export const hostile: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...texts) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown[]>(
      null,
      true,
      0,
      -1,
      1.5,
      1e308,
      -0,
      2 ** 53,
      [],
      {},
      [[]],
      [null],
      deep(40),
      // As JSON.parse makes it: a key of its own, and no prototype.
      JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
      Array.from({ length: 300 }, (_, index) => index),
      Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`k${index}`, index])),
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);

/** A hostile text. */
export const hostileText: Arbitrary<string> = fc.oneof(fc.constantFrom(...texts), fc.string({ unit: "binary", maxLength: 40 }));

/** Values that fit a schema. */
export function fitting(schema: Schema, making: Making): Arbitrary<unknown> {
  if (schema.$ref !== undefined) return fitting(making.resolve(schema.$ref), making);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => fitting(each, making)));
  return (byType[schema.type ?? ""] ?? (() => fc.jsonValue({ maxDepth: 2 })))(schema, making);
}

const byType: Readonly<Record<string, (schema: Schema, making: Making) => Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: ({ minimum = -1000, maximum = 1000 }) => fc.integer({ min: minimum, max: maximum }),
  number: ({ minimum = -1000, maximum = 1000 }) => fc.double({ min: minimum, max: maximum, noNaN: true }),
  string: ({ pattern, format, minLength = 0, maxLength = 60 }) => {
    if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    const most = Math.min(maxLength, minLength + 30);
    const text =
      pattern === undefined
        ? fc.string({ unit: "grapheme", minLength, maxLength: most })
        : fc.stringMatching(new RegExp(pattern.replace(/\*\$$/, `{${minLength},${most}}$`)));
    return text.filter((made) => made.length >= minLength && made.length <= maxLength);
  },
  array: ({ items = {}, minItems = 0 }, making) =>
    fc.array(fitting(items, making), { minLength: minItems, maxLength: minItems + 3 }),
  object: ({ properties = {}, required = [], additionalProperties = true, propertyNames }, making) => {
    const known = fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([name, schema]) => [name, making.hints[name] ?? fitting(schema, making)]),
      ),
      { requiredKeys: [...required], noNullPrototype: true },
    );
    if (additionalProperties === false) return known;
    const names = propertyNames === undefined ? fc.string({ maxLength: 12 }) : fitting(propertyNames, making);
    const rest = typeof additionalProperties === "object" ? fitting(additionalProperties, making) : fc.jsonValue({ maxDepth: 1 });
    const more = fc.dictionary(names as Arbitrary<string>, rest, { maxKeys: 2, noNullPrototype: true });
    return fc.tuple(more, known).map(([others, own]) => ({ ...others, ...own }));
  },
};

/** A value that fits but for one place in it: something is missing, too much, or not what it should be. */
export function nearly(schema: Schema, making: Making): Arbitrary<unknown> {
  return fc
    .tuple(fitting(schema, making), fc.nat(), hostile, fc.constantFrom("replace", "drop", "add"))
    .map(([value, at, harm, how]) => damaged(value, at, harm, how));
}

function damaged(value: unknown, at: number, harm: unknown, how: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return harm;
  const entries = Object.entries(value);
  if (how === "add" || entries.length === 0) return { ...value, [how === "add" ? "no_such_key" : "connector"]: harm };
  const index = at % entries.length;
  const [name = "", inner] = entries[index] ?? [];
  if (how === "drop") return Object.fromEntries(entries.toSpliced(index, 1));
  const goOn = typeof inner === "object" && inner !== null && at % 2 === 0;
  return { ...value, [name]: goOn ? damaged(inner, at >> 1, harm, how) : harm };
}

/** Of all kinds. */
export const anyOf = (schema: Schema, making: Making): Arbitrary<unknown> =>
  fc.oneof(
    { weight: 5, arbitrary: fitting(schema, making) },
    { weight: 4, arbitrary: nearly(schema, making) },
    { weight: 1, arbitrary: hostile },
  );
