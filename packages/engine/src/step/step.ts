import type { Action, Auth, Connector } from "@jackfield/manifest";
import type { Actor } from "../connection/actor.ts";
import { reach } from "../connection/connections.ts";
import { checkForm } from "../connection/form.ts";
import { connectorOf, inForce } from "../connection/open.ts";
import type { ConnectionRecord } from "../connection/record.ts";
import { noteUse } from "../connection/upkeep/idle.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { statusClass } from "../telemetry.ts";
import { Attempts } from "./attempts.ts";
import { carryOut } from "./carry-out.ts";

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
  /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
  readonly workflow?: string | undefined;
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
): Promise<StepResult> {
  const record = await reach(runtime, actor, id);
  refuseUnready(runtime, record);
  const { connector, auth } = inForce(runtime, record);
  const action = actionOf(connector, auth, actionId);
  const checked = await checkForm("input", Object.entries(action.input), input, runtime.plainHttp);
  await refuseMissingScopes(runtime, record, auth, action);

  const started = runtime.clock();
  const stepId = `stp_${runtime.random(12).toString("base64url")}`;
  const workflow = workflowIn(options);
  const run = new Attempts(runtime, refresher, { actor: actor.id, retry: action.retry, signal: options.signal });
  try {
    const opened = await refresher.fresh(record);
    const { answer, output } = await carryOut(runtime, run, opened, action, checked);
    const duration = runtime.clock() - started;
    countStep(runtime, record, { action: actionId, outcome: "ok", status: answer.status, duration });
    noteUse(runtime, record);
    runtime.events.note(
      runtime.events.make(record, "used", {
        actor: actor.id,
        action: actionId,
        host: answer.host,
        status: answer.status,
        duration_ms: duration,
        ...workflow,
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
    countStep(runtime, record, { action: actionId, outcome: "failed", status, duration: duration_ms });
    runtime.events.note(
      runtime.events.make(record, "failed", {
        actor: actor.id,
        action: actionId,
        code,
        duration_ms,
        ...(status === undefined ? {} : { status }),
        ...workflow,
      }),
    );
    throw cause;
  }
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
