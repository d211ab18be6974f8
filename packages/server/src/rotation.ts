import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  createSealer,
  JackfieldError,
  type KeyRing,
  masterKeyOf,
  type Place,
  type SealedRecords,
  type SealedText,
  type Sealer,
  sealedIn,
} from "@jackfield/engine";
import type { Config } from "./config.ts";
import { FolderInUse, openDataFolder } from "./data-folder.ts";
import { addKeyTo, openKeyRing } from "./keys.ts";
import { openSpool } from "./spool.ts";
import { openSharedStore } from "./store/open.ts";
import type { HostStore, Resealing, Table } from "./store/port.ts";
import { openStore } from "./store/sqlite.ts";

/*
 * Brings everything that is sealed under the active master key, while servers run. A text is opened, sealed anew, and replaced only if it
 * is still the one that is stored: a refresh that writes meanwhile wins, and has sealed with the active key of its own process. So the
 * store is gone through again until nothing is left, and a run that was killed is simply followed by another.
 */

export interface Rotation {
  /** The active key, under which everything is now. */
  readonly active: string;
  /** Whether this run has made it. */
  readonly made: boolean;
  /** How many texts were sealed anew. */
  readonly sealed: number;
  /** Keys of the ring with which nothing is sealed any more. */
  readonly removable: readonly string[];
  /** Other keys of the ring: with them something is sealed still, in the store or in the spool of this machine. */
  readonly needed: readonly { readonly key: string; readonly where: "store" | "spool" }[];
  /** Where what is sealed cannot be opened with its key: it was damaged. */
  readonly broken: readonly Place[];
}

/** A step of the way: `done` of `total` texts. */
export type Tell = (done: number, total: number) => void;

/** Throws `Error` with what to do, and then has changed nothing. */
export async function rotateKeys(config: Config, tell: Tell = () => {}): Promise<Rotation> {
  const { store, file, attended, close } = await open(config);
  try {
    if (attended) await requireKnown(store, config);
    let keys = await openKeyRing(file, config.masterKeys, store);
    const made = config.masterKeys === undefined && (await left(store, keys.active)) === 0;
    if (made) {
      addKeyTo(file);
      keys = await openKeyRing(file, undefined, store);
    }
    const { sealed, broken } = await sealAnew(store, keys, tell);
    const others = await Promise.all(keys.ids.filter((id) => id !== keys.active).map((id) => whereSealed(id, store, config)));
    const needed = others.filter((other): other is Rotation["needed"][number] => other.where !== undefined);
    const removable = others.filter(({ where }) => where === undefined).map(({ key }) => key);
    return { active: keys.active, made, sealed, removable, needed, broken };
  } finally {
    await close();
  }
}

interface Opened {
  readonly store: HostStore;
  readonly file: string;
  /** Whether servers may be at work with the store. */
  readonly attended: boolean;
  close(): Promise<void>;
}

async function open({ dataDir, masterKeys, mongodbUrl }: Config): Promise<Opened> {
  const file = join(dataDir, "keys");
  if (mongodbUrl !== undefined) {
    const store = await openSharedStore(mongodbUrl);
    return { store, file, attended: true, close: () => store.close() };
  }
  const database = join(dataDir, "jackfield.db");
  if (!existsSync(database)) throw new Error(`There is no store in DATA_DIR ${dataDir}.`);
  const folder = hold(dataDir, masterKeys !== undefined);
  try {
    const store = openStore(database, { beside: folder === undefined });
    const close = async () => {
      await store.close();
      folder?.release();
    };
    return { store, file, attended: folder === undefined, close };
  } catch (error) {
    folder?.release();
    throw error;
  }
}

/** The folder, or undefined where a server has it that knows the keys already: SQLite keeps the two apart, each write is one. */
function hold(dataDir: string, beside: boolean) {
  try {
    return openDataFolder(dataDir);
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    if (beside) return undefined;
    throw new Error(
      `${error.message} A key of the file ${join(dataDir, "keys")} is replaced while no server runs; where the keys are given in MASTER_KEYS, ` +
        "they are replaced while it runs.",
      { cause: error },
    );
  }
}

