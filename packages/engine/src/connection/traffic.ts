import type { RateLimit } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { OpenConnection } from "./open.ts";

/*
 * What a manifest says of a provider's budget: how many requests at once, how many in a time, and which headers tell how many are left. A
 * step waits a moment for its turn, and is refused where the moment would be long. Each process counts its own.
 */

export interface Traffic {
  /**
   * Does the request when it is its turn. `left` gives how many milliseconds it may wait at the most. Throws `connection_busy` and
   * `provider_rate_limited` without having done it.
   */
  through<T extends Told>(opened: OpenConnection, left: () => number, send: () => Promise<T>): Promise<T>;
}

/** What an answer tells of the budget. */
export interface Told {
  readonly headers: Readonly<Record<string, string>>;
}

/** A longer wait is the workflow's to plan. */
const longestWait = 10_000;
/** More would wait for longer than that. */
const mostWaiting = 100;
const askAgainMs = 1_000;
/** Beyond it, what is idle is forgotten. */
const mostLanes = 10_000;

/** The requests that share a budget. */
interface Lane {
  running: number;
  readonly waiting: Set<() => void>;
  /** By when all requests so far would be done if they came evenly spread (the generic cell rate algorithm). */
  spread: number;
  /** The provider said that there is nothing left until then. */
  heldUntil: number;
}

export interface TrafficOptions {
  readonly clock: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export function createTraffic({ clock, sleep }: TrafficOptions): Traffic {
  const lanes = new Map<string, Lane>();

  const laneOf = (key: string): Lane => {
    const known = lanes.get(key);
    if (known !== undefined) return known;
    if (lanes.size >= mostLanes) for (const [name, lane] of lanes) if (isIdle(lane, clock())) lanes.delete(name);
    const lane: Lane = { running: 0, waiting: new Set(), spread: 0, heldUntil: 0 };
    lanes.set(key, lane);
    return lane;
  };

  /** Waits for the budget, if that does not take long. */
  const spend = async (limit: RateLimit, lane: Lane, left: number): Promise<void> => {
    const now = clock();
    const { requests, per } = limit;
    const [space, burst] = requests === undefined || per === undefined ? [0, 0] : [per / requests, per];
    const spread = Math.max(lane.spread, now) + space;
    const wait = Math.max(lane.heldUntil - now, spread - now - burst, 0);
    if (wait > Math.min(longestWait, left))
      throw new JackfieldError("provider_rate_limited", {
        detail: "The provider's budget is used up for now, so nothing was sent.",
        members: { sent: false },
        retry_after: wait,
      });
    lane.spread = spread;
    if (wait > 0) await sleep(wait);
  };

  return {
    async through(opened, left, send) {
      const limit = opened.connector.rate_limit;
      if (limit === undefined) return send();
      const lane = laneOf(keyOf(opened, limit));
      await takeTurn(limit, lane, left());
      try {
        await spend(limit, lane, left());
        const answer = await send();
        lane.heldUntil = Math.max(lane.heldUntil, heldUntil(limit, answer, clock()));
        return answer;
      } finally {
        giveTurn(lane);
      }
    },
  };
}

function keyOf({ record, connector }: OpenConnection, { scope }: RateLimit): string {
  if (scope !== "app") return record.id;
  return JSON.stringify([record.workspace, connector.name, record.environment, record.client_id]);
}

const isIdle = ({ running, waiting, spread, heldUntil }: Lane, now: number) =>
  running === 0 && waiting.size === 0 && spread <= now && heldUntil <= now;

/** First come, first served. Throws `connection_busy`. */
async function takeTurn({ concurrent }: RateLimit, lane: Lane, left: number): Promise<void> {
  if (concurrent === undefined || lane.running < concurrent) {
    lane.running += 1;
    return;
  }
  const busy = () =>
    new JackfieldError("connection_busy", {
      detail: `${concurrent} requests run at once, as many as the connector allows, and ${lane.waiting.size} wait.`,
      members: { sent: false },
      retry_after: askAgainMs,
    });
  if (lane.waiting.size >= mostWaiting) throw busy();
  await new Promise<void>((resolve, reject) => {
    const go = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(
      () => {
        const error = busy();
        lane.waiting.delete(go);
        reject(error);
      },
      Math.min(longestWait, left),
    );
    lane.waiting.add(go);
  });
}

/** The place goes to the one that has waited longest, or is free. */
function giveTurn(lane: Lane): void {
  const [next] = lane.waiting;
  if (next === undefined) {
    lane.running -= 1;
    return;
  }
  lane.waiting.delete(next);
  next();
}

/** Until when the answer says that there is nothing left; 0 where it does not. */
function heldUntil({ headers: names }: RateLimit, { headers }: Told, now: number): number {
  if (names?.remaining === undefined || names.reset === undefined) return 0;
  const remaining = headers[names.remaining.toLowerCase()];
  const reset = headers[names.reset.toLowerCase()];
  if (remaining === undefined || reset === undefined || !(Number(remaining) <= 0)) return 0;
  return resetTime(reset, names.reset_unit ?? "at_s", now) ?? 0;
}

type Unit = NonNullable<NonNullable<RateLimit["headers"]>["reset_unit"]>;

const readers: { readonly [U in Unit]: (value: string, now: number) => number } = {
  s: (value, now) => now + Number(value) * 1000,
  ms: (value, now) => now + Number(value),
  at_s: (value) => Number(value) * 1000,
  at_ms: (value) => Number(value),
  at_iso: (value) => Date.parse(value),
};

/** Milliseconds since the epoch. */
export function resetTime(value: string, unit: Unit, now: number): number | undefined {
  const at = readers[unit](value.trim(), now);
  return Number.isFinite(at) ? at : undefined;
}

/**
 * Milliseconds that a refusal for too many requests asks to wait, by the headers that the manifest names; undefined where they tell
 * nothing.
 */
export function waitToldBy(limit: RateLimit | undefined, { headers }: Told, now: number): number | undefined {
  const names = limit?.headers;
  const seconds = names?.retry_after === undefined ? undefined : headers[names.retry_after.toLowerCase()];
  if (seconds !== undefined && /^\d{1,9}(\.\d+)?$/.test(seconds.trim())) return Math.ceil(Number(seconds) * 1000);
  const reset = names?.reset === undefined ? undefined : headers[names.reset.toLowerCase()];
  const at = reset === undefined ? undefined : resetTime(reset, names?.reset_unit ?? "at_s", now);
  return at === undefined ? undefined : Math.max(0, at - now);
}
