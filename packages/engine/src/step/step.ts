import type { Action, Auth, Connector } from "@jackfield/manifest";
import type { Actor } from "../connection/actor.ts";
import type { ApiAnswer } from "../connection/api-call.ts";
import { reach } from "../connection/connections.ts";
import { checkForm } from "../connection/form.ts";
import { connectorOf, inForce } from "../connection/open.ts";
import type { ConnectionRecord } from "../connection/record.ts";
import { noteUse } from "../connection/upkeep/idle.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import { JackfieldError } from "../errors.ts";
import { shorten } from "../request/shorten.ts";
import type { Runtime } from "../runtime.ts";
import { statusClass } from "../telemetry.ts";
import { Attempts, isIdempotent } from "./attempts.ts";
import { carryOut, carryOutInParts } from "./carry-out.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import { keepAnswer, mostFileBytes, withContents } from "./files.ts";
import { bytesOf, once } from "./once.ts";
import { isPaginated } from "./pages.ts";

/** Of an answer that is given with the step. */
const mostBytes = 10 << 20;

/** How long one request of a step may take where the manifest does not say. */
const defaultTimeout = 30_000;

export interface StepResult {
  readonly output: unknown;
  readonly step: StepSummary;
}

export interface StepSummary {
  readonly id: string;
  readonly connection: string;
  readonly action: string;
  readonly attempts: number;
  readonly status: number;
  readonly duration_ms: number;
  /** Of a step that somebody only tried. */
  readonly mode?: "test";
  /** Whether the output of one that somebody only tried was cut. */
  readonly shortened?: boolean;
}

export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
  readonly workflow?: string | undefined;
  /** Milliseconds that the step may take in all. Default: 30 seconds, five minutes for one that reads pages, none for a stream. */
  readonly timeout?: number | undefined;
  /** By which a repetition of the step is known: it is given what the first one was. */
  readonly idempotencyKey?: string | undefined;
  /** `reference`: an answer that is a file is kept here, and its id given instead of its data. */
  readonly files?: "reference" | undefined;
  /** `test`: somebody tries it; it counts as no use, reads one page at the most, and its output is shortened. */
  readonly mode?: "test" | undefined;
}

/** A step whose request can be made: nothing of it was found wrong. */
interface Ready {
  readonly id: string;
  readonly record: ConnectionRecord;
  readonly action: Action;
  readonly input: Readonly<Record<string, unknown>>;
  readonly actor: Actor;
  readonly options: StepOptions;
  readonly started: number;
  readonly deadline: Deadline;
  readonly run: Attempts;
}

/** Runs one action through a connection. See `Engine.steps.run` for what it throws. */
export async function runStep(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  actionId: string,
  input: unknown,
  options: StepOptions = {},
): Promise<StepResult & { readonly replayed: boolean }> {
  const { idempotencyKey: key, mode, files } = options;
  const keyed = key !== undefined;
  // Who repeats a step wants to know how it ended, also after having gone away.
  const step = await prepare(runtime, refresher, actor, id, actionId, input, keyed ? { ...options, signal: undefined } : options);
  const run = () => perform(runtime, refresher, step);
  if (!keyed) return { ...(await run()), replayed: false };
  const { result, replayed } = await once(
    runtime,
    {
      record: step.record,
      step: step.id,
      key,
      asked: [actionId, step.input, mode ?? "live", files ?? "data"],
      ms: step.deadline.ms,
      harmless: isHarmless(step.action),
    },
    run,
    (cause) => ({ cause, repeatable: !step.run.mayHaveActed || (isHarmless(step.action) && isCutOff(cause)) }),
  );
  return { ...result, replayed };
}

/** Whether a run that was cut off may be made again: nothing is changed twice, or the provider knows the repetition. */
const isHarmless = ({ request: { method }, retry }: Action): boolean =>
  (typeof method === "string" && isIdempotent(method)) || retry?.idempotency_header !== undefined;

/** Whether a run ended because its process does. */
const isCutOff = (cause: unknown): boolean => cause instanceof JackfieldError && cause.code === "stopping";

