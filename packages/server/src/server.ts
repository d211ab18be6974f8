import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  allowsPlainHttp,
  createEngine,
  createSealer,
  type Engine,
  inUseMs,
  JackfieldError,
  type KeyRing,
  type Log,
  type Policy,
  type Queue,
  repeatByTimer,
  type Spool,
} from "@jackfield/engine";
import type { Connector, Problem } from "@jackfield/manifest";
import type { Router } from "express";
import { type Access, createAccess, defaultWorkspace, type Welcome, welcome } from "./access/access.ts";
import { createAuthenticator, isGuestAdmitted } from "./access/authenticate.ts";
import type { Services } from "./api/route.ts";
import { routes } from "./api/routes.ts";
import { loadAuthVersions } from "./auth-versions.ts";
import { followClock } from "./clock.ts";
import { type Config, isLocal } from "./config.ts";
import { type Catalog, loadCatalog } from "./connectors.ts";
import { openDataFolder } from "./data-folder.ts";
import { apiRouter } from "./http/api-router.ts";
import { createApp } from "./http/app.ts";
import { createCookies } from "./http/cookies.ts";
import { logOfRequests } from "./http/request-id.ts";
import { createStreams } from "./http/streams.ts";
import { openKeyRing } from "./keys.ts";
import { createLog } from "./log.ts";
import { type BrowserPagesOptions, browserPages } from "./pages/browser-pages.ts";
import { staticPages } from "./pages/static.ts";
import { createPublish } from "./publish.ts";
import { createInProcessQueue } from "./queue/in-process.ts";
import { type MountedSandbox, mountSandbox, needsSandbox } from "./sandbox.ts";
import { openSpool } from "./spool.ts";
import { openEmbeddedStore, openSharedStore } from "./store/open.ts";
import type { HostStore } from "./store/port.ts";
import { type HostTelemetry, metricsGate, openTelemetry } from "./telemetry/telemetry.ts";

export interface Server {
  /** The public URL. */
  readonly url: string;
  readonly connectors: number;
  readonly welcome: Welcome;
  /**
   * Takes a manifest as it stands now, without storing it, if it has no error; pages that show the connector show it anew. Gives its
   * problems.
   */
  preview(name: string, text: string, file: string): Promise<readonly Problem[]>;
  /** Takes nothing new, lets running requests finish, at most ten seconds, and writes what is buffered. */
  close(): Promise<void>;
}

const packageRoot = join(import.meta.dirname, "..");
const builtIn = join(packageRoot, "../../connectors");
const webPages = join(packageRoot, "../web/dist");
const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };

const drainTime = 10_000;
const maintenanceInterval = 6 * 3_600_000;
const lookInterval = 2_000;

export { version };

/** What is open already, and must be closed in reverse order when the start fails or the server ends. */
type Closers = (() => void | Promise<void>)[];

