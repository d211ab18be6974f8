import { randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import {
  allowsPlainHttp,
  createEngine,
  createSealer,
  type Engine,
  JackfieldError,
  type KeyRing,
  type Log,
  type Policy,
  type Spool,
} from "@jackfield/engine";
import type { Connector, Problem } from "@jackfield/manifest";
import type { Router } from "express";
import { type Access, defaultWorkspace } from "./access/access.ts";
import { createAuthenticator, isGuestAdmitted } from "./access/authenticate.ts";
import type { Readiness, Services } from "./api/route.ts";
import { routes } from "./api/routes.ts";
import { loadAuthVersions } from "./auth-versions.ts";
import { type Config, isLocal } from "./config.ts";
import { type Catalog, foldersOf, loadCatalog } from "./connectors.ts";
import { apiRouter } from "./http/api-router.ts";
import { createApp } from "./http/app.ts";
import { createCookies } from "./http/cookies.ts";
import { type BrowserPagesOptions, browserPages } from "./pages/browser-pages.ts";
import { staticPages } from "./pages/static.ts";
import { createPublish } from "./publish.ts";
import type { OpenQueue } from "./queue/open.ts";
import { type MountedSandbox, mountSandbox, needsSandbox } from "./sandbox.ts";
import type { HostStore } from "./store/port.ts";
import { type HostTelemetry, metricsGate } from "./telemetry/telemetry.ts";
import { version } from "./version.ts";

const packageRoot = join(import.meta.dirname, "..");
const webPages = join(packageRoot, "../web/dist");

/** What a process has opened. */
export interface Host {
  readonly config: Config;
  readonly log: Log;
  readonly clock: () => number;
  readonly store: HostStore;
  readonly queue: OpenQueue;
  /** Whether other processes use the store as well. */
  readonly shared: boolean;
  readonly spool: Spool;
  readonly keys: KeyRing;
  readonly access: Access;
  readonly url: string;
  readonly telemetry: HostTelemetry;
  readonly streams: Services["streams"];
  readonly stopping: () => boolean;
}

/** What is made of it. */
export interface Assembled {
  readonly engine: Engine;
  readonly catalog: Catalog;
  /**
   * Takes a manifest as it stands now, without storing it, if it has no error; pages that show the connector show it anew. Gives its
   * problems.
   */
  readonly preview: (name: string, text: string, file: string) => Promise<readonly Problem[]>;
  readonly listener: RequestListener;
}

/** Puts the parts together: the connectors, the engine over them, and what answers requests. Nothing runs yet. */
export async function assemble(host: Host): Promise<Assembled> {
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
    egress: { allowPrivate, proxy: config.egressProxy },
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
  const services: Services = {
    ...{ engine, catalog, access, cookies, streams, log, clock, version, platform, publish },
    ready: () => readinessOf(host),
    metrics: { ...telemetry.metrics, admit: metricsGate(config, url, authenticator) },
  };
  const isWorker = config.role === "worker";
  const listener = createApp({
    api: apiRouter(isWorker ? operatorRoutes : routes, services, authenticator),
    ...(isWorker
      ? {}
      : {
          browserPages: pagesOf(host, { engine, connectors: catalog, authenticator, cookies }),
          sandbox: sandbox?.router,
          staticPages: staticPages(webPages),
        }),
    publicUrl: url,
    log,
    telemetry,
    clock,
    stopping,
  });
  const preview: Assembled["preview"] = async (name, text, file) => {
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

/** The one private place that the sandbox's connectors must reach: this server. */
function ownListener(url: string): string {
  const { protocol, host, port } = new URL(url);
  return port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
}

async function saveSandboxApps(sandbox: MountedSandbox | undefined, engine: Engine, catalog: Catalog): Promise<void> {
  if (sandbox === undefined) return;
  for (const connector of catalog.list()) await sandbox.saveApp(engine, connector);
}

/** What a worker answers: whoever runs it asks how it is. */
const operatorRoutes = routes.filter(({ path }) => ["/healthz", "/readyz", "/metrics"].includes(path));

/** Without the store nothing works; without the queue steps do, and what is due is done when it is back. */
async function readinessOf({ store, queue, stopping, log }: Host): Promise<Readiness> {
  if (stopping()) throw new JackfieldError("stopping");
  const check = (name: string, asked: Promise<unknown> | undefined) =>
    Promise.resolve(asked).then(
      () => "ok" as const,
      (cause: unknown) => {
        log("debug", "a dependency does not answer", { dependency: name, cause });
        return "down" as const;
      },
    );
  const [storeState, queueState] = await Promise.all([check("store", store.time()), check("queue", queue.ping?.())]);
  const checks = { store: storeState, queue: queueState };
  return { status: storeState === "down" ? "down" : queueState === "down" ? "degraded" : "ok", checks };
}
