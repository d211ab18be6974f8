import { parseArgs } from "node:util";
import { type Command, type Io, UsageError } from "../command.ts";
import { type ManifestFile, manifestsAt } from "../manifest-file.ts";
import { checkFiles } from "../validate/check.ts";
import { countOf, type Format, formats, isFormat } from "../validate/format.ts";

const usage = `jackfield validate FILE|FOLDER… [--format text|json|github] [--json]

Checks manifests. Of a folder, every connector.yaml below it is checked, and that its folder has the connector's name.

--format text     every problem with its line and its cure (default)
--format json     {files: [{file, problems}]}; --json is the same
--format github   workflow commands of GitHub Actions, shown beside the lines of a change`;

/** Checks manifests and prints every problem with its place and its cure. */
export const validate: Command = {
  summary: "Check manifests and show every problem.",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, format: { type: "string" } },
      allowPositionals: true,
    });
    const format = formatOf(values.format, values.json === true);
    if (positionals.length === 0) throw new UsageError("`validate` needs at least one file or folder.");
    const files: ManifestFile[] = [];
    for (const argument of positionals) files.push(...(await manifestsAt(argument)));
    const checked = await checkFiles(files, progressOf(io, files.length));
    formats[format](checked, io);
    return countOf(checked, "error") > 0 ? 1 : 0;
  },
};

function formatOf(name: string | undefined, json: boolean): Format {
  const format = name ?? (json ? "json" : "text");
  if (!isFormat(format)) throw new UsageError(`There is no format \`${format}\`: choose ${Object.keys(formats).join(", ")}.`);
  if (json && format !== "json") throw new UsageError(`--json and --format ${format} exclude each other.`);
  return format;
}

/** Tells how far it is, from the second second on. */
function progressOf(io: Io, total: number): (count: number) => void {
  const began = performance.now();
  let shown = 0;
  return (count) => {
    const now = performance.now();
    if (!io.progress || now - began < quiet || (now - shown < pause && count < total)) return;
    shown = now;
    io.progress(count < total ? `${count} of ${total} manifests` : "");
  };
}

/** Milliseconds. */
const quiet = 1000;
const pause = 100;
