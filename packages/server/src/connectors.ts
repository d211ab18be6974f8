import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log, Registry, Store } from "@jackfield/engine";
import { type Compilation, type CompileOptions, type Connector, compile, formatProblem, type Problem } from "@jackfield/manifest";

/*
 * The connectors that this deployment knows: the built-in folder, the operator's own folder, and the manifests published at run
 * time; of the same name the later wins. One bad manifest never keeps the others away: its problems are logged.
 */

/** Where a connector's manifest came from. */
export type Source = "built_in" | "folder" | "published";

export interface Catalog extends Registry {
  /** Compiles a manifest by the rules of this deployment. */
  compile: Compile;
  /** Adds or replaces a connector; false when it stays hidden here. */
  put(connector: Connector): boolean;
  source(name: string): Source | undefined;
  /** The connector's picture: its own file, or undefined when there is none. */
  icon(name: string): Promise<Buffer | undefined>;
}

export type Compile = (text: string, options: Pick<CompileOptions, "file" | "folder">) => Compilation;

export interface Folder {
  readonly path: string;
  readonly source: Exclude<Source, "published">;
}

interface Entry {
  readonly connector: Connector;
  readonly source: Source;
  /** The connector's own folder; a published one has none. */
  readonly folder: string | undefined;
}

export interface CatalogOptions {
  readonly folders: readonly Folder[];
  readonly published: Store["manifests"];
  /** Connectors of which this is not true are not shown and cannot be used. */
  readonly usable: (connector: Connector) => boolean;
  /** To which hosts this deployment may speak without TLS. */
  readonly plainHttp: NonNullable<CompileOptions["plainHttp"]>;
  readonly log: Log;
}

/** How many manifests are read at once: enough to keep the disk busy, far below any limit of open files. */
const readers = 32;

/** Loads everything. Throws `Error` when a folder cannot be read. */
export async function loadCatalog(options: CatalogOptions): Promise<Catalog> {
  const entries = new Map<string, Entry>();
  const compileHere: Compile = (text, named) => compile(text, { ...named, plainHttp: options.plainHttp });
  const add = (entry: Entry): boolean => {
    if (!options.usable(entry.connector)) return false;
    entries.set(entry.connector.name, entry);
    return true;
  };
  for (const folder of options.folders) {
    for (const entry of await loadFolder(folder, compileHere, options.log)) {
      const before = entries.get(entry.connector.name);
      if (before !== undefined)
        options.log("warn", "a connector is replaced by a later folder", { connector: entry.connector.name });
      add(entry);
    }
  }
  for (const { name, text } of await options.published.list()) {
    const { connector, problems } = compileHere(text, { file: `${name} (published)`, folder: name });
    report(problems, options.log);
    if (connector !== undefined) add({ connector, source: "published", folder: entries.get(name)?.folder });
  }

  return {
    compile: compileHere,
    get: (name) => entries.get(name)?.connector,
    list: () => [...entries.values()].map((entry) => entry.connector).sort((a, b) => (a.name < b.name ? -1 : 1)),
    put: (connector) => add({ connector, source: "published", folder: entries.get(connector.name)?.folder }),
    source: (name) => entries.get(name)?.source,
    async icon(name) {
      const entry = entries.get(name);
      return entry?.folder === undefined ? undefined : await readIfThere(join(entry.folder, entry.connector.icon));
    },
  };
}

async function loadFolder(folder: Folder, compileHere: Compile, log: Log): Promise<Entry[]> {
  const names = await folderNames(folder);
  const loaded = new Array<Entry | undefined>(names.length);
  let next = 0;
  const reader = async () => {
    for (let at = next++; at < names.length; at = next++) loaded[at] = await load(folder, names[at] as string, compileHere, log);
  };
  await Promise.all(Array.from({ length: readers }, reader));
  return loaded.filter((entry) => entry !== undefined);
}

async function folderNames(folder: Folder): Promise<string[]> {
  try {
    const found = await readdir(folder.path, { withFileTypes: true });
    return found
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (folder.source === "built_in" && isMissing(cause)) return [];
    throw new Error(`CONNECTORS_DIR ${folder.path} cannot be read. Give a folder whose subfolders hold a connector.yaml each.`, {
      cause,
    });
  }
}

async function load(folder: Folder, name: string, compileHere: Compile, log: Log): Promise<Entry | undefined> {
  const path = join(folder.path, name);
  const file = join(path, "connector.yaml");
  try {
    const text = await readIfThere(file);
    if (text === undefined) return undefined;
    const { connector, problems } = compileHere(text.toString("utf8"), { file, folder: name });
    report(problems, log);
    return connector === undefined ? undefined : { connector, source: folder.source, folder: path };
  } catch (error) {
    log("error", "a manifest cannot be read", { file, error: String(error) });
    return undefined;
  }
}

/** One line of the log for each problem; warnings only for those who ask for details. */
function report(problems: readonly Problem[], log: Log): void {
  for (const problem of problems)
    log(problem.severity === "error" ? "error" : "debug", formatProblem(problem), { code: problem.code });
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOENT" || code === "ENOTDIR";
}
