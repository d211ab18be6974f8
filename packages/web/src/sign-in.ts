import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Authorization, type Connection, call, Problem, path, problemOf } from "./api.ts";
import { watchConnection } from "./live.ts";
import { type Outcome, outcomeOfEvent, outcomeOfState } from "./sign-in-outcome.ts";
import { openSignInWindow, type SignInWindow, webUrl } from "./sign-in-window.ts";

/** A sign-in at the provider, as the page shows it. */
export type SignIn =
  | { readonly phase: "idle" }
  | { readonly phase: "preparing" }
  | {
      readonly phase: "waiting";
      readonly connection: Connection;
      readonly url: string;
      /** The browser blocked the window: this tab can be used instead. */
      readonly blocked: boolean;
      /** The window seems to be closed; the page goes on listening all the same. */
      readonly unfinished: boolean;
    }
  | { readonly phase: "refused"; readonly problem: Problem }
  | { readonly phase: "done"; readonly outcome: Outcome };

/** What is to be authorized. */
export interface Prepared {
  readonly connection: Connection;
  /** Other fields than the connection's own; they count once the sign-in has succeeded. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

export interface SigningIn {
  readonly signIn: SignIn;
  /** To be called straight from a click. `prepare` gives the connection that is to be authorized. */
  readonly start: (prepare: () => Promise<Prepared>) => void;
  readonly reset: () => void;
}

const lookEvery = 500;
const closedFor = 2_000;

/** Signs a person in in a window of its own, and learns from the server, and only from the server, how it ended. */
export function useSignIn(): SigningIn {
  const [signIn, setSignIn] = useState<SignIn>({ phase: "idle" });
  const stop = useRef<() => void>(() => {});
  useEffect(() => () => stop.current(), []);

  const start = useCallback((prepare: () => Promise<Prepared>) => {
    stop.current();
    const popup = openSignInWindow();
    let stopped = false;
    stop.current = () => {
      stopped = true;
    };
    setSignIn({ phase: "preparing" });
    begin(prepare).then(
      ({ connection, url, expires }) => {
        if (stopped) return popup?.close();
        setSignIn({ phase: "waiting", connection, url, blocked: popup === undefined, unfinished: false });
        stop.current = wait(connection, popup, expires, {
          onUnfinished: () => setSignIn((now) => (now.phase === "waiting" ? { ...now, unfinished: true } : now)),
          onOutcome: (outcome) => {
            stop.current();
            popup?.close();
            setSignIn({ phase: "done", outcome });
          },
        });
        popup?.goTo(url);
      },
      (thrown: unknown) => {
        popup?.close();
        if (!stopped) setSignIn({ phase: "refused", problem: problemOf(thrown) });
      },
    );
  }, []);

  const reset = useCallback(() => {
    stop.current();
    setSignIn({ phase: "idle" });
  }, []);

  return { signIn, start, reset };
}

async function begin(prepare: () => Promise<Prepared>): Promise<{ connection: Connection; url: string; expires: number }> {
  const { connection, fields } = await prepare();
  const body = fields === undefined ? {} : { fields };
  const { authorization_url, expires_at } = await call<Authorization>(
    "POST",
    path("connections", connection.id, "authorize"),
    body,
  );
  const url = webUrl(authorization_url);
  if (url === undefined) {
    throw new Problem(0, { code: "authorization_url", detail: "The server gave an address that no browser can be sent to." });
  }
  return { connection, url, expires: Date.parse(expires_at) };
}

interface Waiting {
  readonly onUnfinished: () => void;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Listens until the result is called. */
function wait(
  before: Connection,
  popup: SignInWindow | undefined,
  expires: number,
  { onUnfinished, onOutcome }: Waiting,
): () => void {
  const tell = (outcome: Outcome | undefined): void => {
    if (outcome) onOutcome(outcome);
  };
  const unwatch = watchConnection(before.id, {
    onConnection: (connection) => tell(outcomeOfState(before, connection)),
    onChange: (event, connection) => tell(outcomeOfEvent(event, connection)),
  });
  let closedSince: number | undefined;
  const look = setInterval(() => {
    const now = Date.now();
    // An opener policy on the way makes `closed` true although the window is open; then, however, the focus is there and not here.
    const closed = popup?.seemsClosed() === true && document.hasFocus();
    closedSince = closed ? (closedSince ?? now) : undefined;
    if ((closedSince !== undefined && now - closedSince >= closedFor) || now > expires) onUnfinished();
  }, lookEvery);
  return () => {
    clearInterval(look);
    unwatch();
  };
}
