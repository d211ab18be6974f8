import { setTimeout } from "node:timers/promises";
import type { Actor } from "./connection/actor.ts";
import { type App, deleteApp, getApp, hasApp, listAppEvents, putApp } from "./connection/app/apps.ts";
import { createScouts } from "./connection/app/scouts.ts";
import { tendApps } from "./connection/app/tending.ts";
import type { AppValues } from "./connection/app/values.ts";
import {
  type ConnectionChange,
  create,
  type Filter,
  list,
  type NewConnection,
  reach,
  remove,
  update,
} from "./connection/connections.ts";
import { createEventLog } from "./connection/event-log.ts";
import { learning } from "./connection/learning.ts";
import { actorsShownTo, mayUse } from "./connection/limits.ts";
import { type ConnectionEvent, duties, type UsageRecord } from "./connection/record.ts";
import { redirectUri } from "./connection/redirect-uri.ts";
import { createSealer, type KeyRing, remembering } from "./connection/seal.ts";
import { type Begun, begin, type CallbackOutcome, expireFlows, finish, openFlow } from "./connection/sign-in/authorization.ts";
import { poll } from "./connection/sign-in/device.ts";
import type { EventFilter, Listed, Page, Store } from "./connection/store.ts";
import { createTraffic } from "./connection/traffic.ts";
import { type TestResult, test } from "./connection/upkeep/check.ts";
import { createDuties } from "./connection/upkeep/duties.ts";
import { disconnectIdle } from "./connection/upkeep/idle.ts";
import { storeSpooled } from "./connection/upkeep/outcome.ts";
import { createPace } from "./connection/upkeep/pace.ts";
import { createRefresher, type Refresher } from "./connection/upkeep/refresh.ts";
import type { Revocation } from "./connection/upkeep/revocation.ts";
import { listUsage, refuseInUse } from "./connection/usage.ts";
import { type Connection, view } from "./connection/view.ts";
import { watch } from "./connection/watch.ts";
import { allowsPlainHttp } from "./egress/address.ts";
import { breaking } from "./egress/breaker.ts";
import { createEgress, type Egress, type EgressOptions } from "./egress/egress.ts";
import { JackfieldError } from "./errors.ts";
import { createNonces } from "./grant/dpop.ts";
import { createMetadata } from "./grant/metadata.ts";
import { createTokenPool } from "./grant/token-pool.ts";
import type { Log } from "./log.ts";
import { createDeliverer } from "./outbound/deliver.ts";
import { createEndpoints, type EventEndpoints } from "./outbound/endpoints.ts";
import type { JobKind, Queue } from "./queue.ts";
import { pooledBytes } from "./random.ts";
import { type Repeat, repeatByTimer } from "./repeat.ts";
import type { Platform, Policy, Registry, Runtime } from "./runtime.ts";
import type { Spool } from "./spool.ts";
import { deleteFile, type File, forgetOldFiles, getFile, putFile } from "./step/files.ts";
import { forgetOldSteps } from "./step/once.ts";
import { listOptions, type OptionsPage, type OptionsRequest } from "./step/options.ts";
import { type ProxyAnswer, type ProxyRequest, proxy } from "./step/proxy.ts";
import { runStep, type StepOptions, type StepPart, type StepResult, streamStep } from "./step/step.ts";
import { createSweep, type Sweep } from "./sweep.ts";
import { noTelemetry, type Telemetry, watched } from "./telemetry.ts";

