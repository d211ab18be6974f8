import { type Deadline, deadlineOf, pause } from "./deadline.ts";
import { errorOf, isProblem, JackfieldError, TimedOut, Unreachable } from "./errors.ts";

/** What any call takes. */
export interface CallOptions {
  /** Ends the call; it then throws the signal's reason, as `fetch` does. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole call with all its tries. Default: that of the client. */
  readonly timeout?: number | undefined;
  /** How often it is tried again at most. Default: that of the client. */
  readonly retries?: number | undefined;
}

export interface Settings {
  /** Where the deployment is, such as `https://connect.example.com`. */
  readonly url: string | URL;
  /** Another `fetch` than the platform's own. */
  readonly fetch?: typeof fetch | undefined;
  /** Milliseconds for a whole call with all its tries. Default: 60,000, and for steps what the server gives them. */
  readonly timeout?: number | undefined;
  /** How often a call is tried again at most. Default: 2. */
  readonly retries?: number | undefined;
}

export interface Sent {
  readonly method: string;
  /** Path and query, below the deployment's URL. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | undefined;
  /**
   * When it may be sent again. `harmless`: after anything that may pass, since sending it twice is like sending it once. `undone`: only
   * where it certainly was not carried out.
   */
  readonly repeat: "harmless" | "undone";
  /** Whether the server is told how much time is left (`Request-Timeout`). */
  readonly tellTime?: boolean;
}

/** Sends requests with the key, again where that is safe, and makes errors of what is no success. */
export class Transport {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly #key: string;
  /** What the settings said; undefined: nothing. */
  readonly timeout: number | undefined;
  readonly #retries: number;

  /** Throws `TypeError`. */
  constructor(settings: Settings, key: string) {
    this.url = baseOf(settings.url);
    // Not a method of this object: platforms refuse to run it as one.
    this.fetch = settings.fetch ?? ((input, init) => fetch(input, init));
    // A header that cannot be written would be found out with every call.
    if (!/^[\x21-\x7e]+$/.test(key)) throw new TypeError("`api_key` must be an API key of the deployment.");
    this.#key = key;
    this.timeout = settings.timeout;
    this.#retries = settings.retries ?? 2;
  }

  /** What proves who asks. */
  get authorization(): string {
    return `Bearer ${this.#key}`;
  }

  /** The answer's JSON; undefined where there is none. Throws `JackfieldError`, and what the signal says. */
  async json(sent: Sent, options: CallOptions = {}): Promise<unknown> {
    const timeout = options.timeout ?? this.timeout ?? 60_000;
    const deadline = deadlineOf(options.signal, timeout);
    try {
      return await this.#again(sent, deadline, options.retries ?? this.#retries);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw deadline.signal.aborted ? timedOut(sent, timeout, error) : error;
    } finally {
      deadline.clear();
    }
  }

  async #again(sent: Sent, deadline: Deadline, retries: number): Promise<unknown> {
    for (let tries = 1; ; ) {
      try {
        return await this.#once(withTime(sent, deadline.left()), deadline.signal);
      } catch (error) {
        const running = isRunning(error);
        const wait = tries > retries && !running ? undefined : waitBefore(tries, error, sent.repeat);
        // Waiting for longer than the call may last would lose the reason.
        if (wait === undefined || wait >= deadline.left()) throw error;
        await pause(wait, deadline.signal);
        // Asking after an answer that is still being made is no further try.
        if (!running) tries += 1;
      }
    }
  }

  /** An answer whose body is still to be read. Throws as `json` does; it is tried once, and `timeout` holds until it begins. */
  async open(sent: Omit<Sent, "repeat">, options: CallOptions = {}): Promise<Response> {
    const { timeout } = options;
    const waiting = timeout === undefined ? undefined : deadlineOf(undefined, timeout);
    const signals = [options.signal, waiting?.signal].filter((signal) => signal !== undefined);
    try {
      const response = await this.#send(sent, signals.length === 0 ? undefined : AbortSignal.any(signals));
      if (response.ok) return response;
      throw await failure(sent, response);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw waiting?.signal.aborted ? timedOut(sent, timeout ?? 0, error) : error;
    } finally {
      waiting?.clear();
    }
  }

  async #once(sent: Sent, signal: AbortSignal): Promise<unknown> {
    const response = await this.#send(sent, signal);
    if (!response.ok) throw await failure(sent, response);
    const text = await response.text().catch((cause: unknown) => {
      throw unreachable(sent, "its answer broke off", 0, cause);
    });
    if (text === "") return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw notOurs(sent, response, cause);
    }
  }

  async #send({ method, target, headers, body }: Omit<Sent, "repeat">, signal: AbortSignal | undefined): Promise<Response> {
    try {
      return await this.fetch(`${this.url}${target}`, {
        method,
        headers: { accept: "application/json", ...headers, authorization: this.authorization },
        ...(body === undefined ? {} : { body }),
        // The key goes nowhere else. The API itself never redirects.
        redirect: "manual",
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      throw unreachable({ method, target }, reasonOf(cause), 0, cause, isUnsent(cause));
    }
  }
}

