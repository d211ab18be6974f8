import { createHash } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterwards, temporary } from "./cleanup.ts";
import { sharedMongodb, sharedRedis } from "./services.ts";

/*
 * The shape that the product is tested in: embedded, or with TEST_SHAPE=scale-out on the MongoDB and the Redis that all suites share. A
 * deployment is then a database, whose name and master key follow from its data folder, so that a product over another's folder finds the
 * other's records; its id, which is in there, sets its jobs in Redis apart.
 */

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
export const scaleOut = process.env.TEST_SHAPE === "scale-out";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** The environment of a deployment in this shape. */
export const shapeOf = (dataDir: string): Readonly<Record<string, string>> => (scaleOut ? deploymentOf(dataDir) : {});

/** The environment of a deployment on the shared MongoDB and Redis, whatever the shape; its database goes away with the test file. */
export const newDeployment = () => deploymentOf(temporary());

const made = new Set<string>();

function deploymentOf(dataDir: string): Readonly<Record<string, string>> {
  if (sharedMongodb === "" || sharedRedis === "")
    throw new Error("the shape scale-out needs a MongoDB and a Redis: see README.md");
  if (!made.has(dataDir)) afterwards(() => inDatabase(dataDir, (db) => db.dropDatabase()));
  made.add(dataDir);
  return {
    MONGODB_URL: sharedMongodb.replace(/^([a-z+]+:\/\/[^/?]+)(\/[^?]*)?/, `$1/${databaseOf(dataDir)}`),
    REDIS_URL: sharedRedis,
    MASTER_KEYS: `k1:${digest(`key of ${dataDir}`).toString("base64")}`,
  };
}

const databaseOf = (dataDir: string) => `jackfield-${digest(dataDir).toString("hex").slice(0, 24)}`;

/** A database beside those of the deployments, on the server that all suites share, which may be slow; it goes away with the test file. */
export function database(name: string): string {
  const own = `${name}_${process.pid}`;
  afterwards(() => withDatabase(own, (db) => db.dropDatabase()));
  const url = sharedMongodb.replace(/^([a-z+]+:\/\/[^/?]+)(\/[^?]*)?/, `$1/${own}`);
  const patience = "socketTimeoutMS=60000&waitQueueTimeoutMS=60000&serverSelectionTimeoutMS=60000";
  return `${url}${url.includes("?") ? "&" : "?"}${patience}`;
}

/** Does something with a deployment's database. */
export const inDatabase = <T>(dataDir: string, work: Work<T>): Promise<T> => withDatabase(databaseOf(dataDir), work);

type Work<T> = (db: ReturnType<MongoClient["db"]>) => Promise<T>;

async function withDatabase<T>(name: string, work: Work<T>): Promise<T> {
  const client = new MongoClient(sharedMongodb, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await work(client.db(name));
  } finally {
    await client.close();
  }
}