/** Servers that do not know a key could not open what is sealed with it. Every one that starts notes the keys it knows. */
async function requireKnown(store: HostStore, { masterKeys = [] }: Config): Promise<void> {
  const [active] = masterKeys;
  if (active === undefined || (await store.notes.list("key_check")).has(active.id)) return;
  throw new Error(
    `No server was started with the master key "${active.id}" yet: those that run could not open what is sealed with it. ` +
      "Start every one of them with these MASTER_KEYS first.",
  );
}

const tables = [
  "connections",
  "apps",
  "flows",
  "endpoints",
  "kept_steps",
  "file_chunks",
] as const satisfies readonly (keyof SealedRecords)[];
const pageSize = 50;

/** What is not sealed with a key, a page of one table at a time, each record with its key. */
async function* others(store: HostStore, active: string) {
  for (const table of tables) {
    // Each table goes with the function of its own records.
    const { page } = store.tables[table] as Table<never>;
    const textsOf = sealedIn[table] as (record: never) => readonly SealedText[];
    for (let rows = await page(pageSize); rows.length > 0; rows = await page(pageSize, rows.at(-1)?.key)) {
      const found = rows.map(({ key, record }) => ({
        key,
        texts: textsOf(record).filter(({ text }) => masterKeyOf(text) !== active),
      }));
      yield { table, records: found.filter(({ texts }) => texts.length > 0) };
    }
  }
}

async function left(store: HostStore, active: string): Promise<number> {
  let count = 0;
  for await (const { records } of others(store, active)) for (const { texts } of records) count += texts.length;
  return count;
}

/** How often the store is gone through: who seals more than this with another key meanwhile does so for good. */
const mostTurns = 20;

async function sealAnew(store: HostStore, keys: KeyRing, tell: Tell): Promise<Pick<Rotation, "sealed" | "broken">> {
  const sealer = createSealer(keys, randomBytes);
  const broken = new Map<string, Place>();
  const total = await left(store, keys.active);
  let sealed = 0;
  if (total > 0) tell(sealed, total);
  for (let turn = 1; turn <= mostTurns; turn += 1) {
    let found = 0;
    for await (const { table, records } of others(store, keys.active)) {
      const changes = records.map(({ key, texts }) => ({ key, texts: anew(sealer, texts, broken) }));
      const some = changes.filter(({ texts }) => texts.size > 0);
      if (some.length === 0) continue;
      found += some.length;
      sealed += await store.reseal(table, some);
      tell(sealed, Math.max(total, sealed));
    }
    if (found === 0) break;
  }
  return { sealed, broken: [...broken.values()] };
}

/** What takes the place of each text; notes those that cannot be opened. */
function anew(sealer: Sealer, texts: readonly SealedText[], broken: Map<string, Place>): Resealing["texts"] {
  const replaced = new Map<string, string>();
  for (const { place, text } of texts) {
    try {
      replaced.set(text, sealer.seal(place, sealer.open(place, text)));
    } catch (error) {
      if (!(error instanceof JackfieldError)) throw error;
      broken.set(text, place);
    }
  }
  return replaced;
}

async function whereSealed(key: string, store: HostStore, { dataDir }: Config) {
  if (await store.isSealedWith(key)) return { key, where: "store" as const };
  return { key, where: (await isInSpool(key, dataDir)) ? ("spool" as const) : undefined };
}

/**
 * Answers that the store has not taken yet. Nothing is to be done about them: who stores one seals it with the key of then. But until then
 * it opens with its own key only.
 */
async function isInSpool(key: string, dataDir: string): Promise<boolean> {
  const folder = join(dataDir, "spool");
  if (!existsSync(folder)) return false;
  const mark = `"v1.${Buffer.from(key).toString("base64url")}.`;
  return (await openSpool(folder).list()).some(({ text }) => text.includes(mark));
}
