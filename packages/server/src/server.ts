import { join } from "node:path";
import type { Log } from "@jackfield/engine";
import { createAccess, type Welcome, welcome } from "./access/access.ts";
import { type Assembled, assemble, type Host } from "./assemble.ts";
import { followClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { openDataFolder } from "./data-folder.ts";
import { awaitStore } from "./dependencies.ts";
import { drain, listen } from "./http/listen.ts";
import { logOfRequests } from "./http/request-id.ts";
import { createStreams } from "./http/streams.ts";
import { openKeyRing } from "./keys.ts";
import { createLog } from "./log.ts";
import { lookForManifests, maintain } from "./maintenance.ts";
import { openQueue } from "./queue/open.ts";
import { openSpool } from "./spool.ts";
import { refuseUnfinishedCopy } from "./store/copy.ts";
import { openEmbeddedStore } from "./store/open.ts";
import { openTelemetry } from "./telemetry/telemetry.ts";
import { version } from "./version.ts";

export interface Server {
  /** The public URL; of a worker the one that it listens on. */
  readonly url: string;
  readonly connectors: number;
  /** undefined: nobody signs in here. */
  readonly welcome: Welcome | undefined;
  readonly preview: Assembled["preview"];
  /** Takes nothing new, lets running requests finish, at most ten seconds, and writes what is buffered. */
  close(): Promise<void>;
}

/** What is open already, and must be closed in reverse order when the start fails or the server ends. */
type Closers = (() => void | Promise<void>)[];

/** Starts everything; `onWork` is called before anything due is done. Throws `Error` with what to do, and then leaves nothing open. */
export async function startServer(
  config: Config,
  log: Log = createLog(config.logLevel),
  clock: () => number = Date.now,
  onWork: () => void = () => {},
): Promise<Server> {
  const closers: Closers = [];
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    return { ...(await open(config, logOfRequests(log), clock, closers, onWork)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  config: Config,
  log: Log,
  own: () => number,
  closers: Closers,
  onWork: () => void,
): Promise<Omit<Server, "close">> {
  const { mongodbUrl } = config;
  const folder = openDataFolder(config.dataDir, { shared: mongodbUrl !== undefined });
  const spool = openSpool(join(folder.path, "spool"));
  closers.push(() => folder.release());
  for (const warning of [...config.warnings, ...folder.warnings]) log("warn", warning);
  const waiting = { limit: config.startTimeout * 1000, log };
  const store = await (mongodbUrl === undefined ? openEmbeddedStore(folder.path) : awaitStore(mongodbUrl, waiting));
  closers.push(() => store.close());
  const { now: clock, stop } = await (mongodbUrl === undefined ? { now: own, stop() {} } : followClock(store, own, log));
  closers.push(stop);
  await refuseUnfinishedCopy(store);
  const keys = await openKeyRing(join(folder.path, "keys"), config.masterKeys, store);
  const access = createAccess(store, clock);
  const queue = await openQueue(config, store, clock, waiting);
  closers.push(() => queue.close());

  let stopping = false;
  const streams = createStreams();
  const { http, port, serve } = await listen(config.host, config.port);
  closers.push(async () => {
    stopping = true;
    await drain(http, () => streams.closeAll());
  });
  const url = config.publicUrl ?? `http://localhost:${port}`;
  log("info", "listening", { host: config.host, port });
  const shared = mongodbUrl !== undefined;
  const telemetry = await openTelemetry(config, { store, queue, clock, version }, log);
  closers.splice(closers.length - 1, 0, () => telemetry.traces?.close());
  const host: Host = {
    ...{ config, log, clock, store, shared, queue, spool, telemetry, keys, access, url, streams },
    stopping: () => stopping,
  };
  const { engine, catalog, preview, listener } = await assemble(host);
  // The engine ends after the last request and before the store.
  closers.splice(closers.length - 1, 0, () => engine.stop());
  onWork();
  await engine.start({ work: config.role !== "server" });
  const maintenance = await maintain(host, catalog);
  closers.push(() => clearInterval(maintenance));
  if (shared) closers.push(lookForManifests(catalog, log));
  const welcomed = config.role === "worker" ? undefined : await welcome(store, access, config.adminApiKey, clock);
  serve(listener);
  const address = config.role === "worker" ? `http://${config.host}:${port}` : url;
  return { url: address, connectors: catalog.list().length, welcome: welcomed, preview };
}
