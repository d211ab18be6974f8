import { type Dispatch, type StateUpdater, useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "./api.ts";

export type Loaded<T> =
  | { readonly state: "loading" }
  | { readonly state: "failed"; readonly problem: Problem }
  | { readonly state: "ready"; readonly value: T };

export interface Loading<T> {
  readonly loaded: Loaded<T>;
  /** Loads again; what is shown stays until the answer is there. */
  readonly reload: () => void;
  readonly set: (change: (value: T) => T) => void;
}

/** Loads something when the page opens and whenever `key` changes; answers that come too late are dropped. */
export function useLoaded<T>(load: () => Promise<T>, key: string): Loading<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: "loading" });
  const turn = useRef(0);
  const latest = useRef(load);
  latest.current = load;
  const begin = useCallback(() => {
    turn.current += 1;
    const mine = turn.current;
    settle(latest.current(), (next) => {
      if (mine === turn.current) setLoaded(next);
    });
  }, []);
  useEffect(() => {
    setLoaded({ state: "loading" });
    begin();
    return () => {
      turn.current += 1;
    };
  }, [key, begin]);
  const set = useCallback((change: (value: T) => T) => apply(setLoaded, change), []);
  return { loaded, reload: begin, set };
}

function apply<T>(setLoaded: Dispatch<StateUpdater<Loaded<T>>>, change: (value: T) => T): void {
  setLoaded((before) => (before.state === "ready" ? { state: "ready", value: change(before.value) } : before));
}

function settle<T>(promise: Promise<T>, done: (loaded: Loaded<T>) => void): void {
  promise.then(
    (value) => done({ state: "ready", value }),
    (thrown: unknown) => done({ state: "failed", problem: problemOf(thrown) }),
  );
}

export interface Doing {
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  /** Runs it; while it runs `busy` is true, and what it throws becomes `problem`. */
  readonly run: (work: () => Promise<void>) => void;
  readonly clear: () => void;
}

/** A thing that a person sets going with a button. */
export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const running = useRef(false);
  const run = useCallback((work: () => Promise<void>) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(undefined);
    work()
      .catch((thrown: unknown) => setProblem(problemOf(thrown)))
      .finally(() => {
        running.current = false;
        setBusy(false);
      });
  }, []);
  const clear = useCallback(() => setProblem(undefined), []);
  return { busy, problem, run, clear };
}