/** Starts everything. Throws `Error` with what to do, and then leaves nothing open. */
export async function startServer(
  config: Config,
  log: Log = createLog(config.logLevel),
  clock: () => number = Date.now,
): Promise<Server> {
  const closers: Closers = [];
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    return { ...(await open(config, logOfRequests(log), clock, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(config: Config, log: Log, own: () => number, closers: Closers): Promise<Omit<Server, "close">> {
  const { mongodbUrl } = config;
  const folder = openDataFolder(config.dataDir, { shared: mongodbUrl !== undefined });
  const spool = openSpool(join(folder.path, "spool"));
  closers.push(() => folder.release());
  for (const warning of [...config.warnings, ...folder.warnings]) log("warn", warning);
  const store = await (mongodbUrl === undefined ? openEmbeddedStore(folder.path) : openSharedStore(mongodbUrl));
  closers.push(() => store.close());
  const { now: clock, stop } = await (mongodbUrl === undefined ? { now: own, stop() {} } : followClock(store, own, log));
  closers.push(stop);
  const keys = await openKeyRing(join(folder.path, "keys"), config.masterKeys, store);
  const access = createAccess(store, clock);

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
  const queue = createInProcessQueue({ log, clock });
  const telemetry = await openTelemetry(config, { store, queue, clock, version }, log);
  closers.splice(closers.length - 1, 0, () => telemetry.traces?.close());
  const host: Host = {
    ...{ config, log, clock, store, shared, queue, spool, telemetry, keys, access, url, streams },
    stopping: () => stopping,
  };
  const { engine, catalog, preview, listener } = await build(host);
  // The engine ends after the last request and before the store.
  closers.splice(closers.length - 1, 0, () => engine.stop());
  await engine.start();
  const maintenance = await maintain(host, catalog);
  closers.push(() => clearInterval(maintenance));
  if (shared) closers.push(lookForManifests(catalog, log));
  const welcomed = await welcome(store, access, config.adminApiKey, clock);
  serve(listener);
  return { url, connectors: catalog.list().length, welcome: welcomed, preview };
}

interface Host {
  readonly config: Config;
  readonly log: Log;
  readonly clock: () => number;
  readonly store: HostStore;
  /** Whether other processes use the store as well. */
  readonly shared: boolean;
  readonly spool: Spool;
  readonly keys: KeyRing;
  readonly access: Access;
  readonly url: string;
  readonly queue: Queue;
  readonly telemetry: HostTelemetry;
  readonly streams: Services["streams"];
  readonly stopping: () => boolean;
}

async function build(host: Host): Promise<{
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly preview: Server["preview"];
  readonly listener: RequestListener;
}> {
  const { config, log, clock, store, shared, queue, spool, telemetry, keys, access, url, streams, stopping } = host;
  const sandboxUrl = (config.sandbox ?? isLocal(new URL(url))) ? `${url}/sandbox` : undefined;
  const sandbox = sandboxUrl === undefined ? undefined : await mountSandbox(sandboxUrl, keys);
  const usable = (connector: Connector) => sandbox !== undefined || !needsSandbox(connector);
  const plainHttp = allowsPlainHttp(config.allowPrivateNetworks);
  const versions = await loadAuthVersions({ store: store.auth_versions, clock, log });
  const folders = foldersOf(config);
  const catalog = await loadCatalog({ folders, published: store.manifests, versions, usable, plainHttp, shared, clock, log });
  const platform = { url, sandbox_url: sandboxUrl };
  const allowPrivate = [...config.allowPrivateNetworks, ...(sandbox === undefined ? [] : [ownListener(url)])];
  const engine = createEngine({
    connectors: catalog,
    store,
    queue,
    spool,
    keys,
    platform,
    policy: policyOf(config),
    egress: { allowPrivate },
    workspace: defaultWorkspace,
    admits: (actor) => isGuestAdmitted(access, actor),
    shared,
    log,
    telemetry,
    clock,
  });
  await saveSandboxApps(sandbox, engine, catalog);

  const cookies = createCookies(url);
  const authenticator = createAuthenticator(access, cookies, url, clock);
  const prepare = async (connector: Connector) => sandbox?.saveApp(engine, connector);
  const publish = createPublish({ catalog, store, usable, clock, prepare });
  const ready = async () => {
    if (stopping()) throw new JackfieldError("stopping");
    await store.time();
  };
  const services: Services = {
    engine,
    catalog,
    access,
    cookies,
    streams,
    log,
    clock,
    version,
    platform,
    publish,
    ready,
    metrics: { ...telemetry.metrics, admit: metricsGate(config, url, authenticator) },
  };
  const listener = createApp({
    api: apiRouter(routes, services, authenticator),
    browserPages: pagesOf(host, { engine, connectors: catalog, authenticator, cookies }),
    sandbox: sandbox?.router,
    staticPages: staticPages(webPages),
    publicUrl: url,
    log,
    telemetry,
    clock,
    stopping,
  });
  const preview: Server["preview"] = async (name, text, file) => {
    const { connector, problems } = catalog.compile(text, { file, folder: name });
    if (connector !== undefined && catalog.preview(connector, text)) await prepare(connector);
    return problems;
  };
  return { engine, catalog, preview, listener };
}

function pagesOf(
  { access, keys, log, clock }: Host,
  parts: Pick<BrowserPagesOptions, "engine" | "connectors" | "authenticator" | "cookies">,
): Router {
  return browserPages({ ...parts, access, sealer: createSealer(keys, randomBytes), log, clock });
}

function policyOf({ allowPasswordGrant, tokenTimeout, maxTokenAge, maxIdleDays }: Config): Policy {
  return {
    passwordGrant: allowPasswordGrant,
    tokenTimeout: tokenTimeout * 1000,
    maxTokenAge: maxTokenAge === undefined ? undefined : maxTokenAge * 1000,
    maxIdle: maxIdleDays === undefined ? undefined : maxIdleDays * 86_400_000,
  };
}

function foldersOf({ connectorsDir }: Config) {
  const own = connectorsDir === undefined ? [] : [{ path: connectorsDir, source: "folder" } as const];
  return [{ path: builtIn, source: "built_in" } as const, ...own];
}

/** The one private place that the sandbox's connectors must reach: this server. */
function ownListener(url: string): string {
  const { protocol, host, port } = new URL(url);
  return port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
}

async function saveSandboxApps(sandbox: MountedSandbox | undefined, engine: Engine, catalog: Catalog): Promise<void> {
  if (sandbox === undefined) return;
  for (const connector of catalog.list()) await sandbox.saveApp(engine, connector);
}

/** Takes what other processes publish soon after they do; what is asked for by its name is taken at once. */
function lookForManifests(catalog: Catalog, log: Log): () => void {
  return repeatByTimer(lookInterval, () =>
    catalog.look().catch((error: unknown) => log("warn", "published manifests could not be looked for", { error })),
  );
}

/** Forgets what is older than it may get, now and every few hours. */
async function maintain({ config, store, access, clock, log }: Host, catalog: Catalog): Promise<NodeJS.Timeout> {
  const tidy = async () => {
    await access.sessions.expire();
    await access.connectSessions.expire();
    const ago = (time: number) => new Date(clock() - time).toISOString();
    const retention = config.eventRetentionDays * 86_400_000;
    for (const log of [store.events, store.deliveries]) await log.expire(ago(retention));
    // What stands in the way of a disconnect must be known for as long as it does.
    await store.usage.expire(ago(Math.max(retention, inUseMs)));
    await catalog.removeUnused();
  };
  await tidy();
  const again = () => tidy().catch((error: unknown) => log("error", "old records could not be removed", { error }));
  return setInterval(again, maintenanceInterval).unref();
}

interface Listening {
  readonly http: HttpServer;
  readonly port: number;
  /** Requests that came before wait for this. */
  serve(listener: RequestListener): void;
}

/** Takes the port first: with PORT=0 the public URL, and all that is made of it, is known only then. */
async function listen(host: string, port: number): Promise<Listening> {
  let serve: (listener: RequestListener) => void = () => {};
  const ready = new Promise<RequestListener>((resolve) => {
    serve = resolve;
  });
  const http = createServer(async (request, response) => (await ready)(request, response));
  // Longer than the usual proxy keeps its own connections, so that it is never us who hang up first.
  http.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    http.once("error", (cause) => reject(new Error(listenMessage(cause, host, port), { cause })));
    http.listen(port, host, resolve);
  });
  return { http, port: (http.address() as AddressInfo).port, serve };
}

function listenMessage(error: NodeJS.ErrnoException, host: string, port: number): string {
  const messages: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use. Stop what listens there, or set PORT.`,
    EACCES: `This user may not listen on port ${port}. Set PORT to one above 1023.`,
    EADDRNOTAVAIL: `HOST ${host} is not an address of this machine. Set HOST.`,
    ENOTFOUND: `HOST ${host} cannot be resolved. Set HOST to an address of this machine.`,
  };
  return messages[error.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${error.message}.`;
}

async function drain(http: HttpServer, closeStreams: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
  closeStreams();
  http.closeIdleConnections();
  const late = setTimeout(() => http.closeAllConnections(), drainTime);
  await closed;
  clearTimeout(late);
}
