/** Does `work` every so many milliseconds until the result is called. */
export type Repeat = (ms: number, work: () => Promise<void>) => () => void;

/** With a timer that keeps no process alive. */
export const repeatByTimer: Repeat = (ms, work) => {
  const timer = setInterval(() => void work(), ms).unref();
  return () => clearInterval(timer);
};
