import type { IncomingMessage, ServerResponse } from "node:http";
import { type Actor, JackfieldError } from "@jackfield/engine";
import type { Cookies } from "../http/cookies.ts";
import { requireOwnSite } from "../http/origin.ts";
import type { Access } from "./access.ts";
import type { ApiKey } from "./api-keys.ts";
import type { ConnectSession } from "./connect-sessions.ts";
import { type Caller, reachesAll } from "./roles.ts";
import { randomToken } from "./tokens.ts";

/** Who makes a request, and with what. */
export interface Principal {
  readonly actor: Actor;
  /** The key behind the request, as far as routes need it; for a connect session it is the session itself, never the key that made it. */
  readonly key: Pick<ApiKey, "id" | "owner" | "workspace"> & { readonly role: Caller };
  /** Whether that still holds: answers that stay open may outlive the key or the session they were asked for with. */
  readonly admitted: () => Promise<boolean>;
}

export interface Authenticator {
  /**
   * By API key, or else by a cookie: of the connect session that the header names, or of a signed-in browser. `sameOrigin`: a cookie
   * counts only for requests from our own pages; so it is always for methods that change something. Throws `unauthenticated`,
   * `origin_refused`.
   */
  authenticate(request: IncomingMessage, response: ServerResponse, options: { readonly sameOrigin: boolean }): Promise<Principal>;
  /** The actor's id of a signed-in browser, if it is signed in: for pages that browsers come to by a link. */
  person(request: IncomingMessage): Promise<string | undefined>;
  /** The ids of the actors whose connect sessions are open in this browser. */
  guests(request: IncomingMessage): Promise<readonly string[]>;
  /**
   * A browser opens a link for connecting: the first one keeps it, and nobody else gets in. Gives the session. Throws
   * `connect_session_invalid`.
   */
  welcome(token: string, request: IncomingMessage, response: ServerResponse): Promise<ConnectSession>;
}

/** Names the connect session that a page acts in: a browser may have several, and be signed in besides. */
export const sessionHeader = "x-connect-session";

const safeMethods = ["GET", "HEAD"];

export function createAuthenticator(access: Access, cookies: Cookies, publicUrl: string, clock: () => number): Authenticator {
  const keyOf = async (cookie: string | undefined): Promise<ApiKey | undefined> =>
    cookie === undefined ? undefined : access.sessions.find(cookie);
  /** A browser that came in without a binding gets one. */
  const binding = (request: IncomingMessage, response: ServerResponse): string => {
    const known = cookies.browser(request);
    if (known !== undefined) return known;
    const made = randomToken();
    cookies.setBrowser(response, made);
    return made;
  };
  const byKey = async (authorization: string): Promise<Principal> => {
    const [, text] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization) ?? [];
    const key = text === undefined ? undefined : await access.keys.find(text);
    if (key === undefined) throw new JackfieldError("unauthenticated", { detail: "The API key is unknown or was revoked." });
    await access.keys.used(key.id);
    const admitted = async () => (await access.keys.get(key.id))?.revoked_at === null;
    return { actor: actorOf(key, "key"), key, admitted };
  };
  const byConnectSession = async (id: string, request: IncomingMessage, response: ServerResponse): Promise<Principal> => {
    const cookie = cookies.connect(request).get(id);
    const session = await access.connectSessions.find(id, cookie);
    if (session === undefined) throw new JackfieldError("unauthenticated", endedSession);
    return {
      actor: { ...actorOfSession(session), browser: binding(request, response) },
      key: { id, role: "connect_session", owner: session.owner, workspace: session.workspace },
      admitted: async () => (await access.connectSessions.find(id, cookie)) !== undefined,
    };
  };
  const bySession = async (request: IncomingMessage, response: ServerResponse): Promise<Principal> => {
    const cookie = cookies.session(request);
    const key = await keyOf(cookie);
    if (key === undefined) throw new JackfieldError("unauthenticated");
    await access.keys.used(key.id);
    const actor = { ...actorOf(key, "session"), browser: binding(request, response) };
    return { actor, key, admitted: async () => (await keyOf(cookie)) !== undefined };
  };

  return {
    async authenticate(request, response, { sameOrigin }) {
      const { authorization, [sessionHeader]: connectSession } = request.headers;
      if (authorization !== undefined) return byKey(authorization);
      const principal = await (connectSession === undefined
        ? bySession(request, response)
        : byConnectSession(String(connectSession), request, response));
      if (sameOrigin || !safeMethods.includes(request.method ?? "")) requireOwnSite(request, publicUrl);
      return principal;
    },
    async person(request) {
      const key = await keyOf(cookies.session(request));
      return key === undefined ? undefined : actorId(key);
    },
    async guests(request) {
      const sessions = await Promise.all(
        [...cookies.connect(request)].map(([id, cookie]) => access.connectSessions.find(id, cookie)),
      );
      return sessions.flatMap((session) => (session === undefined ? [] : [guestId(session.id)]));
    },
    async welcome(token, request, response) {
      const session = await access.connectSessions.byToken(token);
      if (session === undefined) throw new JackfieldError("connect_session_invalid");
      const known = cookies.connect(request).get(session.id);
      if ((await access.connectSessions.find(session.id, known)) === undefined) {
        const cookie = await access.connectSessions.bind(session.id);
        if (cookie === undefined) throw new JackfieldError("connect_session_invalid", otherBrowser);
        cookies.setConnect(response, session.id, cookie, (Date.parse(session.expires_at) - clock()) / 1000);
      }
      binding(request, response);
      return session;
    },
  };
}

const endedSession = {
  detail: "The link has ended, or it was opened in another browser.",
  hint: "Go back to where you came from, and ask for a new one.",
} as const;

const otherBrowser = {
  detail: "This link was opened in another browser before, and works only there.",
} as const;

const actorId = (key: Pick<ApiKey, "id">) => `key/${key.id}`;
const guestId = (session: string) => `connect/${session}`;

/** Whether the connect session of an actor may still be used. */
export const isGuestAdmitted = ({ connectSessions }: Access, actor: string): Promise<boolean> =>
  connectSessions.isOpen(actor.slice(guestId("").length));

function actorOf(key: ApiKey, via: "key" | "session"): Actor {
  return { id: actorId(key), workspace: key.workspace, owner: key.owner, all: reachesAll[key.role], via };
}

/** Who acts in a connect session, and within what limits. */
export function actorOfSession(session: ConnectSession): Actor {
  const { id, workspace, owner, connectors, auth, environment, connection } = session;
  const limits = { session: id, connectors, auth, environment, connection };
  return { id: guestId(id), workspace, owner, all: false, via: "connect", limits };
}
