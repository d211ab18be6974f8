import { type ErrorDetails, JackfieldError } from "../../errors.ts";
import { type Verdict, verdictOf } from "../../grant/device-code.ts";
import { dropJob, putJob } from "../../jobs.ts";
import type { Runtime } from "../../runtime.ts";
import { follow, type OpenConnection } from "../open.ts";
import type { ConnectionRecord, FlowRecord, Polling } from "../record.ts";
import { connect } from "./connect.ts";
import { conclude, linkEnded, openBegun, openSecret, redeem } from "./flow.ts";

/*
 * A sign-in that is confirmed on another device: the token endpoint is asked until it says how it ended (RFC 8628 §3.4). The time of the
 * next question stands in the flow. Whoever asks first moves it ahead, and whoever comes at the same time finds it moved; if the process
 * dies meanwhile, the question is asked again when that time has come.
 */

/** Longer than a token request may take. */
const claimMs = 60_000;

/** RFC 8628 §3.5. */
const slowDownMs = 5_000;

/** However often the provider could not be reached, the person who confirms waits no longer than this. */
const longestPause = 60_000;

/** A flow whose code may be asked about. */
type Polled = FlowRecord & { readonly polling: Polling };

const isPolled = (flow: FlowRecord | undefined): flow is Polled => flow !== undefined && flow.polling !== null;

/** The error of a code that nobody confirmed while it was good. */
export const notConfirmed = (details: Pick<ErrorDetails, "provider"> = {}): JackfieldError =>
  new JackfieldError("code_expired", { ...details, detail: "The code was not confirmed in time." });

/** Puts the job that asks next. */
export async function schedulePoll(runtime: Runtime, { id, at }: { readonly id: string; readonly at: string }): Promise<void> {
  await putJob(runtime, { kind: "device", id, due: Date.parse(at) });
}

/** Ends the flows of a connection that wait for a code to be confirmed. */
export async function endPolled(runtime: Runtime, connection: string): Promise<void> {
  for (const { id } of await runtime.store.flows.endPolled(connection)) {
    await dropJob(runtime, "device", id);
  }
}

/** The queued job: asks once whether the code of a flow was confirmed, if it is time to. */
export async function poll(runtime: Runtime, id: string): Promise<void> {
  const flow = await runtime.store.flows.get(id);
  if (!isPolled(flow)) return;
  const now = runtime.clock();
  if (Date.parse(flow.polling.at) > now) return schedulePoll(runtime, { id, at: flow.polling.at });
  const claimed = await repoll(runtime, flow, { ...flow.polling, at: iso(now + claimMs) });
  if (claimed === undefined) return;
  const record = await follow(runtime, flow.connection);
  if (record === undefined || record.status === "revoked") return void (await runtime.store.flows.consume(flow.state_hash));
  if (Date.parse(flow.expires_at) <= now) return fail(runtime, claimed, record, notConfirmed());
  if (flow.via === "connect" && !(await runtime.admits(flow.actor))) return fail(runtime, claimed, record, linkEnded());
  let asked: { readonly fresh: OpenConnection; readonly scopes: readonly string[] };
  try {
    asked = await ask(runtime, claimed, record);
  } catch (cause) {
    return goOn(runtime, claimed, record, cause);
  }
  // The flow may have been ended while the question was under way; then its token is nobody's.
  if ((await runtime.store.flows.consume(flow.state_hash)) === undefined) return;
  await endPolled(runtime, record.id);
  const { fresh, scopes } = asked;
  await conclude(runtime, flow, record, async () => (await connect(runtime, fresh, scopes, flow.actor)).record);
}

/** Asks once. Throws what `verdictOf` reads. */
async function ask(runtime: Runtime, flow: Polled, record: ConnectionRecord) {
  const secret = openSecret(runtime, flow);
  const opened = openBegun(runtime, flow, record, secret);
  const fresh = await redeem(runtime, flow, opened, secret, { code: secret.secret ?? "", state: "", callback: {} });
  return { fresh, scopes: secret.scopes };
}

/** What changes before the next question; undefined where there is none. */
const nexts: { readonly [V in Verdict]: ((polling: Polling) => Pick<Polling, "interval" | "failures">) | undefined } = {
  pending: ({ interval }) => ({ interval, failures: 0 }),
  slow_down: ({ interval }) => ({ interval: interval + slowDownMs, failures: 0 }),
  unreachable: ({ interval, failures }) => ({ interval, failures: failures + 1 }),
  denied: undefined,
  expired: undefined,
  failed: undefined,
};

/** No token came: asks again later, or ends the sign-in. */
async function goOn(runtime: Runtime, flow: Polled, record: ConnectionRecord, cause: unknown): Promise<void> {
  const verdict = verdictOf(cause);
  const next = nexts[verdict]?.(flow.polling);
  if (next === undefined) return fail(runtime, flow, record, endedBy(verdict, cause));
  const asked = cause instanceof JackfieldError ? (cause.retryAfter ?? 0) : 0;
  const backoff = Math.min(next.interval * 2 ** Math.min(next.failures, 12), Math.max(longestPause, next.interval));
  // The end of the code is told when it comes.
  const at = iso(Math.min(runtime.clock() + Math.max(backoff, asked), Date.parse(flow.expires_at)));
  const moved = await repoll(runtime, flow, { ...next, at });
  if (moved !== undefined) await schedulePoll(runtime, { id: flow.id, at });
}

/** What a person reads of the end. */
function endedBy(verdict: Verdict, cause: unknown): unknown {
  const provider = cause instanceof JackfieldError && cause.provider !== undefined ? { provider: cause.provider } : {};
  if (verdict === "denied") return new JackfieldError("access_denied", provider);
  return verdict === "expired" ? notConfirmed(provider) : cause;
}

/** Ends a sign-in that did not succeed, unless somebody else has it by now. */
async function fail(runtime: Runtime, flow: Polled, record: ConnectionRecord, error: unknown): Promise<void> {
  const current = await runtime.store.flows.get(flow.id);
  if (current?.polling?.at !== flow.polling.at) return;
  if ((await runtime.store.flows.consume(flow.state_hash)) === undefined) return;
  await conclude(runtime, flow, record, () => Promise.reject(error));
}

const iso = (time: number) => new Date(time).toISOString();

async function repoll(runtime: Runtime, flow: Polled, polling: Polling): Promise<Polled | undefined> {
  const moved = await runtime.store.flows.repoll(flow.id, polling, flow.polling.at);
  return isPolled(moved) ? moved : undefined;
}
