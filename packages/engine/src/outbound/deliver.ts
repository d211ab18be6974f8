import { system } from "../connection/actor.ts";
import { isOutgoing, pingType } from "../connection/outgoing.ts";
import type { DeliveryRecord, EndpointRecord, Outgoing } from "../connection/record.ts";
import type { DeliveryPatch } from "../connection/store.ts";
import { type ErrorCode, JackfieldError } from "../errors.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { retryAfter } from "../request/retry-after.ts";
import type { Runtime } from "../runtime.ts";
import { secretsOf, wants } from "./endpoints.ts";
import { messageOf } from "./message.ts";
import { signedHeaders } from "./signature.ts";

/*
 * An event is stored together with its entry in the outbox. From there it is handed to the endpoints that want it, as one delivery each,
 * and every delivery is tried until it succeeds or its time is over. Each arrow is made of writes that may be repeated, so that a process
 * which dies anywhere leaves something that the sweep finds: every event arrives at least once, always with the same id. The queue's job is
 * the endpoint, so that a slow one holds up nobody but itself.
 */

/** Seconds from one attempt to the next, as Standard Webhooks suggests; after the last one nothing more is tried. */
const pauses = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];
const longestPause = 24 * 3_600_000;

const timeout = 15_000;
/** A delivery that is being attempted is nobody else's for so long; if the process dies, it is tried again afterwards. */
const claimMs = timeout + 5_000;
/** What is read of an answer, which nobody looks at, so that its connection can be used again. */
const answerBytes = 16 * 1024;

const batch = 100;
/** How many deliveries of one endpoint one job makes, and how many of them at a time. */
const perJob = 20;
const lanes = 4;
const sweepAheadMs = 60_000;

export type NewDelivery = Pick<DeliveryRecord, "endpoint" | "event" | "type" | "body">;

export interface Deliverer {
  /** Hands what is in the outbox to the endpoints. */
  distribute(): Promise<void>;
  /** The queued job: attempts what is due for an endpoint. */
  work(endpoint: string): Promise<void>;
  /** One attempt now, and no other; gives what came of it. */
  once(delivery: NewDelivery): Promise<DeliveryRecord>;
  /** Finds what a crash or a lost queue has left. */
  sweep(): Promise<void>;
}

/** How one attempt ended: the answer's status, or the code of why there was none. */
interface Outcome {
  readonly status: number | null;
  readonly error: ErrorCode | null;
  readonly retry_after: number | undefined;
  readonly duration: number;
}

/** `stopping` ends the attempts that run. */
export function createDeliverer(runtime: Runtime, stopping: AbortSignal): Deliverer {
  const deliverer: Deliverer = {
    distribute: oneAtATime(() => distribute(runtime)),
    work: (endpoint) => work(runtime, stopping, endpoint),
    async once(delivery) {
      const made = newDelivery(runtime, delivery, runtime.clock() + claimMs);
      await runtime.store.deliveries.insert(made);
      return (await attempt(runtime, stopping, made)) ?? made;
    },
    async sweep() {
      await deliverer.distribute();
      const until = new Date(runtime.clock() + sweepAheadMs).toISOString();
      for (const { endpoint, next_at } of await runtime.store.deliveries.due(until, 1_000)) {
        await runtime.queue.put({ kind: "deliver", id: endpoint, due: Date.parse(next_at) });
      }
    },
  };
  runtime.events.onStored((events) => {
    if (!events.some(isOutgoing)) return;
    deliverer.distribute().catch((cause: unknown) => runtime.log("warn", "events wait for the sweep to be delivered", { cause }));
  });
  return deliverer;
}

async function distribute(runtime: Runtime): Promise<void> {
  for (;;) {
    const entries = await runtime.store.outbox.list(batch);
    for (const entry of entries) await hand(runtime, entry);
    if (entries.length < batch) return;
  }
}

async function hand(runtime: Runtime, entry: Outgoing): Promise<void> {
  const { event } = entry;
  const message = messageOf(runtime, entry);
  const endpoints = message === undefined ? [] : await runtime.store.endpoints.list(event.workspace);
  const deliveries = endpoints.flatMap((endpoint) =>
    message !== undefined && wants(endpoint, message.type)
      ? [newDelivery(runtime, { endpoint: endpoint.id, event: event.id, ...message }, runtime.clock())]
      : [],
  );
  await runtime.store.outbox.hand(event.id, deliveries);
  for (const { endpoint } of deliveries) await runtime.queue.put({ kind: "deliver", id: endpoint, due: runtime.clock() });
}

function newDelivery(runtime: Runtime, delivery: NewDelivery, next: number): DeliveryRecord {
  const now = new Date(runtime.clock()).toISOString();
  return {
    ...delivery,
    id: `${delivery.endpoint}.${delivery.event}`,
    status: "pending",
    attempts: 0,
    http_status: null,
    error: null,
    duration_ms: null,
    next_at: new Date(next).toISOString(),
    created_at: now,
    updated_at: now,
  };
}

