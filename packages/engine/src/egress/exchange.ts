import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { type Hop, isUpload } from "./redirect.ts";

/** An answer whose body has not been read yet. An unread body holds its connection: read it or destroy it. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Readable;
}

type Incoming = Readonly<Record<string, string | string[] | undefined>>;

function present(headers: Incoming): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
  );
}

/** Takes one answer from undici. Written against its dispatch because only there it shows whether the request has been written. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<RawAnswer>;
  readonly #onSent: () => void;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  #resolve: (answer: RawAnswer) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #body: Readable | undefined;
  #ended = false;

  constructor(signal: AbortSignal, onSent: () => void) {
    this.#onSent = onSent;
    this.#signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#onAbort = () => this.#stop(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Aborted while it waited for a connection: nothing has been written, and nothing will be.
    if (this.#signal.aborted) {
      controller.abort(asError(this.#signal.reason));
      return;
    }
    this.#controller = controller;
    this.#onSent();
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController): void {
    controller.abort(new Error("the server switched protocols"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Incoming): void {
    if (status < 200) return;
    const body = new Readable({
      highWaterMark: 64 * 1024,
      read: () => controller.resume(),
      destroy: (error, done) => {
        this.#finish();
        if (!this.#ended) controller.abort(error ?? new Error("the body was not read to its end"));
        done(error);
      },
    });
    // Whoever reads the body gets the error; an unread one must not end the process.
    body.on("error", () => {});
    this.#body = body;
    this.#resolve({ status, headers: present(headers), body });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    this.#finish();
    this.#body?.push(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#ended = true;
    this.fail(error);
  }

  fail(error: unknown): void {
    this.#finish();
    this.#reject(error);
    this.#body?.destroy(asError(error));
  }

  #stop(reason: unknown): void {
    this.fail(reason);
    this.#controller?.abort(asError(reason));
  }

  #finish(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}

const uploadBuffer = 64 * 1024;

/**
 * Sends one request and follows nothing. `onSent` is called right before its first byte is written. Rejects with undici's errors, and
 * with the signal's reason.
 */
export function exchange(dispatcher: Dispatcher, hop: Hop, signal: AbortSignal, onSent: () => void): Promise<RawAnswer> {
  const handler = new Exchange(signal, onSent);
  const { method, url, body } = hop;
  const headers = Object.fromEntries(
    Object.entries(hop.headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
  // undici learns the length of what is streamed by this header alone.
  if (isUpload(body) && body.bytes !== undefined) headers["content-length"] = String(body.bytes);
  const sent = isUpload(body) ? Readable.from(body.chunks, { objectMode: false, highWaterMark: uploadBuffer }) : (body ?? null);
  try {
    dispatcher.dispatch({ origin: url.origin, path: url.pathname + url.search, method, headers, body: sent }, handler);
  } catch (error) {
    handler.fail(error);
  }
  return handler.answer;
}