/** What is heard of a step that hands its items on: they, page by page, and at the end how it went. */
export type StepPart = { readonly items: readonly unknown[] } | { readonly step: StepSummary };

/**
 * As `runStep`, but hands the items on while they arrive; of what is read, one page is in memory. It throws what `runStep` throws. Who stops
 * reading ends it.
 */
export async function* streamStep(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  actionId: string,
  input: unknown,
  options: StepOptions = {},
): AsyncGenerator<StepPart, void, undefined> {
  const step = await prepare(runtime, refresher, actor, id, actionId, input, options, "stream");
  let last: ApiAnswer | undefined;
  try {
    const opened = await open(refresher, step);
    const { run, action } = step;
    for await (const { answer, items } of carryOutInParts({
      runtime,
      run,
      opened,
      action,
      input: step.input,
      random: runtime.random,
    })) {
      last = answer;
      yield { items };
    }
    yield { step: summaryOf(runtime, step, last as ApiAnswer) };
  } catch (cause) {
    last = undefined;
    throw noteFailure(runtime, step, cause);
  } finally {
    // Also of one whose reader went away: what was read was used.
    if (last !== undefined) noteSuccess(runtime, step, last);
  }
}

/** Finds everything that can be wrong before anything is sent. */
async function prepare(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  actionId: string,
  input: unknown,
  options: StepOptions,
  kind?: "stream",
): Promise<Ready> {
  const record = await reach(runtime, actor, id);
  refuseUnready(runtime, record);
  const { connector, auth } = inForce(runtime, record);
  const action = actionOf(connector, auth, actionId);
  const checked = await checkForm("input", Object.entries(action.input), input, runtime.plainHttp);
  await refuseMissingScopes(runtime, record, auth, action);
  const { timeout = defaultTimeout } = action;
  const deadline = createDeadline({
    clock: runtime.clock,
    given: options.timeout,
    timeout,
    kind: kind ?? (isPaginated(action) ? "pages" : "request"),
  });
  return {
    id: `stp_${runtime.random(12).toString("base64url")}`,
    record,
    action,
    input: checked,
    actor,
    options,
    started: runtime.clock(),
    deadline,
    run: new Attempts(runtime, refresher, {
      actor: actor.id,
      retry: action.retry,
      signal: options.signal,
      timeout,
      deadline,
      maxBytes: options.files === "reference" ? mostFileBytes : mostBytes,
    }),
  };
}

const open = (refresher: Refresher, { record, deadline }: Ready) =>
  deadline.wait(refresher.fresh(record), "its credential to be refreshed");

async function perform(runtime: Runtime, refresher: Refresher, step: Ready): Promise<StepResult> {
  const { run, action, actor, options, record } = step;
  const { idempotencyKey: key } = options;
  const random = key === undefined ? runtime.random : (bytes: number) => bytesOf(record, key).subarray(0, bytes);
  try {
    const input = await withContents(runtime, actor, action.input, step.input);
    const opened = await open(refresher, step);
    const keep = options.files === "reference" ? (body: unknown) => keepAnswer(runtime, actor, body) : undefined;
    const { answer, output } = await carryOut({ runtime, run, opened, action, input, random, keep }, options.mode === "test");
    noteSuccess(runtime, step, answer);
    const summary = summaryOf(runtime, step, answer);
    if (options.mode !== "test") return { output, step: summary };
    const short = shorten(output);
    return { output: short.output, step: { ...summary, shortened: short.shortened } };
  } catch (cause) {
    throw noteFailure(runtime, step, cause);
  }
}

function summaryOf(runtime: Runtime, { id, record, action, run, started, options }: Ready, answer: ApiAnswer): StepSummary {
  return {
    id,
    connection: record.id,
    action: action.id,
    attempts: run.count,
    status: answer.status,
    duration_ms: runtime.clock() - started,
    ...modeIn(options),
  };
}

const modeIn = ({ mode }: StepOptions): { readonly mode?: "test" } => (mode === undefined ? {} : { mode });

