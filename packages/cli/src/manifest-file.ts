import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Compilation, compile } from "@jackfield/manifest";
import { UsageError } from "./command.ts";
import { neighboursOf } from "./neighbours.ts";

/** A manifest's file, and the name of its folder where the folder is the connector's own. */
export interface ManifestFile {
  readonly file: string;
  readonly folder?: string;
}

/** The manifest at a path: the file itself, or the connector.yaml of a folder. Throws `UsageError`. */
export async function manifestAt(path: string): Promise<ManifestFile> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UsageError(`There is no file or folder ${path}.`);
  return found.isDirectory() ? { file: join(path, "connector.yaml"), folder: basename(resolve(path)) } : { file: path };
}

/** The manifest at a path; of a folder, every connector.yaml below it. Throws `UsageError`. */
export async function manifestsAt(argument: string): Promise<ManifestFile[]> {
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

/** Compiles a manifest; one that it extends is looked for in the folders beside its own. Throws `UsageError`. */
export async function compileFile({ file, folder }: ManifestFile): Promise<Compilation> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const missing = (error as { code?: unknown }).code === "ENOENT";
    throw new UsageError(missing ? `There is no ${basename(file)} in ${dirname(file)}.` : `${file} cannot be read.`, {
      cause: error,
    });
  }
  return compile(text, { file, folder, bases: neighboursOf(resolve(file)) });
}
