import { randomUUID } from "node:crypto";
import type { Request, Response } from "express";
import type { Seal } from "./seal.ts";

const cookieName = "sandbox_session";
const sessionLifetime = 8 * 60 * 60_000;
const ticketLifetime = 15 * 60_000;

/** What a browser's cookie says. Before the sign-in there is a session without a person, so that forms can be bound to it. */
export interface Session {
  readonly id: string;
  readonly person?: string;
}

export interface Sessions {
  read(request: Request): Session | undefined;
  /** A new id each time, so that nobody can plant a session and have it signed in by another. */
  begin(response: Response, person?: string): Session;
  /** A form's hidden text: proof against forged requests, and the authorization request that the form belongs to. */
  ticket(session: Session, query: string): string;
  /** The authorization request of a ticket that was made for this very session; undefined for any other. */
  redeem(session: Session | undefined, ticket: string | null): string | undefined;
}

export function createSessions(seal: Seal, clock: () => number, mount: string, secure: boolean): Sessions {
  return {
    read(request) {
      const text = cookie(request, cookieName);
      const held = text === undefined ? undefined : seal.open<Session & { expires: number }>("session", text);
      return held !== undefined && held.expires > clock() ? held : undefined;
    },
    begin(response, person) {
      const session: Session = { id: randomUUID(), ...(person === undefined ? {} : { person }) };
      const value = seal.seal("session", { ...session, expires: clock() + sessionLifetime });
      response.cookie(cookieName, value, { path: mount, httpOnly: true, sameSite: "lax", secure, maxAge: sessionLifetime });
      return session;
    },
    ticket: (session, query) => seal.seal(`ticket ${session.id}`, { query, expires: clock() + ticketLifetime }),
    redeem(session, ticket) {
      if (session === undefined || ticket === null) return undefined;
      const held = seal.open<{ query: string; expires: number }>(`ticket ${session.id}`, ticket);
      return held !== undefined && held.expires > clock() ? held.query : undefined;
    },
  };
}

function cookie(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
