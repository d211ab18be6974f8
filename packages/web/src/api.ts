/** The server's HTTP API as these pages use it: one function that calls it, and the types of what it answers. */

import type { ProblemDocument, ProviderWords } from "./answers.ts";

export type * from "./answers.ts";

/** A call that failed: the server's problem document (RFC 9457), or what is known when there is none. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  readonly provider: ProviderWords | undefined;
  /** The question whose answer is wrong. */
  readonly question: string | undefined;
  /** The connection that stands in the way. */
  readonly connection: string | undefined;

  constructor(status: number, document: ProblemDocument, options?: ErrorOptions) {
    super(document.detail ?? document.title ?? `The server answered ${status}.`, options);
    this.name = "Problem";
    this.status = status;
    this.code = document.code ?? `http_${status}`;
    this.hint = document.hint;
    this.requestId = document.request_id;
    this.provider = document.provider;
    this.question = document.field ?? document.input;
    this.connection = document.connection;
  }
}

/** Any thrown thing as a problem that can be shown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem(
    0,
    { code: "page_error", detail: "Something went wrong in this page.", hint: String(thrown) },
    { cause: thrown },
  );
}

let signedOut: () => void = () => {};

/** Calls `listener` when the server says that this browser is not signed in. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

let connectSession: string | undefined;

/** Whatever is asked of the server from now on is asked in a connect session, and not by who may be signed in besides. */
export function actIn(session: string): void {
  connectSession = session;
}

/** The headers that say for whom this page asks; what proves it is in a cookie. */
export function identity(): Readonly<Record<string, string>> {
  return connectSession === undefined ? {} : { "x-connect-session": connectSession };
}

/** A path from its parts, each encoded. */
export function path(...parts: readonly string[]): string {
  return `/v1/${parts.map(encodeURIComponent).join("/")}`;
}

/** A query without the parameters that are empty. */
export function query(parameters: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

/** Calls the API. Throws `Problem`. */
export async function call<T>(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", url: string, body?: unknown): Promise<T> {
  const answer = await send(method, url, body);
  const document = await read(answer);
  if (answer.ok) return document as T;
  if (answer.status === 401 && url !== "/v1/session") signedOut();
  throw new Problem(answer.status, document !== null && typeof document === "object" ? document : {});
}

/** An answer of lines, to be saved as a file. Throws `Problem`. */
export async function download(url: string): Promise<Blob> {
  const answer = await send("GET", url, undefined, "application/x-ndjson");
  if (answer.ok) return answer.blob();
  const document = await read(answer);
  throw new Problem(answer.status, document !== null && typeof document === "object" ? document : {});
}

async function send(method: string, url: string, body: unknown, accept = "application/json"): Promise<Response> {
  const headers: Record<string, string> = { accept, ...identity() };
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(url, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    const words = { code: "unreachable", detail: "The server does not answer.", hint: "Check the network, then try again." };
    // biome-ignore lint/style/useErrorCause: it is passed, as the third argument.
    throw new Problem(0, words, { cause });
  }
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === "" || !(answer.headers.get("content-type") ?? "").includes("json")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
