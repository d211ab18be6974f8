import { manifestJsonSchema } from "@jackfield/manifest";
import { type Command, UsageError } from "../command.ts";
import { testJsonSchema } from "../connector-test/format.ts";

/** What has a JSON Schema, by the word that asks for it. */
const schemas: Readonly<Record<string, () => object>> = { manifest: manifestJsonSchema, test: () => testJsonSchema };

/** Prints a JSON Schema, for editors. */
export const schema: Command = {
  summary: "Print the JSON Schema of a manifest or a test, for editors.",
  usage: `jackfield schema [manifest|test]

Prints the JSON Schema of a connector.yaml (the default) or of a test.yaml.`,
  run([name = "manifest", ...more], io) {
    if (!Object.hasOwn(schemas, name) || more.length > 0)
      throw new UsageError(`\`schema\` takes ${Object.keys(schemas).join(" or ")}.`);
    io.out(schemaText(name));
    return 0;
  },
};

/** A JSON Schema as it is written to a file. */
export const schemaText = (name = "manifest"): string => `${JSON.stringify(schemas[name]?.(), null, 2)}\n`;
