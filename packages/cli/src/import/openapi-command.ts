import { parseArgs } from "node:util";
import { type ExitCode, type Io, UsageError } from "../command.ts";
import { writeConnector } from "./connector-folder.ts";
import { readData } from "./data-file.ts";
import { type ImportedApi, importOpenApi } from "./openapi.ts";

/** Imports an OpenAPI document; exit status 1 if it could not be. */
export async function runOpenApi(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      operations: { type: "string", multiple: true },
      all: { type: "boolean" },
      name: { type: "string" },
      "base-url": { type: "string" },
      out: { type: "string" },
      json: { type: "boolean" },
    },
    allowPositionals: true,
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("`import openapi` needs one file.");
  if (values.all === true && values.operations !== undefined) throw new UsageError("Give `--operations` or `--all`, not both.");
  const chosen = values.operations?.flatMap((ids) => ids.split(",")).map((id) => id.trim());
  const source = await readData(file);
  const operations = values.all === true ? undefined : (chosen ?? []);
  const imported = importOpenApi(source, { operations, name: values.name, baseUrl: values["base-url"] });
  const unknown = (chosen ?? []).filter(
    (id) => imported.reason === undefined && !imported.operations.some((operation) => operation.id === id),
  );
  if (unknown.length > 0) throw new UsageError(`There is no operation ${unknown.join(", ")} in ${file}.`);
  const written =
    imported.text === undefined || values.out === undefined
      ? undefined
      : await writeConnector(values.out, imported.name, imported.text);
  const isThere = values.out !== undefined && imported.text !== undefined && written === undefined;
  const reason = isThere ? `${values.out}/${imported.name} is there already` : imported.reason;
  if (values.json === true) io.out(`${JSON.stringify({ ...asJson(imported), file: written, reason }, null, 2)}\n`);
  else report({ ...imported, reason }, written, io);
  return reason === undefined ? 0 : 1;
}

const asJson = ({ name, text, notes, operations }: ImportedApi) => ({ name, manifest: text, operations, notes });

function report({ name, text, reason, notes, operations }: ImportedApi, file: string | undefined, io: Io): void {
  const say = (line: string) => (file === undefined ? io.error(line) : io.out(line));
  if (reason === undefined && file === undefined && text !== undefined) io.out(text);
  say(reason === undefined ? `${name}: ${file ?? "imported"}\n` : `${name}: not imported: ${reason}\n`);
  for (const { key, message } of notes) say(`  ${key}: ${message}\n`);
  const left = operations.filter(({ action }) => action === undefined);
  say(`${operations.length - left.length} of ${operations.length} operations\n`);
  if (left.length === operations.length) for (const { id } of left) say(`  ${id}\n`);
}
