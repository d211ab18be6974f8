// @ts-check
/*
 * The servers of the scale-out shape, found as the tests find theirs: one of each for a run, empty at the beginning.
 */
import { basename } from "node:path";
import { services, startServer } from "../../test/tools/services.mjs";
import { temporary } from "./connections.mjs";
import { endWithUs } from "./processes.mjs";

/** Undefined where it is not here: `npm test` installs it. @param {"redis" | "mongodb"} name */
export async function startService(name) {
  const service = services[name];
  const file = await service.find();
  if (file === undefined) return undefined;
  const { child, url } = await startServer(service, file, temporary());
  endWithUs(child);
  return { child, url, title: basename(file).startsWith("mongodb-") ? "FerretDB" : basename(file) };
}

/** Much is asked of it at once, and what is measured is not how soon a client gives it up. */
const patient = new URLSearchParams({
  serverSelectionTimeoutMS: "60000",
  connectTimeoutMS: "60000",
  socketTimeoutMS: "60000",
  waitQueueTimeoutMS: "60000",
});

/** A database of a MongoDB-compatible server. @param {{ readonly url: string }} server @param {string} name */
export const databaseUrl = ({ url }, name) => `${url}/${name}?${patient}`;
