import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Stores } from "./config.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { type Copied, copyStore, type TellCopy } from "./store/copy.ts";
import { openSharedStore } from "./store/open.ts";
import { openStore } from "./store/sqlite.ts";

export interface Moved extends Copied {
  /** The file that the sealed records open with, where the deployment had no MASTER_KEYS. */
  readonly keyFile: string | undefined;
}

/**
 * Copies the embedded store in DATA_DIR to MONGODB_URL, or back. No server may run with either. Throws `Error` with what to do; see
 * `copyStore`.
 */
export async function moveStore({ dataDir, mongodbUrl }: Stores, to: "mongodb" | "embedded", tell?: TellCopy): Promise<Moved> {
  if (mongodbUrl === undefined) throw new Error("MONGODB_URL must be set: it is the one side; DATA_DIR is the other.");
  const file = join(dataDir, "jackfield.db");
  if (to === "mongodb" && !existsSync(file)) throw new Error(`There is no store in DATA_DIR ${dataDir}.`);
  const folder = openDataFolder(dataDir);
  try {
    refuseSpooled(folder);
    const keyFile = join(dataDir, "keys");
    const copied = await between(file, mongodbUrl, to, tell);
    return { ...copied, keyFile: existsSync(keyFile) ? keyFile : undefined };
  } finally {
    folder.release();
  }
}

async function between(file: string, url: string, to: "mongodb" | "embedded", tell: TellCopy | undefined): Promise<Copied> {
  const shared = await openSharedStore(url);
  try {
    const embedded = openStore(file);
    try {
      return await (to === "mongodb" ? copyStore(embedded, shared, tell) : copyStore(shared, embedded, tell));
    } finally {
      await embedded.close();
    }
  } finally {
    await shared.close();
  }
}

/** What a provider has answered and the store has not taken yet would be lost with this machine. */
function refuseSpooled({ path }: DataFolder): void {
  const spool = join(path, "spool");
  const waiting = existsSync(spool) ? readdirSync(spool).filter((name) => name.endsWith(".json")).length : 0;
  if (waiting === 0) return;
  throw new Error(
    `In ${spool} ${waiting === 1 ? "an answer of a provider waits" : `${waiting} answers of providers wait`} to be stored. ` +
      "Start the server once more until the folder is empty, stop it, and begin again.",
  );
}
