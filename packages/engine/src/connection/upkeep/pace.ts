import type { ConnectionRecord } from "../record.ts";

/*
 * How many background refreshes of one app a process asks a token endpoint for at a time. Without a bound, thousands that are due at once
 * would be a storm for the provider, and one that answers slowly would take every place in the queue. A refresh that has to wait goes back
 * into the queue, for the time at which a place should be free.
 */

/** At a time, of one app. */
const places = 16;

/** How long a refresh is taken to last before one was seen, in milliseconds. */
const usual = 200;

/** However many wait, this long is soon enough to look again. */
const longestWait = 60_000;

/** Of so many apps it is known how long one takes. */
const most = 1_000;

/** How much a new observation counts. */
const weight = 0.2;

interface Lane {
  running: number;
  /** How long one takes, in milliseconds. */
  duration: number;
  /** When the last of those who wait is to come again. */
  last: number;
  /** The provider has asked to be left alone until then. */
  heldUntil: number;
}

export interface Pace {
  /** Does `work` if there is a place for this app. Gives the milliseconds after which to come again where there is none, otherwise 0. */
  run(app: string, work: () => Promise<void>): Promise<number>;
  /** The provider wants nobody of this app to come before so many milliseconds have passed. */
  hold(app: string, ms: number): void;
}

/** `clock` gives milliseconds since the epoch. */
export function createPace(clock: () => number): Pace {
  const lanes = new Map<string, Lane>();
  const laneOf = (app: string): Lane => {
    const lane = lanes.get(app) ?? { running: 0, duration: usual, last: 0, heldUntil: 0 };
    lanes.set(app, lane);
    return lane;
  };
  const forget = () => {
    for (const [app, { running, last, heldUntil }] of lanes)
      if (running === 0 && Math.max(last, heldUntil) <= clock()) lanes.delete(app);
  };
  return {
    async run(app, work) {
      const lane = laneOf(app);
      const began = clock();
      if (lane.running >= places || lane.heldUntil > began) {
        lane.last = Math.max(lane.last, lane.heldUntil, began) + lane.duration / places;
        return Math.min(longestWait, Math.max(1, Math.ceil(lane.last - began)));
      }
      lane.running += 1;
      try {
        await work();
      } finally {
        lane.running -= 1;
        lane.duration += weight * (clock() - began - lane.duration);
        if (lanes.size > most) forget();
      }
      return 0;
    },
    hold(app, ms) {
      const lane = laneOf(app);
      lane.heldUntil = Math.max(lane.heldUntil, clock() + Math.min(ms, longestWait));
    },
  };
}

/** Whose token endpoint is asked as whom: the app, or the connection itself where it has a client of its own. */
export function appOf({ id, workspace, connector, auth, environment, client_id }: ConnectionRecord): string {
  return JSON.stringify([workspace, connector, auth, environment, client_id ?? id]);
}
