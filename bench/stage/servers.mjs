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
