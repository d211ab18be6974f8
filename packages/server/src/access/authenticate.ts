import type { IncomingMessage, ServerResponse } from "node:http";
import { type Actor, JackfieldError } from "@jackfield/engine";
import type { Cookies } from "../http/cookies.ts";
import { requireOwnSite } from "../http/origin.ts";
import type { Access } from "./access.ts";
import type { ApiKey } from "./api-keys.ts";
import { reachesAll } from "./roles.ts";
import { randomToken } from "./tokens.ts";

/** Who makes a request, and with which key. */
export interface Principal {
  readonly actor: Actor;
  readonly key: ApiKey;
  /** Whether that still holds: answers that stay open may outlive the key or the session they were asked for with. */
  readonly admitted: () => boolean;
}

export interface Authenticator {
  /**
   * By API key, or else by the session cookie. `sameOrigin`: a cookie counts only for requests from our own pages; so it is always
   * for methods that change something. Throws `unauthenticated`, `origin_refused`.
   */
  authenticate(request: IncomingMessage, response: ServerResponse, options: { readonly sameOrigin: boolean }): Principal;
  /** The actor's id of a signed-in browser, if it is signed in: for pages that browsers come to by a link. */
  person(request: IncomingMessage): string | undefined;
}

const safeMethods = ["GET", "HEAD"];

export function createAuthenticator(access: Access, cookies: Cookies, publicUrl: string): Authenticator {
  const keyOf = (cookie: string | undefined): ApiKey | undefined => {
    const id = cookie === undefined ? undefined : access.sessions.find(cookie);
    return id === undefined ? undefined : access.keys.get(id);
  };
  /** A signed-in browser without a binding gets one. */
  const binding = (request: IncomingMessage, response: ServerResponse): string => {
    const known = cookies.browser(request);
    if (known !== undefined) return known;
    const made = randomToken();
    cookies.setBrowser(response, made);
    return made;
  };

  return {
    authenticate(request, response, { sameOrigin }) {
      const { authorization } = request.headers;
      if (authorization !== undefined) {
        const [, text] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization) ?? [];
        const key = text === undefined ? undefined : access.keys.find(text);
        if (key === undefined) throw new JackfieldError("unauthenticated", { detail: "The API key is unknown or was revoked." });
        access.keys.used(key.id);
        const admitted = () => access.keys.get(key.id)?.revoked_at === null;
        return { actor: actorOf(key, "key"), key, admitted };
      }
      const cookie = cookies.session(request);
      const key = keyOf(cookie);
      if (key === undefined) throw new JackfieldError("unauthenticated");
      if (sameOrigin || !safeMethods.includes(request.method ?? "")) requireOwnSite(request, publicUrl);
      access.keys.used(key.id);
      const actor = { ...actorOf(key, "session"), browser: binding(request, response) };
      return { actor, key, admitted: () => keyOf(cookie) !== undefined };
    },
    person(request) {
      const key = keyOf(cookies.session(request));
      return key === undefined ? undefined : actorId(key);
    },
  };
}

const actorId = (key: ApiKey) => `key/${key.id}`;

function actorOf(key: ApiKey, via: Actor["via"]): Actor {
  return { id: actorId(key), workspace: key.workspace, owner: key.owner, all: reachesAll[key.role], via };
}
