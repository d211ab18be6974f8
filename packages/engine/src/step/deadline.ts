import { JackfieldError } from "../errors.ts";

/** How long a step may take in all where nobody says: one that hands its pages on goes at the pace of who reads them. */
const defaultMs = { request: 30_000, pages: 300_000, stream: Number.POSITIVE_INFINITY } as const;

/** By when a step has to end: with the refresh that it waits for, its waits, its further tries and all its pages. */
export interface Deadline {
  /** Milliseconds in all. */
  readonly ms: number;
  /** Milliseconds until then; below 1 once it is over. */
  rest(): number;
  /** As `rest`. Throws `step_timeout` once it is over. */
  left(): number;
  /** The longest that a request may take, of `timeout` and what is left. Throws as `left`. */
  longest(timeout: number): number;
  /** Waits for `work`, which goes on after the end. Throws `step_timeout` then. */
  wait<T>(work: Promise<T>, what: string): Promise<T>;
  /** What a request's failure means: one that took all that was left is the step's own. */
  explain(cause: unknown, timeout: number): unknown;
}

export interface DeadlineOptions {
  readonly clock: () => number;
  /** Milliseconds, as whoever runs the step gave them. */
  readonly given: number | undefined;
  /** Milliseconds for one request. */
  readonly timeout: number;
  readonly kind: keyof typeof defaultMs;
}

export function createDeadline({ clock, given, timeout, kind }: DeadlineOptions): Deadline {
  const ms = given ?? Math.max(timeout, defaultMs[kind]);
  const end = clock() + ms;
  const late = (what: string, sent: boolean, cause?: unknown) =>
    new JackfieldError("step_timeout", {
      detail: `The step did not end within ${ms} ms: ${what}.`,
      members: { sent },
      ...(cause === undefined ? {} : { cause }),
    });
  const rest = () => end - clock();
  const left = (): number => {
    const ms = rest();
    if (ms > 0) return ms;
    throw late("no time is left for another request", false);
  };
  return {
    ms,
    rest,
    left,
    longest: (most) => Math.min(most, left()),
    async wait(work, what) {
      const most = left();
      if (most === Number.POSITIVE_INFINITY) return work;
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(late(`it waited for ${what}`, false)), most);
      });
      try {
        return await Promise.race([work, over]);
      } finally {
        clearTimeout(timer);
      }
    },
    explain(cause, most) {
      const isTimeout = cause instanceof JackfieldError && cause.code === "provider_timeout";
      if (!isTimeout || rest() > 0 || most >= timeout) return cause;
      const sent = cause.members.sent === true;
      return late(cause.message.replace(/\.$/, ""), sent, cause);
    },
  };
}
