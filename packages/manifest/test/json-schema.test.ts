import { Ajv } from "ajv";
import { manifestJsonSchema } from "../src/json-schema.ts";

interface Node {
  readonly properties?: Record<string, Node>;
  readonly description?: string;
}

function* nodes(schema: unknown, path = ""): Generator<[string, Node]> {
  if (typeof schema !== "object" || schema === null) return;
  yield [path, schema as Node];
  for (const [key, inner] of Object.entries(schema)) yield* nodes(inner, `${path}/${key}`);
}

test("every key of the manifest is described", () => {
  const bare: string[] = [];
  for (const [path, { properties }] of nodes(manifestJsonSchema())) {
    if (path.endsWith("/properties") || !properties) continue;
    for (const [key, { description }] of Object.entries(properties)) if (!description) bare.push(`${path}/${key}`);
  }
  expect(bare).toEqual([]);
});

test("the schema is plain draft 7 and always the same", () => {
  const text = JSON.stringify(manifestJsonSchema());
  expect(text).toBe(JSON.stringify(manifestJsonSchema()));
  expect(text).not.toContain('"x-');
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(manifestJsonSchema());
  const manifest = {
    manifest: 1,
    name: "acme",
    title: "Acme",
    base_url: "https://acme.example",
    auth: { none: { type: "none" } },
  };
  expect(validate(manifest)).toBe(true);
  expect(validate({ ...manifest, titel: "x" })).toBe(false);
  expect(validate({ ...manifest, auth: { key: { type: "api_key" } } })).toBe(false);
});
