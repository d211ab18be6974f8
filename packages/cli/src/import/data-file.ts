import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { UsageError } from "../command.ts";

/** The data of a JSON or YAML file. Throws `UsageError` if it cannot be read. */
export async function readData(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read.`, { cause: error });
  }
  try {
    // Catalogues share parts with anchors, so that there may be many aliases.
    return /^\s*\{/.test(text) ? JSON.parse(text) : parse(text, { maxAliasCount: 10_000, merge: true });
  } catch (error) {
    throw new UsageError(`${file} is neither JSON nor YAML: ${(error as Error).message}`, { cause: error });
  }
}
