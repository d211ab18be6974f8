import { EventEmitter } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Log, type Named, oneAtATime, type Registry, type Store } from "@jackfield/engine";
import {
  type Bases,
  type Compilation,
  type CompileOptions,
  type Connector,
  compile,
  formatProblem,
  type Problem,
} from "@jackfield/manifest";
import { type AuthVersions, currentVersions } from "./auth-versions.ts";
import type { Config } from "./config.ts";

/*
 * The connectors that this deployment knows: the built-in folder, the operator's own folder, and the manifests published at run
 * time; of the same name the later wins. One bad manifest never keeps the others away: its problems are logged.
 */

/** Where a connector's manifest came from. */
export type Source = "built_in" | "folder" | "published";

export interface Catalog extends Registry, Pick<AuthVersions, "removeUnused"> {
  /** Compiles a manifest by the rules of this deployment. */
  compile: Compile;
  /** Adds or replaces a connector, and with it those that extend it, as what is stored. False when it stays hidden here. */
  put(connector: Connector, text: string): Promise<boolean>;
  /** As `put`, for a text that is not stored: the connector stays where it came from. */
  preview(connector: Connector, text: string): boolean;
  /** Takes what other processes have published since the last look. When this resolves, what was there when it was called is known. */
  look(): Promise<void>;
  /** Undefined where it is known already, or no other process could have brought it. */
  learn(named: Named): Promise<void> | undefined;
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

const builtIn = join(import.meta.dirname, "../../../connectors");

/** The folders of a deployment. */
export function foldersOf({ connectorsDir }: Pick<Config, "connectorsDir">): readonly Folder[] {
  const own = connectorsDir === undefined ? [] : [{ path: connectorsDir, source: "folder" } as const];
  return [{ path: builtIn, source: "built_in" } as const, ...own];
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
  /** Whether other processes use the store as well. Default: no. */
  readonly shared?: boolean;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  readonly log: Log;
}

/**
 * A manifest bears the time at which its process sent it to the store, by a clock that may be another one. As long ago as this is looked for
 * again each time.
 */
const overlapMs = 10 * 60_000;

/** How many manifests are read at once: enough to keep the disk busy, far below any limit of open files. */
const readers = 32;

/** Loads everything. Throws `Error` when a folder cannot be read. */
export async function loadCatalog(options: CatalogOptions): Promise<Catalog> {
  const { clock = Date.now, log, versions } = options;
  const shelf = createShelf(options);
  const { entries, texts } = shelf;
  const folders: Manifest[][] = [];
  const began = clock();
  const published = await options.published.list();
  // All texts are read before any is compiled: a manifest may extend one that comes later.
  for (const folder of options.folders) folders.push(await readFolder(folder, log));
  for (const { name, text } of [...folders.flat(), ...published]) texts.set(name, text);
  for (const manifests of folders) {
    for (const entry of manifests.map((manifest) => load(manifest, shelf.compile, log))) {
      if (entry === undefined) continue;
      const before = entries.get(entry.connector.name);
      if (before !== undefined) log("warn", "a connector is replaced by a later folder", { connector: entry.connector.name });
      shelf.add(entry);
    }
  }
  for (const manifest of published) {
    const entry = shelf.published(manifest);
    if (entry !== undefined) shelf.add(entry);
  }
  for (const { connector } of entries.values()) await versions.follow(connector, "memory");
  const news = createNews(options, shelf, { from: began, published });

  return {
    kept: versions.kept,
    keep: versions.keep,
    removeUnused: versions.removeUnused,
    compile: shelf.compile,
    get: (name) => entries.get(name)?.connector,
    list: () => [...entries.values()].map((entry) => entry.connector).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async put(connector, text) {
      news.taken(connector.name, text);
      const shown = shelf.put({ connector, source: "published", folder: entries.get(connector.name)?.folder }, text);
      for (const each of shown) await versions.follow(each);
      return shown.includes(connector);
    },
    preview(connector, text) {
      const { source = "folder", folder } = entries.get(connector.name) ?? {};
      return shelf.put({ connector, source, folder }, text).includes(connector);
    },
    look: news.look,
    learn: news.learn,
    watch(name, listener) {
      shelf.changes.on(name, listener);
      return () => shelf.changes.off(name, listener);
    },
    source: (name) => entries.get(name)?.source,
    async icon(name) {
      const entry = entries.get(name);
      return entry?.folder === undefined ? undefined : await readIfThere(join(entry.folder, entry.connector.icon));
    },
  };
}

/** The connectors in memory, and the texts that they are compiled from. */
function createShelf({ usable, plainHttp, versions, log }: CatalogOptions) {
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  const changes = new EventEmitter().setMaxListeners(0);
  const bases: Bases = { text: (name) => texts.get(name), names: () => [...texts.keys()] };
  const compileHere: Compile = (text, named) => compile(text, { ...named, bases, plainHttp });
  /** Compiles what was checked once. Its problems are logged: nobody waits for them. */
  const compileAgain = (name: string, text: string, how: string): Connector | undefined => {
    const { connector, problems } = compileHere(text, { file: `${name} (${how})`, folder: name });
    report(problems, log);
    return connector;
  };
  const add = (entry: Entry): boolean => {
    if (!usable(entry.connector)) return false;
    entries.set(entry.connector.name, entry);
    return true;
  };
  const replace = (entry: Entry): boolean => {
    const { name } = entry.connector;
    const before = entries.get(name);
    if (before !== undefined) versions.remember(before.connector);
    const shown = add(entry);
    changes.emit(name);
    return shown;
  };
  return {
    entries,
    texts,
    changes,
    compile: compileHere,
    add,
    /** The entry of a published manifest; undefined where it has errors. */
    published({ name, text }: Published): Entry | undefined {
      const connector = compileAgain(name, text, "published");
      return connector && { connector, source: "published", folder: entries.get(name)?.folder };
    },
    /** Puts a connector, and anew those that extend it; one that would have errors stays as it was. Gives those that are shown. */
    put(entry: Entry, text: string): readonly Connector[] {
      const { name } = entry.connector;
      texts.set(name, text);
      const shown = replace(entry) ? [entry.connector] : [];
      for (const heir of [...entries.values()].filter(({ connector }) => connector.extends === name)) {
        const connector = compileAgain(heir.connector.name, texts.get(heir.connector.name) ?? "", `extends ${name}`);
        if (connector !== undefined && replace({ ...heir, connector })) shown.push(connector);
      }
      return shown;
    },
  };
}

interface Published {
  readonly name: string;
  readonly text: string;
}

interface News extends Pick<Catalog, "look" | "learn"> {
  /** This text was published here. */
  taken(name: string, text: string): void;
}

/** What other processes bring: manifests that they publish, versions that they keep. */
function createNews(
  options: CatalogOptions,
  { entries, texts, published, put }: ReturnType<typeof createShelf>,
  known: { readonly from: number; readonly published: readonly Published[] },
): News {
  const { clock = Date.now, versions } = options;
  /** The published texts that were looked at, whatever came of them. */
  const taken = new Map(known.published.map(({ name, text }) => [name, text]));
  let since = known.from;
  const look = oneAtATime(async () => {
    const from = clock();
    const found = await options.published.list(new Date(since - overlapMs).toISOString());
    const changed = found.filter(({ name, text }) => taken.get(name) !== text);
    // One of them may extend another.
    for (const { name, text } of changed) texts.set(name, text);
    for (const manifest of changed) {
      taken.set(manifest.name, manifest.text);
      const entry = published(manifest);
      if (entry !== undefined) put(entry, manifest.text);
    }
    since = Math.max(since, from);
  });
  const isKnown = ({ connector, auth_version: version }: Named): boolean =>
    texts.has(connector) && (!version || versions.has(version) || isCurrent(entries.get(connector)?.connector, version));
  const learn = async (named: Named): Promise<void> => {
    await look();
    if (named.auth_version && !isKnown(named)) await versions.learn(named.auth_version);
  };
  return {
    taken: (name, text) => void taken.set(name, text),
    look: async () => (options.shared ? look() : undefined),
    learn: (named) => (!options.shared || isKnown(named) ? undefined : learn(named)),
  };
}

const isCurrent = (connector: Connector | undefined, version: string) =>
  connector !== undefined && currentVersions(connector).some(({ id }) => id === version);

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