export interface Engine {
  /** What this deployment allows. */
  readonly policy: Policy;
  readonly apps: {
    /** Throws `connector_unknown`, `auth_unknown`, `environment_unknown`, `app_not_used`. */
    get(actor: Actor, connector: string, auth: string, environment: string): Promise<App | undefined>;
    /** Whether any app of the connector is saved. Throws `connector_unknown`. */
    saved(actor: Actor, connector: string): Promise<boolean>;
    /**
     * Without `client_secret` the stored secret stays. What connections were made with is kept for them: the client that another one
     * replaces, and for a week the secret. Throws as `get`, and `whitespace_in_credential`, `field_required`, `field_invalid`.
     */
    put(actor: Actor, connector: string, auth: string, environment: string, values: AppValues): Promise<App>;
    /** False where there is none. Throws as `get`, and `app_in_use` for one that connections live by, unless `force` is true. */
    delete(
      actor: Actor,
      connector: string,
      auth: string,
      environment: string,
      options?: { readonly force?: boolean | undefined },
    ): Promise<boolean>;
    /** What happened to the apps that were saved in this place. Throws as `get`. */
    events(
      actor: Actor,
      connector: string,
      auth: string,
      environment: string,
      page: Page,
      filter?: Pick<EventFilter, "type">,
    ): Promise<Listed<ConnectionEvent>>;
  };
  readonly connections: {
    /** A draft; a grant without a user step connects at once and ends as `connected` or `error`. Throws `field_…`. */
    create(actor: Actor, values: NewConnection): Promise<{ readonly connection: Connection; readonly reused: boolean }>;
    /** Follows aliases. Throws `connection_unknown`, `connection_revoked`. */
    get(actor: Actor, id: string): Promise<Connection>;
    /** An actor with limits is given what was connected under them. */
    list(actor: Actor, filter: Filter, page: Page): Promise<Listed<Connection>>;
    /** `fields` of a grant without a user step are tried at once; of others they count from the next sign-in. */
    update(actor: Actor, id: string, change: ConnectionChange): Promise<Connection>;
    /** Erases it here at once, then tells the provider; what came of that is told. Throws `in_use` unless it is forced. */
    remove(actor: Actor, id: string, options?: { readonly force?: boolean | undefined }): Promise<Revocation>;
    test(actor: Actor, id: string): Promise<TestResult>;
    /** Refreshes now. Throws `not_renewable`, `needs_reauth`, … */
    refresh(actor: Actor, id: string): Promise<Connection>;
    /** An actor with limits is given what it did itself, and what the engine did. */
    events(actor: Actor, id: string, page: Page, filter?: Pick<EventFilter, "type">): Promise<Listed<ConnectionEvent>>;
    /** The workflows that named themselves in its steps, the last one first. */
    usage(actor: Actor, id: string): Promise<readonly UsageRecord[]>;
    /** Calls `listener` with each further event of the connection, and of the one it is merged into, until the result is called. */
    watch(actor: Actor, id: string, listener: (event: ConnectionEvent, connection: Connection) => void): Promise<() => void>;
  };
  readonly authorization: {
    /**
     * Starts a sign-in, also of an existing connection; `fields` become the connection's own when it succeeds. Where the person confirms a
     * code on another device, how it ended is told by the connection. Throws `app_not_configured`, `no_user_step`, `field_…`, and what a
     * provider says that is asked first.
     */
    begin(actor: Actor, connection: string, fields?: Readonly<Record<string, unknown>>): Promise<Begun>;
    /**
     * A browser opens our `authorization_url`. Gives where it goes on to, and the binding that it must keep in a cookie. `person` is
     * the signed-in actor's id, if the browser is signed in, and `guests` are the actors of the connect sessions that are open in it.
     * Throws `state_invalid`.
     */
    open(
      ticket: string,
      browser: string | undefined,
      person: string | undefined,
      guests?: readonly string[],
    ): Promise<{ readonly location: string; readonly browser: string }>;
    /**
     * The provider sent the browser back to a connector's redirect URL; `query` is the raw query. Throws `state_invalid`,
     * `callback_invalid`, `issuer_mismatch` before any token request; how everything later ends is an outcome.
     */
    finish(
      connector: string,
      query: string,
      browser: string | undefined,
      person: string | undefined,
      guests?: readonly string[],
    ): Promise<CallbackOutcome>;
    /** The redirect URL of a connector: constant, to be registered at the provider. */
    redirectUri(connector: string): string;
  };
  readonly steps: {
    /** Throws `input_invalid` before any request, `url_not_whitelisted`, `needs_reauth`, `provider_…`. */
    run(
      actor: Actor,
      connection: string,
      action: string,
      input: unknown,
      options?: StepOptions,
    ): Promise<StepResult & { readonly replayed: boolean }>;
    /** As `run`, but hands the items on while they arrive. */
    stream(
      actor: Actor,
      connection: string,
      action: string,
      input: unknown,
      options?: Omit<StepOptions, "idempotencyKey" | "mode">,
    ): AsyncGenerator<StepPart, void, undefined>;
    /**
     * A request of the caller's own, and the answer as the provider gives it, both streamed. Throws as `run`, and `provider_timeout` once
     * nothing has moved for a minute, `body_not_repeatable`, and what reading the body throws.
     */
    proxy(actor: Actor, connection: string, request: ProxyRequest, options?: StepOptions): Promise<ProxyAnswer>;
    /** A page of a drop-down's choices. Throws `options_unknown`, and as `run`. */
    options(actor: Actor, connection: string, name: string, request: OptionsRequest): Promise<OptionsPage>;
  };
  /** Files that steps are given by their ids, or that they leave. */
  readonly files: {
    /** Throws `body_too_large`, `files_full`. */
    put(
      actor: Actor,
      file: { readonly name?: string | undefined; readonly type?: string | undefined; readonly content: Buffer },
    ): Promise<File>;
    /** Throws `file_unknown`. */
    get(actor: Actor, id: string): Promise<{ readonly file: File; readonly content: Buffer }>;
    /** Throws `file_unknown`. */
    delete(actor: Actor, id: string): Promise<void>;
  };
  readonly events: {
    /** The workspace's log, newest first. */
    list(actor: Actor, filter: Omit<EventFilter, "workspace">, page: Page): Promise<Listed<ConnectionEvent>>;
  };
  readonly endpoints: EventEndpoints;
  /** Begins to work the queues and to sweep. Without `work` other processes do that, and this one only puts jobs. Default: it works. */
  start(options?: { readonly work?: boolean }): Promise<void>;
  /** Finishes what runs, takes nothing new, writes what is buffered. */
  stop(): Promise<void>;
}

