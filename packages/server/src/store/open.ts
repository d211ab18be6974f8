import { join } from "node:path";
import type { HostStore } from "./port.ts";
import { openStore } from "./sqlite.ts";

/** The store of one process, in a folder that is its alone: so whoever held a lease is gone. */
export async function openEmbeddedStore(folder: string): Promise<HostStore> {
  const store = openStore(join(folder, "jackfield.db"));
  await store.takeOver();
  return store;
}

/** The store of a MONGODB_URL; see `openMongoStore`. The driver is loaded only where it is needed. */
export async function openSharedStore(url: string): Promise<HostStore> {
  const { openMongoStore } = await import("./mongodb/mongodb.ts");
  return openMongoStore(url);
}
