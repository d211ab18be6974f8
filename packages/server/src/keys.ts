import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { KeyRing } from "@jackfield/engine";
import type { MasterKey } from "./config.ts";
import type { HostStore } from "./store/port.ts";

/*
 * The key ring. Where MASTER_KEYS is not set, one key is generated into a file of the data folder. For every key that was ever in
 * use the store keeps a check value, so that a wrong or lost key is found at the start, before anything is written with it.
 */

/** A ring that tells which keys it has. */
export interface HostKeyRing extends KeyRing {
  readonly ids: readonly string[];
}

/** The ring that the store's records open with. Throws `Error` with what to do; never replaces a key. */
export async function openKeyRing(
  file: string,
  configured: readonly MasterKey[] | undefined,
  store: KeyStore,
): Promise<HostKeyRing> {
  const keys = configured ?? (await fromFile(file, store));
  await compareWithChecks(keys, file, store);
  const ring = new Map(keys.map(({ id, key }) => [id, key]));
  const [active] = ring.keys();
  if (active === undefined) throw new Error("There is no master key.");
  return { active, ids: [...ring.keys()], get: (id) => ring.get(id) };
}

/**
 * Puts a new key in front of those of the file, so that it is the active one from now on. For a process that has the data folder for
 * itself. Gives its id.
 */
export function addKeyTo(file: string): string {
  const made = newKey();
  writeWhole(file, made.line + readFileSync(file, "utf8"), renameSync);
  return made.id;
}

function newKey() {
  const made = { id: `k${randomBytes(4).toString("hex")}`, key: randomBytes(32) };
  return { ...made, line: `${made.id}:${made.key.toString("base64")}\n` };
}

type KeyStore = Pick<HostStore, "notes" | "isSealedWith">;

/** What the store keeps of a key to know it again. */
export function checkValue(key: Buffer): Buffer {
  return createHmac("sha256", key).update("jackfield key check v1").digest();
}

async function compareWithChecks(keys: readonly MasterKey[], file: string, store: KeyStore): Promise<void> {
  const known = await store.notes.list("key_check");
  for (const key of keys) compareWithCheck(key, known.get(key.id));
  const missing = [...known.keys()].filter((id) => !keys.some((key) => key.id === id));
  const needed: string[] = [];
  for (const id of missing) if (await store.isSealedWith(id)) needed.push(id);
  if (needed.length > 0) throw new Error(missingMessage(needed, file));
  for (const id of missing) await store.notes.delete("key_check", id);
  // Another process may have begun with another key of the same id at the same time.
  for (const key of keys) compareWithCheck(key, await store.notes.add("key_check", key.id, checkValue(key.key).toString("hex")));
}

function compareWithCheck({ id, key }: MasterKey, stored: string | undefined): void {
  if (stored === undefined || timingSafeEqual(Buffer.from(stored, "hex"), checkValue(key))) return;
  throw new Error(
    `The master key "${id}" is not the key that the store was sealed with. Give the right key; a new key needs an id of its own.`,
  );
}

function missingMessage(ids: readonly string[], file: string): string {
  const names = ids.map((id) => `"${id}"`).join(", ");
  const inFile = existsSync(file) ? ` The file ${file} may hold it: add its line to MASTER_KEYS, after the active key.` : "";
  return `Records are sealed with the master key ${names}, which is not in the key ring. Give it back (MASTER_KEYS).${inFile}`;
}

async function fromFile(file: string, { notes }: KeyStore): Promise<MasterKey[]> {
  if (existsSync(file)) return readKeyFile(file);
  const [lost] = (await notes.list("key_check")).keys();
  if (lost !== undefined) {
    throw new Error(
      `The key file ${file} is missing, but the store was sealed with the key "${lost}". Restore the file, or give the key in MASTER_KEYS. ` +
        "Without it the stored credentials cannot be opened.",
    );
  }
  const { line, ...made } = newKey();
  // Unlike a rename, a link never replaces a key that is already there.
  writeWhole(file, line, (draft) => {
    linkSync(draft, file);
    rmSync(draft);
  });
  return [made];
}

/** The keys of a file that was generated. Throws `Error` with what to do. */
export function readKeyFile(file: string): MasterKey[] {
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
    throw new Error(`The key file ${file} can be read by other users of this machine. Run: chmod 600 ${file}`);
  }
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const keys = lines.map((line) => {
    const [id = "", encoded = "", ...rest] = line.split(":");
    const key = Buffer.from(encoded, "base64");
    if (id === "" || key.length !== 32 || rest.length > 0) {
      throw new Error(`The key file ${file} is damaged: each line must be id:base64 of 32 bytes. Restore it from a backup.`);
    }
    return { id, key };
  });
  if (keys.length === 0) throw new Error(`The key file ${file} is empty. Restore it from a backup.`);
  return keys;
}

/** The file is there as a whole or not at all, and on disk before anything is sealed with it. */
function writeWhole(file: string, text: string, place: (draft: string, file: string) => void): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  place(draft, file);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
