import type { IncomingMessage, ServerResponse } from "node:http";
import { sessionDays } from "../access/sessions.ts";

/*
 * Cookies out of reach for scripts: one signs the browser in, one is a random text by which a sign-in at a provider is recognised as
 * this browser's own, and there is one for each connect session that was opened here. Under https their names begin with `__Host-`,
 * which ties them to exactly this host.
 */

export interface Cookies {
  session(request: IncomingMessage): string | undefined;
  browser(request: IncomingMessage): string | undefined;
  setSession(response: ServerResponse, value: string): void;
  setBrowser(response: ServerResponse, value: string): void;
  clearSession(response: ServerResponse): void;
  /** The cookies of connect sessions, by the session's id. */
  connect(request: IncomingMessage): ReadonlyMap<string, string>;
  setConnect(response: ServerResponse, session: string, value: string, seconds: number): void;
}

export function createCookies(publicUrl: string): Cookies {
  const secure = publicUrl.startsWith("https:");
  const names = {
    session: `${secure ? "__Host-" : ""}jackfield`,
    browser: `${secure ? "__Host-" : ""}jackfield_browser`,
    connect: `${secure ? "__Host-" : ""}jackfield_connect_`,
  };
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
  const set = (response: ServerResponse, name: string, value: string, seconds: number) => {
    response.appendHeader("Set-Cookie", `${name}=${value}; Max-Age=${seconds}${attributes}`);
  };
  const life = sessionDays * 86_400;
  return {
    session: (request) => readCookies(request).get(names.session),
    browser: (request) => readCookies(request).get(names.browser),
    setSession: (response, value) => set(response, names.session, value, life),
    setBrowser: (response, value) => set(response, names.browser, value, life),
    clearSession: (response) => set(response, names.session, "", 0),
    connect: (request) =>
      new Map(
        [...readCookies(request)]
          .filter(([name]) => name.startsWith(names.connect))
          .map(([name, value]) => [name.slice(names.connect.length), value]),
      ),
    setConnect: (response, session, value, seconds) => set(response, names.connect + session, value, Math.ceil(seconds)),
  };
}

/** Cookies by name, of several of one name the first, without those whose value is none that we could have set. */
function readCookies(request: IncomingMessage): ReadonlyMap<string, string> {
  const pairs = (request.headers.cookie ?? "").split(";").flatMap((part): [string, string][] => {
    const at = part.indexOf("=");
    return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()]];
  });
  // Of two that are given to a map the last one stays.
  return new Map([...new Map(pairs.reverse())].filter(([, value]) => /^[A-Za-z0-9_.-]{1,512}$/.test(value)));
}
