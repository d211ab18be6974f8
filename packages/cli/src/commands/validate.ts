import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile, formatProblem, type Problem } from "@jackfield/manifest";
import { type Command, type Io, UsageError } from "../command.ts";
import { neighboursOf } from "../neighbours.ts";

const usage = `jackfield validate FILE|FOLDER… [--json]

Checks manifests. Of a folder, every connector.yaml below it is checked, and that its folder has the connector's name.

--json   print {files: [{file, problems}]}`;

/** Checks manifests and prints every problem with its place and its cure. */
export const validate: Command = {
  summary: "Check manifests and show every problem.",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    if (positionals.length === 0) throw new UsageError("`validate` needs at least one file or folder.");
    const checked: Checked[] = [];
    for (const argument of positionals) {
      for (const manifest of await manifestsAt(argument)) {
        checked.push({
          file: manifest.file,
          problems: compile(await readText(manifest.file), { ...manifest, bases: neighboursOf(manifest.file) }).problems,
        });
      }
    }
    if (values.json === true) io.out(`${JSON.stringify({ files: checked.map(asJson) }, null, 2)}\n`);
    else print(checked, io);
    return count(checked, "error") > 0 ? 1 : 0;
  },
};

interface Checked {
  readonly file: string;
  readonly problems: readonly Problem[];
}

interface ManifestFile {
  readonly file: string;
  readonly folder?: string;
}

async function manifestsAt(argument: string): Promise<ManifestFile[]> {
  const found = await stat(argument).catch(() => undefined);
  if (!found) throw new UsageError(`There is no file or folder ${argument}.`);
  if (!found.isDirectory()) return [{ file: argument }];
  const files = await manifestsBelow(argument);
  if (files.length === 0) throw new UsageError(`There is no connector.yaml below ${argument}.`);
  return files;
}

async function manifestsBelow(folder: string): Promise<ManifestFile[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: ManifestFile[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile() && entry.name === "connector.yaml") found.push({ file: path, folder: basename(resolve(folder)) });
    if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
      found.push(...(await manifestsBelow(path)));
  }
  return found;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read.`, { cause: error });
  }
}

function asJson({ file, problems }: Checked) {
  return {
    file,
    problems: problems.map(({ code, severity, path, line, column, message, hint }) => ({
      code,
      severity,
      path,
      line,
      column,
      message,
      hint,
    })),
  };
}

function print(checked: readonly Checked[], io: Io): void {
  for (const { problems } of checked) {
    for (const problem of problems) io.out(`${formatProblem(problem, { colour: io.colour })}\n\n`);
  }
  const errors = plural(count(checked, "error"), "error");
  const warnings = plural(count(checked, "warning"), "warning");
  io.out(`${plural(checked.length, "manifest")}: ${errors}, ${warnings}\n`);
}

function count(checked: readonly Checked[], severity: Problem["severity"]): number {
  return checked.flatMap(({ problems }) => problems).filter((problem) => problem.severity === severity).length;
}

const plural = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