async function work(runtime: Runtime, stopping: AbortSignal, endpoint: string): Promise<void> {
  const pending = await runtime.store.deliveries.pending(endpoint, perJob);
  const now = new Date(runtime.clock()).toISOString();
  const due = pending.filter(({ next_at }) => next_at !== null && next_at <= now).values();
  // All lanes take from one iterator.
  const lane = async (): Promise<void> => {
    for (const delivery of due) if (!stopping.aborted) await attempt(runtime, stopping, delivery);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  await schedule(runtime, endpoint);
}

/**
 * Puts the job of an endpoint for its earliest delivery. One that is stored between the look and the put would have its earlier job
 * replaced, so it looks until nothing changes any more.
 */
async function schedule(runtime: Runtime, endpoint: string): Promise<void> {
  for (let known: string | undefined; ; ) {
    const [first] = await runtime.store.deliveries.pending(endpoint, 1);
    if (first === undefined || first.next_at === null || first.next_at === known) return;
    await runtime.queue.put({ kind: "deliver", id: endpoint, due: Date.parse(first.next_at) });
    known = first.next_at;
  }
}

/** Makes one attempt; gives the delivery as it is afterwards, or undefined where somebody else is making it. */
async function attempt(runtime: Runtime, stopping: AbortSignal, delivery: DeliveryRecord): Promise<DeliveryRecord | undefined> {
  const { deliveries, endpoints } = runtime.store;
  const endpoint = await endpoints.get(delivery.endpoint);
  if (endpoint === undefined) return undefined;
  const { attempts } = delivery;
  const change = (patch: DeliveryPatch, expected: number) =>
    deliveries.update(delivery.id, { ...patch, updated_at: new Date(runtime.clock()).toISOString() }, { attempts: expected });
  const over = { body: null, next_at: null } as const;
  if (endpoint.disabled !== null && delivery.type !== pingType) return change({ ...over, status: "cancelled" }, attempts);

  const claim = { attempts: attempts + 1, next_at: new Date(runtime.clock() + claimMs).toISOString() };
  const claimed = await change(claim, attempts);
  if (claimed === undefined || claimed.body === null) return undefined;
  const body = claimed.body;
  const outcome = await runtime.telemetry.span("event_delivery", {}, () =>
    send(runtime, stopping, endpoint, claimed.event, body),
  );
  if (outcome === undefined) return change({ attempts, next_at: delivery.next_at }, claimed.attempts);

  const { status, error, duration } = outcome;
  const told = { http_status: status, error, duration_ms: duration };
  const counted = (outcome: string) => runtime.telemetry.measure("event_deliveries_total", { outcome }, 1);
  if (status !== null && status >= 200 && status <= 299) {
    counted("delivered");
    const delivered = await change({ ...told, ...over, status: "delivered" }, claimed.attempts);
    await endpoints.update(endpoint.id, { last_success_at: new Date(runtime.clock()).toISOString() });
    return delivered;
  }
  const next = status === 410 || claimed.type === pingType ? undefined : nextAttempt(runtime, claimed.attempts, outcome);
  counted(next === undefined ? "given_up" : "retry");
  if (next !== undefined) return change({ ...told, next_at: next }, claimed.attempts);
  await giveUp(runtime, claimed, status);
  return change({ ...told, ...over, status: "failed" }, claimed.attempts);
}

/** Undefined where the attempt was not finished because the process stops. */
async function send(
  runtime: Runtime,
  stopping: AbortSignal,
  endpoint: EndpointRecord,
  id: string,
  body: string,
): Promise<Outcome | undefined> {
  const started = runtime.clock();
  const ended = (rest: Omit<Outcome, "duration">): Outcome => ({ ...rest, duration: runtime.clock() - started });
  try {
    const { current, previous } = secretsOf(runtime, endpoint);
    const both = previous !== null && Date.parse(previous.until) > started ? [current, previous.secret] : [current];
    const answer = await runtime.egress.stream({
      method: "POST",
      url: endpoint.url,
      headers: { "content-type": "application/json", ...signedHeaders(both, id, started, body) },
      body,
      timeout,
      maxBytes: 2 * answerBytes,
      redirects: "none",
      purpose: "event",
      signal: stopping,
    });
    await discard(answer.body);
    return ended({ status: answer.status, error: null, retry_after: retryAfter(answer) });
  } catch (cause) {
    if (stopping.aborted) return undefined;
    if (!(cause instanceof JackfieldError)) throw cause;
    return ended({ status: null, error: cause.code, retry_after: undefined });
  }
}

/** The status has said it all: a body that is too long, or breaks off, changes nothing. */
async function discard(body: AsyncIterable<Buffer>): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > answerBytes) return;
    }
  } catch (cause) {
    if (!(cause instanceof JackfieldError)) throw cause;
  }
}

/** When the next attempt is made after so many; undefined after the last. A little chance keeps many from coming at once. */
function nextAttempt(runtime: Runtime, attempts: number, { retry_after }: Outcome): string | undefined {
  const pause = pauses[attempts - 1];
  if (pause === undefined) return undefined;
  const chance = 1 + (runtime.random(1)[0] ?? 0) / 2550;
  const wait = Math.max(pause * 1000 * chance, Math.min(retry_after ?? 0, longestPause));
  return new Date(runtime.clock() + wait).toISOString();
}

/** An endpoint that says it is gone, or took nothing in all the days of a delivery, is disabled, and the log says so. */
async function giveUp(runtime: Runtime, delivery: DeliveryRecord, status: number | null): Promise<void> {
  if (delivery.type === pingType && status !== 410) return;
  const endpoint = await runtime.store.endpoints.get(delivery.endpoint);
  if (endpoint === undefined) return;
  const took = endpoint.last_success_at !== null && endpoint.last_success_at >= delivery.created_at;
  if (status !== 410 && took) return;
  const { id, workspace } = endpoint;
  const event = runtime.events.make({ id: null, workspace }, "endpoint_disabled", { actor: system, endpoint: id });
  const at = new Date(runtime.clock()).toISOString();
  const written = await runtime.store.endpoints.update(
    id,
    { disabled: { at, reason: status === 410 ? "gone" : "failing" }, updated_at: at },
    { expect: { enabled: true }, events: [event] },
  );
  if (written !== undefined) runtime.events.announce([event]);
}
