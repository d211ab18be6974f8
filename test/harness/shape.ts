import { createHash } from "node:crypto";
import { MongoClient } from "mongodb";
import { sharedMongodb } from "./services.ts";

/*
 * The shape that the product is tested in: embedded, or with TEST_SHAPE=scale-out on the servers that all suites share. Each deployment
 * has what is its own under a name that follows from its data folder, so that a product over another's folder finds the other's records.
 */

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
export const scaleOut = process.env.TEST_SHAPE === "scale-out";
if (scaleOut && sharedMongodb === "") throw new Error("TEST_SHAPE=scale-out needs a MongoDB-compatible server.");

const digest = (text: string) => createHash("sha256").update(text).digest();

/** The environment of a deployment in this shape. */
export function shapeOf(dataDir: string): Readonly<Record<string, string>> {
  if (!scaleOut) return {};
  return {
    MONGODB_URL: `${sharedMongodb.replace(/\/$/, "")}/${databaseOf(dataDir)}`,
    MASTER_KEYS: `k1:${digest(`key of ${dataDir}`).toString("base64")}`,
  };
}

const databaseOf = (dataDir: string) => `jackfield-${digest(dataDir).toString("hex").slice(0, 24)}`;

/** Does something with a deployment's database. */
export async function inDatabase<T>(dataDir: string, work: (db: ReturnType<MongoClient["db"]>) => Promise<T>): Promise<T> {
  const client = new MongoClient(sharedMongodb, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await work(client.db(databaseOf(dataDir)));
  } finally {
    await client.close();
  }
}
