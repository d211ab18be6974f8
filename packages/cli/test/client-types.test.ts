import { schemaOf } from "../src/client-types/samples.ts";
import { comment, typeOf } from "../src/client-types/typescript.ts";

const oneLine = (text: string) => text.replace(/\s+/g, " ");

test.each<[why: string, samples: unknown[], type: string]>([
  ["a text", ["a"], "string"],
  ["several kinds", ["a", 1, true], "boolean | number | string"],
  ["null among others", [null, "a"], "string | null"],
  ["null alone says nothing", [null], "unknown"],
  ["nothing", [], "unknown"],
  ["a list of what all lists hold", [["a"], [1]], "(number | string)[]"],
  ["an empty list", [[]], "unknown[]"],
  ["what is missing in some is optional", [[{ a: 1, b: 2 }, { a: 3 }]], "{ a: number; b?: number; }[]"],
  ["lists and maps within", [{ "a-b": { c: [null, { d: 1 }] } }], '{ "a-b": { c: ({ d: number; } | null)[]; }; }'],
  ["a list or a map", [{ a: 1 }, [1]], "number[] | { a: number; }"],
  ["an empty map", [{}], "Record<string, unknown>"],
  ["names of JavaScript's own", [JSON.parse('{"__proto__":1,"constructor":"a"}')], "{ __proto__: number; constructor: string; }"],
])("of samples: %s", (_why, samples, type) => {
  expect(oneLine(typeOf(schemaOf(samples)))).toBe(type);
});

test.each<[why: string, schema: Record<string, unknown>, type: string]>([
  ["a constant", { const: 'a"b' }, '"a\\"b"'],
  [
    "choices, each once and null last",
    { anyOf: [{ type: "null" }, { enum: ["a", 1] }, { enum: ["a"] }] },
    '"a" | 1 | "a" | null',
  ],
  ["a map of anything", { type: "object", patternProperties: { "^.*$": { type: "number" } } }, "Record<string, number>"],
  ["a map that holds nothing", { type: "object", additionalProperties: false }, "Record<string, never>"],
  ["what no schema here says", { not: {} }, "unknown"],
])("of a schema: %s", (_why, schema, type) => {
  expect(oneLine(typeOf(schema))).toBe(type);
});

test("a comment holds its words, whatever they are, and nothing else", () => {
  expect(comment(["One.", undefined, null, false, "", "Two\n */ process.exit() /*\u2028 three"], "  ")).toBe(
    "  /** One. Two * / process.exit() /* three */\n",
  );
  expect(comment([])).toBe("");
  const long = comment(["word ".repeat(60)], "    ");
  expect(long.split("\n").every((line) => line.length <= 130)).toBe(true);
  expect(long).toMatch(/^ {4}\/\*\*\n {5}\* word/);
});
