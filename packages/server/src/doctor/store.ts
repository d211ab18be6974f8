import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { lookIntoSqlite, openSqlite, type Sqlite } from "../store/database.ts";
import { migrations } from "../store/migrations.ts";
import type { HostStore } from "../store/port.ts";
import { storeOver } from "../store/sqlite.ts";
import type { Remark } from "./doctor.ts";

/** A store that is looked at beside the processes that use it; nothing in it is changed. */
export interface StoreLook {
  readonly store: Pick<HostStore, "time" | "notes" | "isSealedWith" | "manifests" | "auth_versions" | "close">;
  /** What kind of store it is, for people. */
  readonly is: string;
  faults(): Promise<readonly Remark[]>;
  /** ISO 8601; of the newest event, where that tells something of the clock. */
  newest(): Promise<string | undefined>;
}

/** The file of a data folder; undefined where there is none yet. Throws where it is no store. */
export function lookIntoFile(folder: string): StoreLook | undefined {
  const file = join(folder, "jackfield.db");
  if (!existsSync(file)) return undefined;
  const sqlite = lookIntoSqlite(file);
  return {
    store: storeOver(sqlite),
    is: `SQLite in ${file}`,
    faults: async () => fileFaults(sqlite, file),
    newest: async () => sqlite.get<{ at: string | null }>("SELECT max(at) AS at FROM events")?.at ?? undefined,
  };
}

/** Throws as `openMongoStore`. The driver is loaded only where it is needed. */
export async function lookIntoDatabase(url: string): Promise<StoreLook> {
  const { lookIntoMongo } = await import("../store/mongodb/mongodb.ts");
  const { store, version, faults } = await lookIntoMongo(url);
  return {
    store,
    is: `MongoDB ${version}`,
    async faults() {
      const cure = "A process that starts makes what is missing. If it does not, its log says why.";
      return (await faults()).map((says) => ({ level: "warning", says, cure }));
    },
    newest: async () => undefined,
  };
}

const restore = "Restore it from a backup.";

function fileFaults(sqlite: Sqlite, file: string): readonly Remark[] {
  const [check] = sqlite.all<{ quick_check: string }>("PRAGMA quick_check(1)");
  if (check?.quick_check !== "ok")
    return [{ level: "problem", says: `${file} is damaged: ${check?.quick_check}.`, cure: restore }];
  const version = sqlite.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
  if (version > migrations.length) {
    return [
      {
        level: "problem",
        says: `${file} was written by a newer version of Jackfield.`,
        cure: "Start that version or a newer one.",
      },
    ];
  }
  if (version < migrations.length) {
    const says = `${file} is of an older version (${version} of ${migrations.length}).`;
    return [{ level: "warning", says, cure: "The next start brings it up to date. Back it up before." }];
  }
  return [...indexFaults(sqlite), ...logFaults(sqlite, file)];
}

function indexFaults(sqlite: Sqlite): readonly Remark[] {
  const model = openSqlite(":memory:");
  try {
    const named = (from: Sqlite) =>
      from
        .all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        .map(({ name }) => name);
    const there = new Set(named(sqlite));
    return named(model)
      .filter((name) => !there.has(name))
      .map((name) => ({ level: "problem", says: `The index ${name} is missing.`, cure: restore }));
  } finally {
    model.close();
  }
}

/** A log that is never written back grows without end, and every read goes through it. */
const longLog = 256 << 20;

function logFaults(sqlite: Sqlite, file: string): readonly Remark[] {
  const mode = sqlite.get<{ journal_mode: string }>("PRAGMA journal_mode")?.journal_mode;
  if (mode !== "wal") {
    const cure = "The next start sets it. If it does not, the file system of DATA_DIR is not fit: use a local one.";
    return [{ level: "warning", says: `The journal mode is ${mode}, not wal.`, cure }];
  }
  const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size < longLog) return [];
  const says = `The write-ahead log holds ${Math.round(size / (1 << 20))} MiB.`;
  return [{ level: "warning", says, cure: "Something keeps the file open for long, such as a backup. Restart the process." }];
}
