import { chmodSync, closeSync, existsSync, openSync } from "node:fs";
import { JackfieldError } from "@jackfield/engine";
import Database from "libsql";
import { migrations } from "./migrations.ts";

/*
 * The one SQLite file: WAL, every commit on disk before it is answered. All calls are synchronous, so a transaction is never
 * interleaved with another request of this process, and the folder's lock keeps other processes away.
 */

/** What SQLite takes and gives. */
export type Value = string | number | null;

export interface Sqlite {
  /** The first row, or undefined. */
  get<Row>(sql: string, ...values: readonly Value[]): Row | undefined;
  all<Row>(sql: string, ...values: readonly Value[]): Row[];
  /** Gives how many rows were changed. */
  run(sql: string, ...values: readonly Value[]): number;
  /** Runs `work` in one transaction; when it throws, nothing has happened. */
  transaction<T>(work: () => T): T;
  /**
   * As `transaction`, for what is written often: soon, and in one commit with what else comes at the same time, as it is the commit that
   * takes its time. Resolves when it is on disk; one that throws keeps no other from being written.
   */
  write<T>(work: () => T): Promise<T>;
  close(): void;
}

export interface Opening {
  /** Beside the process that has the store for itself: the tables must be of this version. */
  readonly beside?: boolean;
}

/**
 * Opens the file, creating it with mode 0600, and brings its tables to this version; `:memory:` is gone when it is closed. Throws `Error`
 * with what to do.
 */
export function openSqlite(file: string, { beside = false }: Opening = {}): Sqlite {
  if (file !== ":memory:") keepPrivate(file);
  // Statements that the driver still holds would keep SQLite from emptying the log by itself.
  return over(prepared(file, beside), (database) => database.pragma("wal_checkpoint(TRUNCATE)"));
}

/** Opens a file that another process may have open too, and changes nothing in it. Throws SQLite's error where it is none of its files. */
export function lookIntoSqlite(file: string): Sqlite {
  const database = new Database(file, { timeout: 5000 });
  try {
    database.pragma("query_only = ON");
    return over(database, () => {});
  } catch (error) {
    database.close();
    throw error;
  }
}

function over(database: Database.Database, beforeClose: (database: Database.Database) => void): Sqlite {
  const statements = new Map<string, Database.Statement>();
  const writes = createWrites(database);
  let closed = false;

  const statement = (sql: string) => {
    if (closed) throw new JackfieldError("store_unavailable", { detail: "The store is closed." });
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const made = database.prepare(sql);
    statements.set(sql, made);
    return made;
  };

  return {
    get: <Row>(sql: string, ...values: readonly Value[]) => guarded(() => statement(sql).get([...values]) as Row | undefined),
    all: <Row>(sql: string, ...values: readonly Value[]) => guarded(() => statement(sql).all([...values]) as Row[]),
    run: (sql, ...values) => guarded(() => statement(sql).run([...values]).changes),
    transaction: (work) => guarded(() => inTransaction(database, work)),
    write: writes.add,
    close() {
      if (closed) return;
      writes.flush();
      closed = true;
      statements.clear();
      beforeClose(database);
      database.close();
    },
  };
}

/** What a record stands in, by column. */
export type Columns = Readonly<Record<string, Value>>;

/** Inserts a row; gives 0 where it is ignored. */
export function insertRow(sqlite: Sqlite, table: string, columns: Columns, or: "" | "OR IGNORE" | "OR REPLACE" = ""): number {
  const names = Object.keys(columns);
  const sql = `INSERT ${or} INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  return sqlite.run(sql, ...Object.values(columns));
}

function keepPrivate(file: string): void {
  if (!existsSync(file)) closeSync(openSync(file, "ax", 0o600));
  // SQLite gives its side files the mode of the main file.
  else chmodSync(file, 0o600);
}

function inTransaction<T>(database: Database.Database, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

interface Writes {
  add<T>(work: () => T): Promise<T>;
  flush(): void;
}

/** What waits to be written until the turn of the event loop ends in which the first of them came. */
function createWrites(database: Database.Database): Writes {
  let waiting: { readonly run: () => () => void; readonly fail: (error: unknown) => void }[] = [];
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    if (all.length === 0) return;
    try {
      const answers = guarded(() => inTransaction(database, () => all.map(({ run }) => run())));
      for (const answer of answers) answer();
    } catch (error) {
      for (const { fail } of all) fail(error);
    }
  };
  return {
    add: <T>(work: () => T) =>
      new Promise<T>((resolve, reject) => {
        const run = () => {
          try {
            const result = guarded(() => inSavepoint(database, work));
            return () => resolve(result);
          } catch (error) {
            // Where SQLite itself has given the whole transaction up, so must the others.
            if (!database.inTransaction) throw error;
            return () => reject(error);
          }
        };
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ run, fail: reject });
      }),
    flush,
  };
}

function inSavepoint<T>(database: Database.Database, work: () => T): T {
  database.exec("SAVEPOINT one");
  try {
    const result = work();
    database.exec("RELEASE one");
    return result;
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK TO one; RELEASE one");
    throw error;
  }
}

/** SQLite's own failures (a full disk, a broken file) become `store_unavailable`; broken constraints are the caller's to read. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const constraint = error instanceof Database.SqliteError && error.code.startsWith("SQLITE_CONSTRAINT");
    if (error instanceof JackfieldError || !(error instanceof Database.SqliteError) || constraint) throw error;
    throw new JackfieldError("store_unavailable", { cause: error });
  }
}

function prepared(file: string, beside: boolean): Database.Database {
  try {
    const database = new Database(file, { timeout: 5000 });
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    const [check] = database.pragma("quick_check(1)") as { readonly quick_check: string }[];
    if (check?.quick_check !== "ok")
      throw new Error(`The store ${file} is damaged (${check?.quick_check}). Restore it from a backup.`);
    migrate(database, file, beside);
    return database;
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause;
    const damaged = ["SQLITE_NOTADB", "SQLITE_CORRUPT"].includes(cause.code);
    const words = damaged ? "is not a readable store. Restore it from a backup" : `cannot be opened (${cause.message})`;
    throw new Error(`The store ${file} ${words}.`, { cause });
  }
}

function migrate(database: Database.Database, file: string, beside: boolean): void {
  const [row] = database.pragma("user_version") as { readonly user_version: number }[];
  const from = row?.user_version ?? 0;
  if (from > migrations.length) {
    throw new Error(`The store ${file} was written by a newer version of Jackfield. Start that version or a newer one.`);
  }
  if (beside && from < migrations.length)
    throw new Error(
      `The server that uses the store ${file} is of an older version than this one. Restart it with this one first.`,
    );
  for (const [index, sql] of migrations.entries()) {
    if (index < from) continue;
    inTransaction(database, () => {
      database.exec(sql);
      database.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
