import { JackfieldError } from "@jackfield/engine";
import {
  type Collection,
  type Db,
  type Document,
  MongoBulkWriteError,
  MongoClient,
  MongoError,
  MongoNetworkError,
  MongoServerError,
} from "mongodb";

/*
 * What is asked of the server, so that compatible ones (FerretDB, DocumentDB, Cosmos DB) will do: plain and unique indexes, and writes of
 * one document that happen as a whole. No transactions, no pipelines, no indexes of other kinds. A record that is written as a whole is
 * kept as JSON text, beside the keys that it is found by, so that no server changes, orders or refuses any of it.
 */

/** A document of any collection: what it is found by, and the text that it is. */
export interface Stored extends Document {
  _id: string;
}
export type Documents = Collection<Stored>;

/** Limits that the URL may set otherwise: a server that is gone fails a call within seconds. */
const limits = {
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 5_000,
  waitQueueTimeoutMS: 5_000,
  heartbeatFrequencyMS: 2_000,
} as const;

/** The database that a URL names. */
export const databaseOf = (url: string): string =>
  decodeURIComponent(/^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/i.exec(url)?.[1] ?? "") || "jackfield";

export interface Connected {
  readonly client: MongoClient;
  readonly db: Db;
}

/** Throws `Error` with what to do where the URL is none, `store_unavailable` where no server answers. Nothing thrown shows the URL. */
export async function connectTo(url: string): Promise<Connected> {
  const client = clientOf(url);
  try {
    await client.connect();
    return { client, db: client.db(databaseOf(url)) };
  } catch (cause) {
    await client.close();
    throw new JackfieldError("store_unavailable", { detail: unreachable(url, cause), cause });
  }
}

/** What to do, without the user and the password. */
function unreachable(url: string, cause: unknown): string {
  if (cause instanceof MongoServerError)
    return `The MongoDB server does not take the user of MONGODB_URL: ${cause.codeName ?? cause.code}.`;
  const hosts = /^[^:]+:\/\/(?:[^/]*@)?([^/?]*)/.exec(url)?.[1];
  return `No MongoDB server answers at ${hosts}: ${cause instanceof Error ? cause.message : String(cause)}. Start it, or set MONGODB_URL.`;
}

/** A client that is not connected yet. */
export function clientOf(url: string): MongoClient {
  const given = [...new URLSearchParams(url.split("?")[1] ?? "").keys()].map((name) => name.toLowerCase());
  const own = Object.fromEntries(Object.entries(limits).filter(([name]) => !given.includes(name.toLowerCase())));
  try {
    // A write that was answered for must survive the loss of a server, and a read must see it, whatever the URL says.
    return new MongoClient(url, { ...own, w: "majority", journal: true, readPreference: "primary" });
  } catch {
    // biome-ignore lint/style/useErrorCause: the driver's words may hold parts of the URL, and with it the password.
    throw new Error(
      "MONGODB_URL is not one that the driver understands. Give mongodb://USER:PASSWORD@HOST:PORT/DATABASE, the user and the password percent-encoded.",
    );
  }
}

/** Whether another document has one of the unique keys. */
export const isTaken = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11000;

/** Whether that is all that was wrong with a write of several documents. */
export const areTaken = (error: unknown): error is MongoBulkWriteError =>
  error instanceof MongoBulkWriteError && [error.writeErrors].flat().every(({ code }) => code === 11000);

/** Whether it is unknown if the server has carried the command out. */
export const isUncertain = (error: unknown): boolean => error instanceof MongoNetworkError || isOfSocket(error);

/** A connection that ends while it is written to comes through the driver as it is: EPIPE, ECONNRESET, ERR_STREAM_DESTROYED. */
const isOfSocket = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && /^E[A-Z_]+$/.test(String(error.code));

/** The driver's failures become `store_unavailable`; a key that is taken is the caller's to read. */
function storeError(error: unknown): unknown {
  if (!(error instanceof MongoError || isOfSocket(error)) || isTaken(error)) return error;
  return new JackfieldError("store_unavailable", { cause: error });
}

type Methods = Readonly<Record<string, (...values: never[]) => Promise<unknown>>>;

/** The same methods, whose failures are those of the port. */
export function guarded<T extends object>(table: T): T {
  const methods = Object.entries(table as Methods).map(([name, method]) => [
    name,
    async (...values: never[]) => {
      try {
        return await method(...values);
      } catch (error) {
        throw storeError(error);
      }
    },
  ]);
  return Object.fromEntries(methods) as T;
}

/** Inserts those that are not there yet. */
export async function insertMissing(documents: Documents, values: readonly Stored[]): Promise<void> {
  if (values.length === 0) return;
  try {
    await documents.insertMany([...values], { ordered: false });
  } catch (error) {
    // With an unordered write the others are in.
    if (!areTaken(error)) throw error;
  }
}

/** The position after which a list goes on: both keys descend, or both ascend. */
export function following(direction: "descending" | "ascending", keys: readonly [string, string], values: readonly unknown[]) {
  const [first, second] = keys;
  const operator = direction === "descending" ? "$lt" : "$gt";
  const [value, tie] = values;
  return { $or: [{ [first]: { [operator]: value } }, { [first]: value, [second]: { [operator]: tie } }] };
}

/** A text that is searched for as it is. */
export const literally = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
