import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Command } from "../command.ts";
import { schemaText } from "./schema.ts";

/** The files of the repository that are made by the program, and what they hold. */
const generated: Readonly<Record<string, () => string>> = {
  "connectors/connector.schema.json": schemaText,
};

/** Writes the generated files, or tells whether they are up to date. */
export const generate: Command = {
  summary: "Write the repository's generated files.",
  usage: "jackfield generate [--check]\n\n--check   change nothing; exit with 1 if a file is out of date",
  async run(args, io) {
    const { check = false } = parseArgs({ args: [...args], options: { check: { type: "boolean" } } }).values;
    let stale = false;
    for (const [file, content] of Object.entries(generated)) {
      if ((await readFile(file, "utf8").catch(() => undefined)) === content()) continue;
      stale = true;
      if (check) io.error(`${file} is out of date; run \`npm run generate\`.\n`);
      else await writeFile(file, content());
    }
    return check && stale ? 1 : 0;
  },
};
