/** The end of a call: by its caller's signal, or because its time is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Milliseconds that are left. */
  left(): number;
  /** To be called when the call is over, so that no timer keeps the process. */
  clear(): void;
}

export function deadlineOf(signal: AbortSignal | undefined, timeout: number): Deadline {
  const end = performance.now() + timeout;
  const time = new AbortController();
  // setTimeout takes 31 bits: more would be none at all.
  const timer = timeout < 2 ** 31 ? setTimeout(() => time.abort(), timeout) : undefined;
  return {
    signal: signal === undefined ? time.signal : AbortSignal.any([signal, time.signal]),
    left: () => end - performance.now(),
    clear: () => clearTimeout(timer),
  };
}

/** Waits, unless the signal comes first: then it throws the signal's reason. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