function baseOf(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new TypeError("`url` must be the deployment's URL, such as https://connect.example.com.", { cause });
  }
  const { protocol, origin, pathname, username, search, hash } = parsed;
  if (!/^https?:$/.test(protocol) || username !== "" || search !== "" || hash !== "")
    throw new TypeError("`url` must be the deployment's URL, such as https://connect.example.com.");
  return origin + pathname.replace(/\/+$/, "");
}

const withTime = (sent: Sent, left: number): Sent =>
  sent.tellTime ? { ...sent, headers: { ...sent.headers, ...timeHeader(left) } } : sent;

/** How long a step may take: somewhat less, as its answer's way back takes time too. The server takes up to ten minutes. */
export function timeHeader(left: number | undefined): Readonly<Record<string, string>> {
  if (left === undefined) return {};
  const seconds = (left - Math.min(1000, left / 10)) / 1000;
  return { "request-timeout": Math.min(600, Math.max(0.001, seconds)).toFixed(3) };
}

/** Whether the first of several requests with one key is still being answered. */
const isRunning = (error: unknown) => error instanceof JackfieldError && error.code === "step_running";

/** Milliseconds until the next try; undefined: there is none. */
function waitBefore(tries: number, error: unknown, repeat: Sent["repeat"]): number | undefined {
  if (!(error instanceof JackfieldError) || !mayRepeat(error, repeat)) return undefined;
  if (error.retry_after !== undefined) return error.retry_after * 1000 + Math.random() * 250;
  // Half of it by chance, so that many callers do not come back at once.
  const whole = Math.min(8000, 250 * 2 ** tries);
  return whole / 2 + (Math.random() * whole) / 2;
}

function mayRepeat(error: JackfieldError, repeat: Sent["repeat"]): boolean {
  const { status } = error;
  if (error instanceof Unreachable) {
    if (error.unsent) return true;
    return repeat === "harmless" && (status === 0 || (status >= 502 && status <= 504));
  }
  if (isRunning(error)) return repeat === "harmless";
  if (status !== 429 && status !== 503) return false;
  return repeat === "harmless" || error.retry_after !== undefined;
}

/** The error of an answer that is no success. */
async function failure(sent: Pick<Sent, "method" | "target">, response: Response): Promise<JackfieldError> {
  const text = await response.text().catch(() => "");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    return notOurs(sent, response, cause);
  }
  return isProblem(body) ? errorOf(body, { retry_after: secondsOf(response) }) : notOurs(sent, response, undefined);
}

/** An answer that Jackfield never gives: somebody else has answered. */
function notOurs(sent: Pick<Sent, "method" | "target">, response: Response, cause: unknown): Unreachable {
  const type = response.headers.get("content-type") ?? "nothing";
  const words = `${response.status} with ${type} came back, which is no answer of Jackfield`;
  return unreachable(sent, words, response.status, cause, false, secondsOf(response));
}

/** `Retry-After` in seconds (RFC 9110, section 10.2.3). */
export function secondsOf({ headers }: Response): number | undefined {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

const local = { type: "about:blank", request_id: "", audience: "operator" } as const;

function unreachable(
  { method, target }: Pick<Sent, "method" | "target">,
  words: string,
  status: number,
  cause: unknown,
  unsent = false,
  retry_after?: number,
): Unreachable {
  const problem = {
    ...local,
    code: "unreachable",
    status,
    title: "Jackfield could not be reached.",
    detail: `${method} ${target.split("?")[0]}: ${words}.`,
    hint: "Check `url` and the network, then try again.",
  } as const;
  return new Unreachable(problem, { cause, unsent, retry_after });
}

function timedOut({ method, target }: Pick<Sent, "method" | "target">, timeout: number, cause: unknown): TimedOut {
  const problem = {
    ...local,
    code: "timed_out",
    status: 0,
    title: "There was no answer in time.",
    detail: `${method} ${target.split("?")[0]}: there was no answer within ${timeout} ms.`,
    hint: "Try again, or give a longer `timeout`.",
  } as const;
  return new TimedOut(problem, { cause });
}

/** What platforms say of a failed `fetch` stands in its cause. */
function causeOf(error: unknown): { readonly code?: unknown; readonly message?: unknown } {
  return ((error as { cause?: unknown } | undefined)?.cause ?? error ?? {}) as { code?: unknown; message?: unknown };
}

function reasonOf(error: unknown): string {
  const { code, message } = causeOf(error);
  return [code, message].find((part) => typeof part === "string" && part !== "")?.toString() ?? "the network failed";
}

/** Failures before a request can have been written: no address, nobody there. */
const before = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

const isUnsent = (error: unknown) => before.includes(String(causeOf(error).code));
