import type { Action, Auth, Connector, Paginate } from "@jackfield/manifest";
import type { Actor } from "../connection/actor.ts";
import { type ApiAnswer, callApi } from "../connection/api-call.ts";
import { check } from "../connection/check.ts";
import { reach } from "../connection/connections.ts";
import { checkForm } from "../connection/form.ts";
import { declared, namesOf, type OpenConnection, redactorOf } from "../connection/open.ts";
import type { ConnectionRecord } from "../connection/record.ts";
import type { Refresher } from "../connection/refresh.ts";
import { JackfieldError } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { type Rendered, renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { type Judged, readItems, readOutput, refuseFailure } from "./answer.ts";
import { firstPage, isPaginated, type NextPage, pageRequest, readPage } from "./pages.ts";

export interface StepResult {
  readonly output: unknown;
  readonly step: {
    readonly id: string;
    readonly connection: string;
    readonly action: string;
    readonly attempts: number;
    readonly status: number;
    readonly duration_ms: number;
  };
}

export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
}

const timeout = 30_000;
const maxBytes = 10 << 20;
const maxAttempts = 3;

/** The longest wait that a step takes upon itself; a longer one is the workflow's to plan. */
const maxWait = 10_000;

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** Runs one action through a connection. See `Engine.steps.run` for what it throws. */
export async function runStep(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  actionId: string,
  input: unknown,
  options: StepOptions = {},
): Promise<StepResult> {
  const record = await reach(runtime, actor, id);
  refuseUnready(record);
  const { connector, auth } = declared(runtime, record);
  const action = actionOf(connector, auth, actionId);
  const checked = await checkForm("input", Object.entries(action.input), input);
  await refuseMissingScopes(runtime, record, auth, action);

  const started = runtime.clock();
  const stepId = `stp_${runtime.random(12).toString("base64url")}`;
  const run = new Attempts(runtime, refresher, actor.id, options.signal);
  try {
    const opened = await refresher.fresh(record);
    const { answer, output } = await carryOut(runtime, run, opened, action, checked);
    const duration = runtime.clock() - started;
    runtime.events.note(
      runtime.events.make(record, "used", {
        actor: actor.id,
        action: actionId,
        host: answer.host,
        status: answer.status,
        duration_ms: duration,
      }),
    );
    return {
      output,
      step: {
        id: stepId,
        connection: record.id,
        action: actionId,
        attempts: run.count,
        status: answer.status,
        duration_ms: duration,
      },
    };
  } catch (cause) {
    const code = cause instanceof JackfieldError ? cause.code : "internal";
    const status = cause instanceof JackfieldError ? cause.provider?.status : undefined;
    const duration_ms = runtime.clock() - started;
    runtime.events.note(
      runtime.events.make(record, "failed", {
        actor: actor.id,
        action: actionId,
        code,
        duration_ms,
        ...(status === undefined ? {} : { status }),
      }),
    );
    throw cause;
  }
}

/** Makes the action's request, or those for all pages of its list. */
async function carryOut(
  runtime: Runtime,
  run: Attempts,
  opened: OpenConnection,
  action: Action,
  input: Readonly<Record<string, unknown>>,
): Promise<{ readonly answer: ApiAnswer; readonly output: unknown }> {
  const { connector } = opened;
  if (isPaginated(action)) return carryOutPages(runtime, run, opened, action, input);
  const { answer, names, last } = await run.until(opened, async (current) => {
    const names: Names = { ...namesOf(runtime, current), input };
    return { names, rendered: await renderRequest(action.request, names, current.auth) };
  });
  const judged: Judged = { connector, action, redact: redactorOf(last) };
  await refuseFailure(judged, answer, names);
  return { answer, output: await readOutput(judged, answer, names) };
}

/** More would not fit into one answer to a workflow. */
const mostItems = 100_000;

async function carryOutPages(
  runtime: Runtime,
  run: Attempts,
  opened: OpenConnection,
  action: Action & { readonly paginate: Paginate },
  input: Readonly<Record<string, unknown>>,
): Promise<{ readonly answer: ApiAnswer; readonly output: unknown }> {
  const { paginate } = action;
  const items: unknown[] = [];
  let current = opened;
  let next: NextPage | undefined = { page: firstPage(paginate) };
  for (let count = 1; ; count += 1) {
    const { page, url }: NextPage = next;
    const { answer, names, last } = await run.until(current, async (using) => {
      const names = { ...namesOf(runtime, using), input, page };
      const rendered = await renderRequest(pageRequest(action, count === 1), names, using.auth);
      return { names, rendered: url === undefined ? rendered : { ...rendered, url } };
    });
    current = last;
    const judged: Judged = { connector: opened.connector, action, redact: redactorOf(last) };
    await refuseFailure(judged, answer, names);
    const read = await readPage(paginate, answer, { ...names, page });
    items.push(...read.items);
    next = read.next;
    const limit = await limitOf(paginate, { ...names, body: answer.body });
    if (next === undefined || count >= paginate.max_pages || items.length >= limit) {
      return { answer, output: await readItems(judged, items.slice(0, limit)) };
    }
  }
}

