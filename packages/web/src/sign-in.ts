import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Auth, type Authorization, type Connection, call, Problem, path, problemOf } from "./api.ts";
import { watchConnection } from "./live.ts";
import { type Outcome, outcomeOfEvent, outcomeOfState } from "./sign-in-outcome.ts";
import { openSignInWindow, type SignInWindow, webUrl } from "./sign-in-window.ts";

/** A sign-in at the provider, as the page shows it. */
export type SignIn =
  | { readonly phase: "idle" }
  | { readonly phase: "preparing"; readonly elsewhere: boolean }
  | {
      readonly phase: "waiting";
      readonly connection: Connection;
      readonly url: string;
      /** The browser blocked the window: this tab can be used instead. */
      readonly blocked: boolean;
      /** The window seems to be closed; the page goes on listening all the same. */
      readonly unfinished: boolean;
    }
  | {
      /** A code is to be entered at the provider, on any device. */
      readonly phase: "confirming";
      readonly code: string;
      /** Where it is entered, and the same with the code in it where the provider gives one. */
      readonly page: string;
      readonly url: string;
      /** Milliseconds since the epoch. */
      readonly expires: number;
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
  /**
   * To be called straight from a click. `prepare` gives the connection that is to be authorized. `elsewhere`: with a code on any device,
   * for which no window is opened.
   */
  readonly start: (prepare: () => Promise<Prepared>, elsewhere: boolean) => void;
  readonly reset: () => void;
}

/** Whether a way to connect gives a code that is entered on any device. */
export const confirmsElsewhere = (auth: Auth | undefined): boolean => auth?.grant === "device_code";

const lookEvery = 500;
const closedFor = 2_000;

/** Signs a person in in a window of its own, and learns from the server, and only from the server, how it ended. */
export function useSignIn(): SigningIn {
  const [signIn, setSignIn] = useState<SignIn>({ phase: "idle" });
  const stop = useRef<() => void>(() => {});
  useEffect(() => () => stop.current(), []);

  const start = useCallback((prepare: () => Promise<Prepared>, elsewhere: boolean) => {
    stop.current();
    const popup = elsewhere ? undefined : openSignInWindow();
    let stopped = false;
    stop.current = () => {
      stopped = true;
    };
    setSignIn({ phase: "preparing", elsewhere });
    begin(prepare).then(
      ({ connection, url, expires, code }) => {
        if (stopped) return popup?.close();
        setSignIn(
          code === undefined
            ? { phase: "waiting", connection, url, blocked: popup === undefined, unfinished: false }
            : { phase: "confirming", ...code, url, expires },
        );
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

interface Begun {
  readonly connection: Connection;
  readonly url: string;
  readonly expires: number;
  readonly code: { readonly code: string; readonly page: string } | undefined;
}

async function begin(prepare: () => Promise<Prepared>): Promise<Begun> {
  const { connection, fields } = await prepare();
  const body = fields === undefined ? {} : { fields };
  const { authorization_url, expires_at, user_code, verification_uri } = await call<Authorization>(
    "POST",
    path("connections", connection.id, "authorize"),
    body,
  );
  const url = webUrl(authorization_url);
  if (url === undefined) {
    throw new Problem(0, { code: "authorization_url", detail: "The server gave an address that no browser can be sent to." });
  }
  const code = user_code === undefined ? undefined : { code: user_code, page: verification_uri ?? url };
  return { connection, url, expires: Date.parse(expires_at), code };
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