/** Everything that the engine takes from outside. */
export interface EngineOptions {
  readonly connectors: Registry;
  readonly store: Store;
  readonly queue: Queue;
  /** Where answers are kept that the store does not take. Without it they live as long as this process. */
  readonly spool?: Spool;
  readonly keys: KeyRing;
  readonly platform: Platform;
  readonly policy?: Policy;
  /** What the network may be used for, or something in its place. */
  readonly egress: EgressOptions | Egress;
  /** Whether providers are asked for their metadata where a manifest names an issuer. Default: yes. */
  readonly discovery?: boolean;
  readonly log: Log;
  /** Who is told of numbers and spans. Default: nobody. */
  readonly telemetry?: Telemetry;
  /** Whether a connect session, by its actor's id, may still be used: asked for what goes on without a request of its. Default: yes. */
  readonly admits?: (actor: string) => boolean | Promise<boolean>;
  /** Whose log takes what cannot be told whose it is. Default: `default`. */
  readonly workspace?: string;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  /** Default: the system's generator. */
  readonly random?: (bytes: number) => Buffer;
  /** Resolves after so many milliseconds. Default: a timer, which ends with the engine. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** How the sweep, and looking for what others did, are repeated. Default: a timer. */
  readonly repeat?: Repeat;
  /** Whether other processes use the store as well, so that what they do is looked for. Default: no. */
  readonly shared?: boolean;
}

/** How many jobs of one kind run at once: most of the time they wait for a provider. */
const concurrency = 32;
/** Each is an event endpoint, most of which do nothing but wait for an answer. */
const deliverConcurrency = 64;

function createRuntime(options: EngineOptions, stopping: AbortSignal): Runtime {
  const { log, telemetry = noTelemetry, clock = Date.now, random = pooledBytes(), repeat = repeatByTimer } = options;
  const store = learning(options.store, options.connectors);
  const sending = "send" in options.egress ? options.egress : createEgress(options.egress, { clock });
  const egress = breaking(watched(sending, telemetry, clock), clock, log);
  const pause = options.sleep ?? ((ms: number) => sleep(ms, stopping));
  return {
    connectors: options.connectors,
    store,
    queue: options.queue,
    spool: options.spool,
    sealer: remembering(createSealer(options.keys, random), clock),
    egress,
    ...(options.discovery === false ? {} : { metadata: createMetadata({ egress, clock, log }) }),
    nonces: createNonces(),
    platform: options.platform,
    policy: options.policy ?? {},
    plainHttp: "send" in options.egress ? () => false : allowsPlainHttp(options.egress.allowPrivate ?? []),
    events: createEventLog(store, clock, random, log, options.shared ? repeat : undefined),
    workspace: options.workspace ?? "default",
    scouts: createScouts(),
    pace: createPace(clock),
    traffic: createTraffic({ clock, sleep: pause }),
    log,
    telemetry,
    admits: options.admits ?? (() => true),
    pool: createTokenPool(clock),
    clock,
    random,
    sleep: pause,
  };
}

