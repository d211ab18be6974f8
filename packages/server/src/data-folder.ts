import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

/*
 * The data folder belongs to one process at a time. The lock is the operating system's, held through an empty SQLite file: it ends
 * with the process however that ends, needs no clean-up after kill -9, and is not fooled by process ids that a container uses again.
 */

export interface DataFolder {
  readonly path: string;
  readonly warnings: readonly string[];
  release(): void;
}

/** Another process holds the folder. */
export class FolderInUse extends Error {}

/** Creates the folder with mode 0700 if needed and locks it, unless processes may share it. Throws `Error` with what to do. */
export function openDataFolder(path: string, { shared = false }: { readonly shared?: boolean } = {}): DataFolder {
  const warnings = prepare(path);
  if (shared) return { path, warnings, release() {} };
  const lock = acquire(path);
  // Only for people, and for the message that a second process gives.
  writeFileSync(join(path, "pid"), `${process.pid}\n`, { mode: 0o600 });
  return {
    path,
    warnings,
    release() {
      if (lock.open) lock.close();
    },
  };
}

function prepare(path: string): string[] {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) === 0 || process.platform === "win32") return [];
    // Somebody else's folder with other things in it is not ours to close.
    if (readdirSync(path).length > 0) return [`DATA_DIR ${path} is open to other users of this machine. Run: chmod 700 ${path}`];
    chmodSync(path, 0o700);
    return [];
  } catch (cause) {
    throw new Error(`DATA_DIR ${path} cannot be used: ${reason(cause)}. Choose a folder that this user may write to.`, { cause });
  }
}

function acquire(path: string): Database.Database {
  const file = join(path, "lock");
  try {
    writeFileSync(file, "", { mode: 0o600, flag: "a" });
  } catch (cause) {
    throw new Error(`DATA_DIR ${path} cannot be written to: ${reason(cause)}.`, { cause });
  }
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    const busy = cause instanceof Database.SqliteError && cause.code.startsWith("SQLITE_BUSY");
    if (!busy) throw new Error(`DATA_DIR ${path} cannot be locked: ${reason(cause)}.`, { cause });
    throw new FolderInUse(
      `DATA_DIR ${path} is in use by another Jackfield process${holder(path)}. Stop it first, or start this one with another DATA_DIR.`,
      { cause },
    );
  }
}

function holder(path: string): string {
  try {
    return ` (pid ${readFileSync(join(path, "pid"), "utf8").trim()})`;
  } catch {
    return "";
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
