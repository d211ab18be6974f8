import { createHash, randomBytes } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { createSandbox, type Sandbox } from "../src/index.ts";

/** A sandbox behind a real port. */
export interface Running {
  readonly url: string;
  readonly origin: string;
  readonly client: Sandbox["client"];
  /** Moves the sandbox's clock forward. */
  wait(milliseconds: number): void;
  /** A new sandbox, as after a restart of the process, at the same address. */
  restart(secret: Buffer): void;
  close(): Promise<void>;
}

export async function startSandbox(secret = randomBytes(32)): Promise<Running> {
  let now = Date.parse("2026-01-01T00:00:00Z");
  let sandbox: Sandbox;
  const app = express();
  app.use("/sandbox", (request, response, next) => sandbox.router(request, response, next));
  const server = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${origin}/sandbox`;
  const restart = (key: Buffer): void => {
    sandbox = createSandbox({ url, secret: key, clock: () => now });
  };
  restart(secret);
  return {
    url,
    origin,
    get client() {
      return sandbox.client;
    },
    wait: (milliseconds) => {
      now += milliseconds;
    },
    restart,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** As much of a browser as the pages need: it keeps cookies and sends forms, and does not follow redirects. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  async get(url: string): Promise<Response> {
    return this.#send(url, {});
  }

  /** Sends a page's form to `action`, with its hidden ticket and the pressed button. */
  async press(page: string, action: string, button: Record<string, string> = {}): Promise<Response> {
    const ticket = /name="ticket" value="([^"]*)"/.exec(page)?.[1] ?? "";
    return this.#send(action, { method: "POST", body: new URLSearchParams({ ticket, ...button }) });
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}

export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

export const callbackOf = (running: Running): string => `${running.origin}/oauth/callback/sandbox`;

/** An authorization URL; `change` replaces parameters, and null removes one. */
export function authorizationUrl(running: Running, challenge: string, change: Record<string, string | null> = {}): string {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: running.client.client_id,
    redirect_uri: callbackOf(running),
    scope: "profile files.read",
    state: "some-state",
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  for (const [name, value] of Object.entries(change)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  return `${running.url}/authorize?${query}`;
}

/** Signs in, decides, and gives the redirect URL that the browser is sent to. */
export async function decide(
  running: Running,
  challenge: string,
  { person = "person_ada", decision = "allow", scope = "profile files.read", browser = new Browser() } = {},
): Promise<URL> {
  const start = authorizationUrl(running, challenge, { scope });
  const signIn = await browser.get(start);
  const back = await browser.press(await signIn.text(), `${running.url}/sign-in`, { person });
  const consent = await browser.get(new URL(back.headers.get("location") ?? "", running.url).href);
  const answer = await browser.press(await consent.text(), `${running.url}/consent`, { decision });
  return new URL(answer.headers.get("location") ?? "");
}

/** A request to the token endpoint by the real client, with `form` on top. */
export async function post(running: Running, path: string, form: Record<string, string>, headers = {}): Promise<Response> {
  return fetch(running.url + path, { method: "POST", headers, body: new URLSearchParams(form) });
}

export interface TokenBody {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly error?: string;
}

export const tokenBody = async (response: Response): Promise<TokenBody> => (await response.json()) as TokenBody;

export async function exchange(running: Running, code: string, verifier: string, change = {}): Promise<Response> {
  return post(running, "/token", {
    grant_type: "authorization_code",
    code,
    redirect_uri: callbackOf(running),
    code_verifier: verifier,
    ...running.client,
    ...change,
  });
}

export async function refresh(running: Running, refresh_token: string, change = {}): Promise<Response> {
  return post(running, "/token", { grant_type: "refresh_token", refresh_token, ...running.client, ...change });
}

/** The whole journey. */
export async function connect(running: Running, options: Parameters<typeof decide>[2] = {}): Promise<TokenBody> {
  const { verifier, challenge } = pkce();
  const callback = await decide(running, challenge, options);
  return tokenBody(await exchange(running, callback.searchParams.get("code") ?? "", verifier));
}

export async function call(running: Running, path: string, token: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${running.url}/api${path}`, {
    ...init,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  });
}
