import { manifestJsonSchema } from "@jackfield/manifest";
import { type Command, UsageError } from "../command.ts";

/** Prints the JSON Schema of a manifest, for editors. */
export const schema: Command = {
  summary: "Print the JSON Schema of a manifest, for editors.",
  usage: "jackfield schema",
  run(args, io) {
    if (args.length > 0) throw new UsageError("`schema` takes no arguments.");
    io.out(schemaText());
    return 0;
  },
};

/** The JSON Schema as it is written to a file. */
export const schemaText = (): string => `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`;
