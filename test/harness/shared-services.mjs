// @ts-check
/*
 * jest's global setup: one Redis and one MongoDB-compatible server for all suites of a run, unless the environment names some. Suites
 * share them with a key prefix or a database for each deployment; what kills or empties a server starts one of its own (services.ts).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { services, startServer } from "../tools/services.mjs";

// biome-ignore lint/style/noDefaultExport: jest asks for one.
export default async function setup() {
  for (const service of [services.redis, services.mongodb]) {
    // An empty name: `npm test` has looked for it already, in vain.
    const file = process.env[service.variable] === "" ? undefined : await service.find();
    process.env[service.variable] = file ?? "";
    const url = process.env[service.url] || process.env[service.theirs] || (file && (await start(service, file)));
    process.env[service.url] = url ?? "";
  }
}

/**
 * Starts one that ends with this process.
 * @param {import("../tools/services.mjs").Server} server
 * @param {string} file
 */
async function start(server, file) {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-service-"));
  const { child, url } = await startServer(server, file, folder);
  process.once("exit", () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  child.unref();
  return url;
}
