// A step that is run once, however often its caller repeats it: draft-ietf-httpapi-idempotency-key-header, with Stripe's answers to what
// the draft leaves open.

import { createHash } from "node:crypto";
import type { ConnectionRecord } from "../connection/record.ts";
import type { Place } from "../connection/seal.ts";
import type { KeptStep } from "../connection/store.ts";
import { type ErrorCode, type ErrorDetails, JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

const keptMs = 24 * 3_600_000;
/** What a run may take beyond its own deadline, for a slow store. */
const graceMs = 15_000;
/** A sealed text is a third longer, and MongoDB takes no document beyond 16 MiB. */
const mostBytes = 4 << 20;
const askAgainMs = 1_000;

export const placeOfStep = ({ workspace, connector, id }: Pick<KeptStep, "workspace" | "connector" | "id">): Place => ({
  workspace,
  connector,
  id,
  field: "step",
});

/** One run: who asks for what under which key. */
export interface Keyed {
  readonly record: ConnectionRecord;
  /** The id of the step that is run, unless it was already. */
  readonly step: string;
  /** As the caller sent it. */
  readonly key: string;
  /** Everything that makes two requests the same. */
  readonly asked: unknown;
  /** Milliseconds that the run takes at the most. */
  readonly ms: number;
  /** Whether a run that was cut off may be made again. */
  readonly harmless: boolean;
}

/** How a run that failed is to be understood: whether it may be made again under its key. */
export interface Failed {
  readonly cause: unknown;
  readonly repeatable: boolean;
}

type Answered<T> =
  | { readonly result: T }
  | { readonly failure: ErrorDetails & { readonly code: ErrorCode } }
  | { readonly tooLarge: true };

/** What is sealed in a record. */
interface Kept<T> {
  readonly asked: string;
  readonly answered?: Answered<T>;
}

/**
 * Runs the step, or gives what its first run gave. A run that failed before anything reached the provider leaves nothing behind, so that it
 * may be made again. Throws `step_running`, `step_interrupted`, `step_answer_not_kept`, `idempotency_key_reused`, and what the run throws.
 */
export async function once<T>(
  runtime: Runtime,
  keyed: Keyed,
  run: () => Promise<T>,
  understand: (cause: unknown) => Failed,
): Promise<{ readonly result: T; readonly replayed: boolean }> {
  const own = recordOf(runtime, keyed);
  const asked = digest(keyed.asked);
  const record = { ...own, sealed: seal<T>(runtime, own, { asked }) };
  const there = await begin(runtime, record, keyed.harmless);
  if (there.step !== own.step) return { result: repeated<T>(runtime, there, asked), replayed: true };

  const end = (answered: Answered<T>) => keep(runtime, { ...own, running_until: null }, { asked, answered });
  try {
    const result = await run();
    await end({ result });
    return { result, replayed: false };
  } catch (thrown) {
    const { cause, repeatable } = understand(thrown);
    if (repeatable) await forget(runtime, own);
    else await end({ failure: toldOf(cause) });
    throw cause;
  }
}

/** The record of this run, or of the one before it. A run whose process died is made anew where that does no harm. */
async function begin(runtime: Runtime, record: KeptStep, harmless: boolean): Promise<KeptStep> {
  const { kept_steps } = runtime.store;
  const now = () => new Date(runtime.clock()).toISOString();
  const there = await kept_steps.begin(record, now());
  if (there.step === record.step || !harmless || !wasCutOff(runtime, there)) return there;
  await kept_steps.forget(there.id, there.step);
  return kept_steps.begin(record, now());
}

const wasCutOff = ({ clock }: Runtime, { running_until }: KeptStep) =>
  running_until !== null && Date.parse(running_until) <= clock();

function recordOf({ clock }: Runtime, { record, step, key, ms }: Keyed): Omit<KeptStep, "sealed"> {
  const { id: connection, workspace, connector } = record;
  return {
    id: digest([workspace, connection, key]),
    workspace,
    connector,
    connection,
    step,
    running_until: new Date(clock() + ms + graceMs).toISOString(),
    expires_at: new Date(clock() + keptMs).toISOString(),
  };
}

function repeated<T>(runtime: Runtime, there: KeptStep, asked: string): T {
  const kept = runtime.sealer.open(placeOfStep(there), there.sealed) as Kept<T>;
  if (kept.asked !== asked) throw new JackfieldError("idempotency_key_reused");
  const { answered } = kept;
  if (answered === undefined) {
    if (wasCutOff(runtime, there)) throw new JackfieldError("step_interrupted", { members: { step: there.step } });
    throw new JackfieldError("step_running", { members: { step: there.step }, retry_after: askAgainMs });
  }
  if ("tooLarge" in answered) throw new JackfieldError("step_answer_not_kept", { members: { step: there.step } });
  if ("result" in answered) return answered.result;
  const { code, members, ...details } = answered.failure;
  throw new JackfieldError(code, { ...details, members: { ...members, replayed: true } });
}

/** What came of a run is told although it cannot be kept: the run was made. */
async function keep<T>(runtime: Runtime, record: Omit<KeptStep, "sealed">, kept: Kept<T>): Promise<void> {
  const isTooLarge = Buffer.byteLength(JSON.stringify(kept)) > mostBytes;
  const sealed = seal<T>(runtime, record, isTooLarge ? { ...kept, answered: { tooLarge: true } } : kept);
  await runtime.store.kept_steps.end({ ...record, sealed }).catch(warn(runtime, record));
}

const forget = async (runtime: Runtime, record: Omit<KeptStep, "sealed">): Promise<void> =>
  void (await runtime.store.kept_steps.forget(record.id, record.step).catch(warn(runtime, record)));

const warn =
  ({ log }: Runtime, { connection, step }: Pick<KeptStep, "connection" | "step">) =>
  (cause: unknown) =>
    log("warn", "what a step answered could not be kept for its repetition", { connection, step, cause });

const seal = <T>({ sealer }: Runtime, record: Omit<KeptStep, "sealed">, kept: Kept<T>) => sealer.seal(placeOfStep(record), kept);

function toldOf(cause: unknown): ErrorDetails & { readonly code: ErrorCode } {
  if (!(cause instanceof JackfieldError)) return { code: "internal" };
  const { code, message, hint, provider, members, retryAfter } = cause;
  return {
    code,
    detail: message,
    hint,
    members,
    ...(provider === undefined ? {} : { provider }),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
  };
}

/** What looks random to a provider, and is the same for each run under one key. */
export const bytesOf = ({ id, workspace }: ConnectionRecord, key: string): Buffer =>
  Buffer.from(digest(["request", workspace, id, key]), "hex");

/** SHA-256 of a value as JSON, hex. */
const digest = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** Removes what no repetition is answered with any more. */
export async function forgetOldSteps({ store, clock }: Runtime): Promise<void> {
  await store.kept_steps.expire(new Date(clock()).toISOString());
}
