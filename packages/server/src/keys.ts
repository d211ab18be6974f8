import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { KeyRing } from "@jackfield/engine";
import type { MasterKey } from "./config.ts";
import type { Sqlite } from "./store/database.ts";
import { type Meta, metaTable } from "./store/meta.ts";

/*
 * The key ring. Where MASTER_KEYS is not set, one key is generated into a file of the data folder. For every key that was ever in
 * use the store keeps a check value, so that a wrong or lost key is found at the start, before anything is written with it.
 */

/** The ring that the store's records open with. Throws `Error` with what to do; never replaces a key. */
export function openKeyRing(file: string, configured: readonly MasterKey[] | undefined, sqlite: Sqlite): KeyRing {
  const meta = metaTable(sqlite);
  const keys = configured ?? fromFile(file, meta);
  compareWithChecks(keys, file, sqlite, meta);
  const ring = new Map(keys.map(({ id, key }) => [id, key]));
  const [active] = ring.keys();
  if (active === undefined) throw new Error("There is no master key.");
  return { active, get: (id) => ring.get(id) };
}

const checkPrefix = "key_check/";

function checkValue(key: Buffer): Buffer {
  return createHmac("sha256", key).update("jackfield key check v1").digest();
}

function compareWithChecks(keys: readonly MasterKey[], file: string, sqlite: Sqlite, meta: Meta): void {
  const known = meta.list(checkPrefix);
  for (const { id, key } of keys) {
    const stored = known.get(id);
    if (stored !== undefined && !timingSafeEqual(Buffer.from(stored, "hex"), checkValue(key))) {
      throw new Error(
        `The master key "${id}" is not the key that the store was sealed with. Give the right key; a new key needs an id of its own.`,
      );
    }
  }
  const missing = [...known.keys()].filter((id) => !keys.some((key) => key.id === id));
  const needed = missing.filter((id) => isUsed(sqlite, id));
  if (needed.length > 0) throw new Error(missingMessage(needed, file));
  sqlite.transaction(() => {
    for (const id of missing) meta.delete(`${checkPrefix}${id}`);
    for (const { id, key } of keys) meta.set(`${checkPrefix}${id}`, checkValue(key).toString("hex"));
  });
}

function missingMessage(ids: readonly string[], file: string): string {
  const names = ids.map((id) => `"${id}"`).join(", ");
  const inFile = existsSync(file) ? ` The file ${file} may hold it: add its line to MASTER_KEYS, after the active key.` : "";
  return `Records are sealed with the master key ${names}, which is not in the key ring. Give it back (MASTER_KEYS).${inFile}`;
}

/** Whether any record was sealed with the key: a sealed text names it in its second part. */
function isUsed(sqlite: Sqlite, id: string): boolean {
  const mark = `"v1.${Buffer.from(id).toString("base64url")}.`;
  return ["connections", "apps", "flows", "event_endpoints"].some(
    (table) => sqlite.get(`SELECT 1 AS one FROM ${table} WHERE instr(doc, ?) > 0 LIMIT 1`, mark) !== undefined,
  );
}

function fromFile(file: string, meta: Meta): MasterKey[] {
  if (existsSync(file)) return parse(file);
  const [lost] = meta.list(checkPrefix).keys();
  if (lost !== undefined) {
    throw new Error(
      `The key file ${file} is missing, but the store was sealed with the key "${lost}". Restore the file, or give the key in MASTER_KEYS. ` +
        "Without it the stored credentials cannot be opened.",
    );
  }
  const made = { id: `k${randomBytes(4).toString("hex")}`, key: randomBytes(32) };
  createFile(file, `${made.id}:${made.key.toString("base64")}\n`);
  return [made];
}

function parse(file: string): MasterKey[] {
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
function createFile(file: string, text: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  // Unlike a rename, a link never replaces a key that is already there.
  linkSync(draft, file);
  rmSync(draft);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
