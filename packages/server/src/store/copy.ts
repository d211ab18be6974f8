import { createHash } from "node:crypto";
import type { HostStore, Records, Table } from "./port.ts";

/*
 * Copies one store into another, whatever keeps them. The target notes what is copied into it until the copy has come to its end: no
 * server starts with it before, and a copy that was killed is taken up again. Afterwards both sides are compared, table by table.
 */

export type TableName = keyof Records;

/** In this order, as `Records` says. */
const names: readonly TableName[] = [
  ...([
    "workspaces",
    "keys",
    "sessions",
    "links",
    "connect_sessions",
    "auth_versions",
    "manifests",
    "apps",
    "connections",
  ] as const),
  ...(["flows", "events", "outbox", "endpoints", "deliveries", "usage", "kept_steps", "files", "file_chunks", "notes"] as const),
];

/** What is in a table, whatever the order. */
export interface Content {
  readonly count: number;
  /** A sum of the SHA-256 of every record as canonical JSON, hex. */
  readonly checksum: string;
}

export type Contents = Readonly<Record<TableName, Content>>;

export interface Copied {
  readonly contents: Contents;
  /** How many records were written; 0 where the target was a whole copy before. */
  readonly written: number;
  /** Tables that are not the same on both sides; then the copy has not come to its end. */
  readonly differences: readonly { readonly table: TableName; readonly source: Content; readonly target: Content }[];
}

/** `done` records of `total` were read, copied or compared. */
export type TellCopy = (step: "reading" | "copying" | "comparing", table: TableName, done: number, total: number) => void;

/** Throws `Error` with what to do where the target has data of its own, or the source is written to meanwhile. */
export async function copyStore(source: HostStore, target: HostStore, tell: TellCopy = () => {}): Promise<Copied> {
  await source.recover();
  const contents = await read(source, "reading", tell);
  const id = fingerprint(contents);
  if (!(await isOwn(target, id))) {
    const there = await read(target, "comparing", tell);
    if (fingerprint(there) === id) return { contents, written: 0, differences: [] };
    refuseData(there);
    await target.notes.add("copy", "of", id);
  }
  let written = 0;
  for (const name of names) {
    const part = { from: source.tables[name] as Table<unknown>, to: target.tables[name] as Table<unknown> };
    written += await copyTable(part.from, part.to, (done) => tell("copying", name, done, contents[name].count));
  }
  const copied = await read(target, "comparing", tell);
  if (fingerprint(await read(source, "reading", tell)) !== id)
    throw new Error("The source was written to while it was copied. Stop every server, empty the target, and begin again.");
  const differences = names
    .map((table) => ({ table, source: contents[table], target: copied[table] }))
    .filter((pair) => !isSame(pair.source, pair.target));
  if (differences.length === 0) await target.notes.delete("copy", "of");
  return { contents, written, differences };
}

/** Throws where a store is a copy that has not come to its end. */
export async function refuseUnfinishedCopy(store: Pick<HostStore, "notes">): Promise<void> {
  if ((await store.notes.list("copy")).size === 0) return;
  throw new Error("A copy into this store has not come to its end. Run `jackfield store copy` again, or empty it.");
}

/** Whether the target is an unfinished copy of this. */
async function isOwn({ notes }: HostStore, id: string): Promise<boolean> {
  const of = (await notes.list("copy")).get("of");
  if (of === undefined || of === id) return of === id;
  throw new Error("The target is an unfinished copy of other data, or of what the source was before. Empty it, and begin again.");
}

function refuseData(there: Contents): void {
  const some = names.filter((name) => there[name].count > 0);
  if (some.length === 0) return;
  const told = some.map((name) => `${name} (${there[name].count})`).join(", ");
  throw new Error(`The target has data of its own: ${told}. Give an empty one; nothing was changed.`);
}

const pageSize = 200;

/** Pages are put in order, so what is there of a copy that was killed are the first of them. */
async function copyTable<T>(from: Table<T>, to: Table<T>, tell: (done: number) => void): Promise<number> {
  const there = Math.floor((await to.count()) / pageSize) * pageSize;
  let done = 0;
  for await (const records of pagesOf(from)) {
    if (done >= there) await to.put(records);
    done += records.length;
    tell(done);
  }
  return Math.max(0, done - there);
}

async function* pagesOf<T>({ page }: Pick<Table<T>, "page">) {
  for (let rows = await page(pageSize); rows.length > 0; rows = await page(pageSize, rows.at(-1)?.key))
    yield rows.map(({ record }) => record);
}

async function read(store: HostStore, step: "reading" | "comparing", tell: TellCopy): Promise<Contents> {
  const contents: Partial<Record<TableName, Content>> = {};
  for (const name of names) {
    const table = store.tables[name] as Table<unknown>;
    const total = await table.count();
    let count = 0;
    let sum = 0n;
    for await (const records of pagesOf(table)) {
      for (const record of records) sum += digest(record);
      count += records.length;
      tell(step, name, count, total);
    }
    contents[name] = { count, checksum: (sum & mask).toString(16).padStart(64, "0") };
  }
  return contents as Contents;
}

const mask = (1n << 256n) - 1n;
const sha256 = (text: string) => createHash("sha256").update(text, "utf8").digest("hex");
const digest = (record: unknown) => BigInt(`0x${sha256(canonical(record))}`);

/** JSON in which the keys of every object are in order. */
const canonical = (value: unknown) => JSON.stringify(value, (_, each) => (isObject(each) ? sorted(each) : each));
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
const sorted = (value: object) => Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));

const isSame = (one: Content, other: Content) => one.count === other.count && one.checksum === other.checksum;
const fingerprint = (contents: Contents) => sha256(names.map((name) => `${name} ${contents[name].checksum}`).join("\n"));