async function limitOf({ limit }: Paginate, names: Names): Promise<number> {
  const wanted = limit === undefined ? undefined : await evaluate(limit, names);
  return typeof wanted === "number" && wanted >= 0 ? Math.min(Math.floor(wanted), mostItems) : mostItems;
}

/** Only a connected connection can be used. Throws `not_connected`, `needs_reauth`. */
export function refuseUnready(record: ConnectionRecord): void {
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

/** Only scopes that this way to connect knows can be asked of it. What the account did not grant is noted, so that the next sign-in asks for it. Throws `scope_missing` before any call. */
async function refuseMissingScopes(runtime: Runtime, record: ConnectionRecord, auth: Auth, action: Action): Promise<void> {
  const declaredScopes = auth.type === "oauth2" ? [...auth.scopes.required, ...auth.scopes.optional].map(({ name }) => name) : [];
  const missing = action.scopes.filter((scope) => declaredScopes.includes(scope) && !record.scopes.includes(scope));
  if (missing.length === 0) return;
  const wanted = [...new Set([...record.missing_scopes, ...missing])];
  if (wanted.length > record.missing_scopes.length) await runtime.store.connections.update(record.id, { missing_scopes: wanted });
  throw new JackfieldError("scope_missing", {
    detail: `This action needs ${missing.join(", ")}, which the account has not granted.`,
    members: { scopes: missing },
  });
}

interface Prepared {
  readonly names: Names;
  readonly rendered: Rendered;
}

/** The tries of one step: again after a forced refresh, or when the provider asks to wait a moment. */
class Attempts {
  count = 0;
  private readonly runtime: Runtime;
  private readonly refresher: Refresher;
  private readonly actor: string;
  private readonly signal: AbortSignal | undefined;

  constructor(runtime: Runtime, refresher: Refresher, actor: string, signal: AbortSignal | undefined) {
    this.runtime = runtime;
    this.refresher = refresher;
    this.actor = actor;
    this.signal = signal;
  }

  async until(
    opened: OpenConnection,
    prepare: (opened: OpenConnection) => Promise<Prepared>,
  ): Promise<{ answer: ApiAnswer; names: Names; last: OpenConnection }> {
    let current = opened;
    let refreshed = false;
    for (;;) {
      this.count += 1;
      const { names, rendered } = await prepare(current);
      const answer = await callApi(this.runtime, current, rendered, { timeout, maxBytes, signal: this.signal });
      if (answer.status === 401 && !refreshed) {
        refreshed = true;
        const renewed = await renewRefused(this.runtime, this.refresher, current, this.actor);
        if (renewed) {
          current = renewed;
          continue;
        }
      }
      if (!this.mayWait(rendered, answer)) return { answer, names, last: current };
      await this.runtime.sleep(answer.retry_after ?? 0);
    }
  }

  /** 429 was not carried out, and 503 only counts where a repetition harms nothing. */
  private mayWait(rendered: Rendered, answer: ApiAnswer): boolean {
    const safe = answer.status === 429 || (answer.status === 503 && idempotent.has(rendered.method));
    return safe && answer.retry_after !== undefined && answer.retry_after <= maxWait && this.count < maxAttempts;
  }
}

/**
 * The API refused the credential: one forced refresh. Where that is not possible, the test call says whether the credential is dead (then
 * the connection needs its user) or only this request is not allowed. Undefined when there is nothing new to try with.
 */
export async function renewRefused(
  runtime: Runtime,
  refresher: Refresher,
  opened: OpenConnection,
  actor: string,
): Promise<OpenConnection | undefined> {
  if (opened.record.renewable) return refresher.refresh(opened.record.id, opened.record.credential_version, actor);
  await check(runtime, refresher, opened.record, actor).catch((cause: unknown) => {
    if (!(cause instanceof JackfieldError)) throw cause;
  });
  return undefined;
}
