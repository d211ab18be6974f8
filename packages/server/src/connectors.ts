import { EventEmitter } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log, Registry, Store } from "@jackfield/engine";
import {
  type Bases,
  type Compilation,
  type CompileOptions,
  type Connector,
  compile,
  formatProblem,
  type Problem,
} from "@jackfield/manifest";
import type { AuthVersions } from "./auth-versions.ts";

/*
 * The connectors that this deployment knows: the built-in folder, the operator's own folder, and the manifests published at run
 * time; of the same name the later wins. One bad manifest never keeps the others away: its problems are logged.
 */

/** Where a connector's manifest came from. */
export type Source = "built_in" | "folder" | "published";

export interface Catalog extends Registry, Pick<AuthVersions, "follow" | "removeUnused"> {
  /** Compiles a manifest by the rules of this deployment. */
  compile: Compile;
  /** Adds or replaces a connector, whose text others may extend; false when it stays hidden here. */
  put(connector: Connector, text: string): boolean;
  /** As `put`, for a text that is not stored: the connector stays where it came from. */
  preview(connector: Connector, text: string): boolean;
  /** Calls `listener` whenever a connector of that name is added or replaced, until the result is called. */
  watch(name: string, listener: () => void): () => void;
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
  readonly versions: AuthVersions;
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
  const texts = new Map<string, string>();
  const bases: Bases = { text: (name) => texts.get(name), names: () => [...texts.keys()] };
  const compileHere: Compile = (text, named) => compile(text, { ...named, bases, plainHttp: options.plainHttp });
  const add = (entry: Entry): boolean => {
    if (!options.usable(entry.connector)) return false;
    entries.set(entry.connector.name, entry);
    return true;
  };
  const folders: Manifest[][] = [];
  const published = await options.published.list();
  // All texts are read before any is compiled: a manifest may extend one that comes later.
  for (const folder of options.folders) folders.push(await readFolder(folder, options.log));
  for (const { name, text } of [...folders.flat(), ...published]) texts.set(name, text);
  for (const manifests of folders) {
    for (const entry of manifests.map((manifest) => load(manifest, compileHere, options.log))) {
      if (entry === undefined) continue;
      const before = entries.get(entry.connector.name);
      if (before !== undefined)
        options.log("warn", "a connector is replaced by a later folder", { connector: entry.connector.name });
      add(entry);
    }
  }
  for (const { name, text } of published) {
    const { connector, problems } = compileHere(text, { file: `${name} (published)`, folder: name });
    report(problems, options.log);
    if (connector !== undefined) add({ connector, source: "published", folder: entries.get(name)?.folder });
  }

  for (const { connector } of entries.values()) await options.versions.follow(connector);

  const changes = new EventEmitter().setMaxListeners(0);
  const replace = (entry: Entry, text: string): boolean => {
    texts.set(entry.connector.name, text);
    const shown = add(entry);
    changes.emit(entry.connector.name);
    return shown;
  };
  const folderOf = (name: string) => entries.get(name)?.folder;

  return {
    ...options.versions,
    compile: compileHere,
    get: (name) => entries.get(name)?.connector,
    list: () => [...entries.values()].map((entry) => entry.connector).sort((a, b) => (a.name < b.name ? -1 : 1)),
    put: (connector, text) => replace({ connector, source: "published", folder: folderOf(connector.name) }, text),
    preview: (connector, text) =>
      replace({ connector, source: entries.get(connector.name)?.source ?? "folder", folder: folderOf(connector.name) }, text),
    watch(name, listener) {
      changes.on(name, listener);
      return () => changes.off(name, listener);
    },
    source: (name) => entries.get(name)?.source,
    async icon(name) {
      const entry = entries.get(name);
      return entry?.folder === undefined ? undefined : await readIfThere(join(entry.folder, entry.connector.icon));
    },
  };
}

/** A manifest as it stands in a folder. */
interface Manifest {
  readonly name: string;
  readonly text: string;
  /** The connector's own folder. */
  readonly path: string;
  readonly source: Folder["source"];
}

async function readFolder(folder: Folder, log: Log): Promise<Manifest[]> {
  const names = await folderNames(folder);
  const read = new Array<Manifest | undefined>(names.length);
  let next = 0;
  const reader = async () => {
    for (let at = next++; at < names.length; at = next++) read[at] = await readManifest(folder, names[at] as string, log);
  };
  await Promise.all(Array.from({ length: readers }, reader));
  return read.filter((manifest) => manifest !== undefined);
}

async function readManifest(folder: Folder, name: string, log: Log): Promise<Manifest | undefined> {
  const path = join(folder.path, name);
  const file = join(path, "connector.yaml");
  try {
    const text = await readIfThere(file);
    return text === undefined ? undefined : { name, text: text.toString("utf8"), path, source: folder.source };
  } catch (error) {
    log("error", "a manifest cannot be read", { file, error: String(error) });
    return undefined;
  }
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

function load({ name, text, path, source }: Manifest, compileHere: Compile, log: Log): Entry | undefined {
  const { connector, problems } = compileHere(text, { file: join(path, "connector.yaml"), folder: name });
  report(problems, log);
  return connector === undefined ? undefined : { connector, source, folder: path };
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