/** Wires the nouns. Throws `seal_broken` when the active master key is not usable. */
export function createEngine(options: EngineOptions): Engine {
  const stopped = new AbortController();
  const runtime = createRuntime(options, stopped.signal);
  const { span } = runtime.telemetry;
  const owner = `engine/${runtime.random(9).toString("base64url")}`;
  const refresher = createRefresher(runtime, owner);
  const work = createDuties(runtime, refresher);
  const deliverer = createDeliverer(runtime, stopped.signal);
  const steps = stepsOf(runtime, refresher);
  const sweep = sweepOf(runtime, options, options.shared ? owner : undefined, deliverer);

  const workQueues = (): void => {
    const handle = (kind: JobKind, limit: number, handler: (id: string) => Promise<void>) =>
      runtime.queue.work(kind, { concurrency: limit }, (id) => span("job", { kind }, () => handler(id)));
    for (const duty of duties) handle(duty, concurrency, work[duty]);
    handle("device", concurrency, (id) => poll(runtime, id));
    handle("deliver", deliverConcurrency, (endpoint) => deliverer.work(endpoint));
  };

  return {
    policy: runtime.policy,
    apps: appsOf(runtime),
    connections: {
      create: (...args) => create(runtime, ...args),
      get: async (actor, id) => view(runtime, actor, await reach(runtime, actor, id, "connect")),
      list: (...args) => list(runtime, ...args),
      update: (...args) => update(runtime, ...args),
      remove: (...args) => removeUnused(runtime, ...args),
      test: (...args) => span("test", {}, () => test(runtime, refresher, ...args)),
      async refresh(actor, id) {
        const { id: target, credential_version } = await reach(runtime, actor, id);
        return view(runtime, actor, (await refresher.refresh(target, credential_version, actor.id)).record);
      },
      events: (...args) => eventsOf(runtime, ...args),
      usage: (...args) => listUsage(runtime, ...args),
      watch: (actor, id, listener) => watch(runtime, actor, id, listener),
    },
    authorization: {
      begin: async (actor, id, fields) => begin(runtime, actor, await reach(runtime, actor, id, "connect"), fields),
      open: (...args) => openFlow(runtime, ...args),
      finish: (...args) => span("sign_in", {}, () => finish(runtime, ...args)),
      redirectUri: (connector) => redirectUri(runtime, connector),
    },
    steps,
    files: {
      put: (...args) => putFile(runtime, ...args),
      get: (...args) => getFile(runtime, ...args),
      delete: (...args) => deleteFile(runtime, ...args),
    },
    events: {
      async list({ workspace }, filter, page) {
        await runtime.events.flush();
        return runtime.store.events.list({ ...filter, workspace }, page);
      },
    },
    endpoints: createEndpoints(runtime, deliverer),
    async start({ work: works = true } = {}) {
      if (works) workQueues();
      await sweep.start(works);
    },
    async stop() {
      stopped.abort();
      await sweep.stop();
      await runtime.queue.close();
      await refresher.settled();
      await runtime.events.flush();
      await runtime.egress.close();
      await steps.settled();
    },
  };
}

const noop = () => {};

function sweepOf(
  runtime: Runtime,
  { repeat = repeatByTimer }: EngineOptions,
  owner: string | undefined,
  deliverer: Pick<ReturnType<typeof createDeliverer>, "sweep">,
): Sweep {
  const further = [expireFlows, disconnectIdle, tendApps, forgetOldSteps, forgetOldFiles].map((part) => () => part(runtime));
  return createSweep(runtime, {
    repeat,
    owner,
    own: [() => storeSpooled(runtime)],
    further: [...further, () => deliverer.sweep()],
  });
}

async function removeUnused(
  runtime: Runtime,
  actor: Actor,
  id: string,
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<Revocation> {
  if (!force) await refuseInUse(runtime, actor, id);
  return remove(runtime, actor, id);
}

async function eventsOf(
  runtime: Runtime,
  actor: Actor,
  id: string,
  page: Page,
  filter: Pick<EventFilter, "type"> = {},
): Promise<Listed<ConnectionEvent>> {
  const { id: connection, workspace } = await reach(runtime, actor, id, "connect");
  await runtime.events.flush();
  return runtime.store.events.list({ ...filter, workspace, connection, actors: actorsShownTo(actor) }, page);
}

/** `settled` waits for the steps whose caller may have gone and comes back for their answers. */
function stepsOf(runtime: Runtime, refresher: Refresher): Engine["steps"] & { readonly settled: () => Promise<void> } {
  const { span } = runtime.telemetry;
  const running = new Set<Promise<unknown>>();
  return {
    run(...args) {
      const step = span("step", {}, () => runStep(runtime, refresher, ...args));
      if (args[4]?.idempotencyKey === undefined) return step;
      const over = step.then(noop, noop).finally(() => running.delete(over));
      running.add(over);
      return step;
    },
    settled: async () => void (await Promise.all(running)),
    stream: (...args) => streamStep(runtime, refresher, ...args),
    proxy: (...args) => span("step", {}, () => proxy(runtime, refresher, ...args)),
    options: (...args) => listOptions(runtime, refresher, ...args),
  };
}

function appsOf(runtime: Runtime): Engine["apps"] {
  return {
    get: async (actor, ...args) => getApp(runtime, mayUse(actor), ...args),
    saved: (...args) => hasApp(runtime, ...args),
    put: async (actor, ...args) => putApp(runtime, mayUse(actor), ...args),
    delete: async (actor, ...args) => deleteApp(runtime, mayUse(actor), ...args),
    events: async (actor, ...args) => listAppEvents(runtime, mayUse(actor), ...args),
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).catch((cause: unknown) => {
    throw new JackfieldError("stopping", { cause });
  });
}