function noteSuccess(runtime: Runtime, step: Ready, { host, status }: ApiAnswer): void {
  const { record, action, actor, started, options } = step;
  const duration = runtime.clock() - started;
  // What is only tried is no use of the connection.
  if (options.mode === undefined) {
    countStep(runtime, record, { action: action.id, outcome: "ok", status, duration });
    noteUse(runtime, record);
  }
  runtime.events.note(
    runtime.events.make(record, "used", {
      actor: actor.id,
      action: action.id,
      host,
      status,
      duration_ms: duration,
      ...workflowIn(options),
      ...modeIn(options),
    }),
  );
}

/** Gives the cause back. */
function noteFailure(runtime: Runtime, { record, action, actor, started, options }: Ready, cause: unknown): unknown {
  const code = cause instanceof JackfieldError ? cause.code : "internal";
  const status = cause instanceof JackfieldError ? cause.provider?.status : undefined;
  const duration_ms = runtime.clock() - started;
  if (options.mode === undefined)
    countStep(runtime, record, { action: action.id, outcome: "failed", status, duration: duration_ms });
  runtime.events.note(
    runtime.events.make(record, "failed", {
      actor: actor.id,
      action: action.id,
      code,
      duration_ms,
      ...(status === undefined ? {} : { status }),
      ...workflowIn(options),
      ...modeIn(options),
    }),
  );
  return cause;
}

/** Counts a step. `action` is one of the connector's, or `proxy`; `duration` in milliseconds. */
export function countStep(
  { telemetry }: Runtime,
  { connector }: ConnectionRecord,
  step: {
    readonly action: string;
    readonly outcome: "ok" | "failed";
    readonly status: number | undefined;
    readonly duration: number;
  },
): void {
  const { action, outcome, status, duration } = step;
  const kind = action === "proxy" ? "proxy" : "action";
  telemetry.note({ connector, action, outcome });
  telemetry.measure("steps_total", { connector, action, outcome, status: statusClass(status) }, 1);
  telemetry.measure("step_duration_seconds", { connector, kind }, duration / 1000);
}

/** What an event keeps of the options. */
export const workflowIn = ({ workflow }: StepOptions): { readonly workflow?: string } =>
  workflow === undefined ? {} : { workflow };

/** Only a connected connection of a connector that is there can be used. Throws `not_connected`, `needs_reauth`, `connector_unknown`. */
export function refuseUnready(runtime: Runtime, record: ConnectionRecord): void {
  connectorOf(runtime, record.connector);
  if (record.status === "connected") return;
  const detail = record.error === null ? {} : { detail: record.error.message };
  throw new JackfieldError(
    record.status === "needs_reauth" ? "needs_reauth" : "not_connected",
    record.status === "needs_reauth" ? detail : {},
  );
}

function actionOf(connector: Connector, auth: Auth, id: string): Action {
  const action = Object.hasOwn(connector.actions, id) ? connector.actions[id] : undefined;
  if (!action) throw new JackfieldError("action_unknown", { detail: `${connector.title} has no action "${id}".` });
  if (action.auth !== undefined && !action.auth.includes(auth.id)) {
    throw new JackfieldError("action_of_other_auth", {
      detail: `"${id}" works with ${action.auth.join(", ")} only, and this connection uses ${auth.id}.`,
    });
  }
  return action;
}

/**
 * Only scopes that this way to connect knows can be asked of it. What the account did not grant is noted, so that the next sign-in asks
 * for it. Throws `scope_missing` before any call.
 */
async function refuseMissingScopes(runtime: Runtime, record: ConnectionRecord, auth: Auth, action: Action): Promise<void> {
  const lacking = action.scopes.filter((scope) => !record.scopes.includes(scope));
  if (lacking.length === 0 || auth.type !== "oauth2") return;
  const known = new Set([...auth.scopes.required, ...auth.scopes.optional].map(({ name }) => name));
  const missing = lacking.filter((scope) => known.has(scope));
  if (missing.length === 0) return;
  const wanted = [...new Set([...record.missing_scopes, ...missing])];
  if (wanted.length > record.missing_scopes.length) await runtime.store.connections.update(record.id, { missing_scopes: wanted });
  throw new JackfieldError("scope_missing", {
    detail: `This action needs ${missing.join(", ")}, which the account has not granted.`,
    members: { scopes: missing },
  });
}
