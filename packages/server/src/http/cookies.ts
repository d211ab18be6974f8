import type { IncomingMessage, ServerResponse } from "node:http";
import { sessionDays } from "../access/sessions.ts";

/*
 * Two cookies, both out of reach for scripts: one signs the browser in, the other is a random text by which a sign-in at a provider
 * is recognised as this browser's own. Under https their names begin with `__Host-`, which ties them to exactly this host.
 */

export interface Cookies {
  session(request: IncomingMessage): string | undefined;
  browser(request: IncomingMessage): string | undefined;
  setSession(response: ServerResponse, value: string): void;
  setBrowser(response: ServerResponse, value: string): void;
  clearSession(response: ServerResponse): void;
}

export function createCookies(publicUrl: string): Cookies {
  const secure = publicUrl.startsWith("https:");
  const names = {
    session: `${secure ? "__Host-" : ""}jackfield`,
    browser: `${secure ? "__Host-" : ""}jackfield_browser`,
  };
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
  const set = (response: ServerResponse, name: string, value: string, seconds: number) => {
    response.appendHeader("Set-Cookie", `${name}=${value}; Max-Age=${seconds}${attributes}`);
  };
  const life = sessionDays * 86_400;
  return {
    session: (request) => readCookie(request, names.session),
    browser: (request) => readCookie(request, names.browser),
    setSession: (response, value) => set(response, names.session, value, life),
    setBrowser: (response, value) => set(response, names.browser, value, life),
    clearSession: (response) => set(response, names.session, "", 0),
  };
}

/** The first cookie of that name, if its value is one that we could have set. */
function readCookie(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    const value = part.slice(at + 1).trim();
    return /^[A-Za-z0-9_.-]{1,512}$/.test(value) ? value : undefined;
  }
  return undefined;
}
