import { parseArgs } from "node:util";
import { type ExitCode, type Io, UsageError } from "../command.ts";
import { writeConnector } from "./connector-folder.ts";
import { readData } from "./data-file.ts";
import type { Entry } from "./nango/draft.ts";
import { type Imported, importNango } from "./nango.ts";

interface Written extends Imported {
  readonly file: string | undefined;
}

/** Imports providers of a catalogue; exit status 1 if one could not be. */
export async function runNango(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { out: { type: "string" }, json: { type: "boolean" } },
    allowPositionals: true,
  });
  const [file, ...chosen] = positionals;
  if (file === undefined) throw new UsageError("`import nango` needs a file.");
  const catalogue = await readCatalogue(file);
  for (const name of chosen) {
    if (!Object.hasOwn(catalogue, name)) throw new UsageError(`There is no provider \`${name}\` in ${file}.`);
  }
  const providers = chosen.length > 0 ? chosen : Object.keys(catalogue);
  const results: Written[] = [];
  for (const provider of providers) results.push(await write(importNango(catalogue, provider), values.out));
  if (values.json === true) io.out(`${JSON.stringify({ providers: results.map(asJson) }, null, 2)}\n`);
  else report(results, values.out !== undefined, io);
  return results.every(({ text }) => text !== undefined) ? 0 : 1;
}

async function readCatalogue(file: string): Promise<Readonly<Record<string, Entry>>> {
  const data = await readData(file);
  const isMap = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(data) || !Object.values(data as object).every(isMap)) throw new UsageError(`${file} holds no map of providers.`);
  return data as Record<string, Entry>;
}

async function write(imported: Imported, folder: string | undefined): Promise<Written> {
  if (folder === undefined || imported.text === undefined) return { ...imported, file: undefined };
  const file = await writeConnector(folder, imported.name, imported.text);
  if (file !== undefined) return { ...imported, file };
  return { ...imported, file, text: undefined, reason: `${folder}/${imported.name} is there already` };
}

const asJson = ({ provider, name, text, file, reason, notes }: Written) => ({
  provider,
  name,
  imported: text !== undefined,
  file,
  manifest: file === undefined ? text : undefined,
  reason,
  notes,
});

/** Manifests go to stdout, as a stream of YAML documents; what is said about them goes to stderr, unless they went into files. */
function report(results: readonly Written[], isWritten: boolean, io: Io): void {
  const say = (line: string) => (isWritten ? io.out(line) : io.error(line));
  for (const { provider, text, file, reason, notes } of results) {
    if (text !== undefined && !isWritten) io.out(results.length > 1 ? `---\n${text}` : text);
    say(text === undefined ? `${provider}: not imported: ${reason}\n` : `${provider}: ${file ?? "imported"}\n`);
    for (const { key, message } of notes) say(`  ${key}: ${message}\n`);
  }
  const imported = results.filter(({ text }) => text !== undefined).length;
  say(`${imported} of ${results.length} imported\n`);
}
