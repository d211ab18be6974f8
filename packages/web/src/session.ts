import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./api.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

/** Who is signed in, and what the pages offer them. The server decides again on every request. */
export function useSession(): {
  readonly session: Session;
  readonly isAdmin: boolean;
  readonly mayConnect: boolean;
  readonly mayRun: boolean;
} {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("This page is shown to people who are signed in.");
  const { role } = session;
  const mayConnect = role === "admin" || role === "user";
  return { session, isAdmin: role === "admin", mayConnect, mayRun: mayConnect || role === "workflow" };
}
