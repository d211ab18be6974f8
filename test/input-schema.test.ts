import { readdirSync, readFileSync } from "node:fs";
import { type Connector, compile, type Input, type Inputs, inputSchema } from "@jackfield/manifest";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc, { type Arbitrary } from "fast-check";
import { checkForm } from "../packages/engine/src/connection/form.ts";

/* What the schema of an action's inputs says, and what a step takes: two tellings of one manifest. */

const manifest = (input: string) => `manifest: 1
name: shelf
title: Shelf
base_url: https://shelf.example
auth: { key: { type: api_key, test: { request: { path: /me } }, label: "{{ me.name }}", unique_id: me.id } }
options: { kinds: { request: { path: /kinds }, items: body.kinds } }
actions:
  act:
    title: Act
    input: ${input}
    request: { method: POST, path: /act, body: "{{ input }}" }
`;

function inputsOf(input: string): Inputs {
  const { connector, problems } = compile(manifest(input), { file: "connector.yaml" });
  expect([connector?.name, problems.filter(({ severity }) => severity === "error")]).toEqual(["shelf", []]);
  return connector?.actions.act?.input ?? {};
}

test.each([
  [
    "{ a: { min: 2, max: 5, pattern: '[a-z]+' } }",
    { a: { title: "A", type: "string", minLength: 2, maxLength: 5, pattern: "^(?:[a-z]+)$" } },
    [],
  ],
  [
    "{ a: { type: number, min: 0, max: 9.5, required: true } }",
    { a: { title: "A", type: "number", minimum: 0, maximum: 9.5 } },
    ["a"],
  ],
  ["{ a: { type: number, default: 3, required: true } }", { a: { title: "A", type: "number", default: 3 } }, []],
  [
    "{ a: { list: true, label: Names } }",
    { a: { title: "Names", type: "array", items: { type: "string" }, maxItems: 1000 } },
    [],
  ],
  [
    "{ a: { type: url, help: Where it is. } }",
    { a: { title: "A", type: "string", format: "uri", description: "Where it is." } },
    [],
  ],
  [
    "{ a: { type: select, options: [{ label: One, value: 1 }, { label: two, value: two }] } }",
    { a: { title: "A", enum: [1, "two"], description: "1: One." } },
    [],
  ],
  [
    "{ a: { type: select, options: kinds } }",
    { a: { title: "A", type: "string", description: "One of the choices that the drop-down `kinds` lists." } },
    [],
  ],
  ["{ a: { pattern: '(?i)x' } }", { a: { title: "A", type: "string", description: "Must match (?i)x (RE2)." } }, []],
  [
    "{ a: { type: boolean }, b: { required: true, visible_if: input.a } }",
    { a: { title: "A", type: "boolean" }, b: { title: "B", type: "string", description: "Taken only while input.a." } },
    [],
  ],
])("inputs %s become a schema that says the same", (input, properties, required) => {
  expect(inputSchema(inputsOf(input))).toEqual({
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  });
});

/** Values that a caller may think of, for the type of an input. */
function valueFor(input: Input): Arbitrary<unknown> {
  const { type, options, pattern, min, max, list } = input;
  const texts = pattern === undefined ? fc.string({ maxLength: 50 }) : fc.stringMatching(new RegExp(`^(?:${pattern})$`));
  const one: Partial<Record<Input["type"], Arbitrary<unknown>>> = {
    number: fc.oneof(fc.integer({ min: Math.ceil(min ?? -10), max: Math.floor(max ?? 10_000) }), fc.integer()),
    boolean: fc.boolean(),
    date: fc.constantFrom("2026-01-31", "2026-01-31T10:00:00Z"),
    url: fc.webUrl({ validSchemes: ["https"] }),
    path: fc.constantFrom("/", "/a/b"),
    file: fc.constant({ data: "aGk=", name: "hi.txt", type: "text/plain" }),
    object: fc.dictionary(fc.string({ maxLength: 5 }), fc.integer(), { maxKeys: 2, noNullPrototype: true }),
    select: typeof options === "object" ? fc.constantFrom(...options.map(({ value }) => value)) : texts,
  };
  const value = one[type] ?? texts;
  return list ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
}

const folder = "connectors";
const connectors = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(
    ({ name }) => compile(readFileSync(`${folder}/${name}/connector.yaml`, "utf8"), { file: name, bases: basesOf() }).connector,
  )
  .filter((connector): connector is Connector => connector !== undefined);

function basesOf() {
  return { text: (name: string) => readFileSync(`${folder}/${name}/connector.yaml`, "utf8"), names: () => [] };
}

test("whatever the schema of an action of ours lets pass, a step takes", async () => {
  const ajv = new Ajv2020({ strict: true, validateFormats: false });
  const refused: unknown[] = [];
  let checked = 0;
  for (const { name, actions } of connectors) {
    for (const action of Object.values(actions)) {
      const entries = Object.entries(action.input);
      const fits = ajv.compile(inputSchema(action.input));
      const values = fc.record(Object.fromEntries(entries.map(([key, input]) => [key, valueFor(input)])), {
        requiredKeys: entries.filter(([, { required }]) => required).map(([key]) => key),
        noNullPrototype: true,
      });
      for (const value of fc.sample(values, { seed: 4, numRuns: 5 })) {
        // A text of nothing counts as not given, which JSON Schema has no word for.
        if (!fits(value) || Object.values(value).some((each) => each === "")) continue;
        const taken = await checkForm("input", entries, value).then(
          () => "taken",
          (error: Error) => error.message,
        );
        if (taken !== "taken") refused.push({ name, action: action.id, value, taken });
        checked += 1;
      }
    }
  }
  expect(refused).toEqual([]);
  expect(checked).toBeGreaterThan(1000);
});
