import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterwards } from "./cleanup.ts";
import { sharedMongodb, sharedRedis } from "./services.ts";

/*
 * The same tests run on both shapes: embedded, and with TEST_SHAPE=scale-out on the MongoDB and the Redis that all suites share. A
 * deployment is then a database; its id, which is in there, sets its jobs in Redis apart.
 */

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
export const isScaleOut = process.env.TEST_SHAPE === "scale-out";

const made = new Map<string, Readonly<Record<string, string>>>();

/** The variables of a deployment, by what it is told from others: the same ones for the same. */
export function shapeOf(deployment: string): Readonly<Record<string, string>> {
  if (!isScaleOut) return {};
  const known = made.get(deployment) ?? newDeployment();
  made.set(deployment, known);
  return known;
}

/** The variables of a new deployment on the shared MongoDB and Redis; its database goes away with the test file. */
export function newDeployment(): Readonly<Record<string, string>> {
  if (sharedMongodb === "" || sharedRedis === "")
    throw new Error("the shape scale-out needs a MongoDB and a Redis: see README.md");
  const name = `jackfield_test_${randomBytes(6).toString("hex")}`;
  const url = sharedMongodb.replace(/^([a-z+]+:\/\/[^/?]+)(\/[^?]*)?/, `$1/${name}`);
  afterwards(async () => {
    const client = new MongoClient(url);
    await client.db().dropDatabase();
    await client.close();
  });
  return { MONGODB_URL: url, REDIS_URL: sharedRedis, MASTER_KEYS: `test:${randomBytes(32).toString("base64")}` };
}
