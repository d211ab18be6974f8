import type { IncomingMessage } from "node:http";
import { JackfieldError, type Upload } from "@jackfield/engine";

/** How long a body that is read as a whole may take; one that is passed on may take any time, but not stand still for so long. */
const wholeMs = 120_000;
const silenceMs = 45_000;

const cutOff = (cause: unknown) => new JackfieldError("request_invalid", { detail: "The body ended too early.", cause });

/**
 * A body that is passed on while it arrives; undefined where there is none. Whoever stops reading leaves the request as it is, so that it can
 * still be answered. Reading throws `request_invalid`.
 */
export function uploadOf(request: IncomingMessage): Upload | undefined {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  if (coding === undefined && (length === undefined || Number(length) === 0)) return undefined;
  return { chunks: arriving(request), bytes: coding === undefined ? Number(length) : undefined };
}

async function* arriving(request: IncomingMessage): AsyncGenerator<Buffer> {
  let awaited = true;
  const timer = setTimeout(() => {
    // Whoever does not read makes the sender wait: that is not the sender's silence.
    if (awaited) request.destroy(new Error("nothing came for too long"));
    else timer.refresh();
  }, silenceMs);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      awaited = false;
      yield chunk;
      awaited = true;
      timer.refresh();
    }
  } catch (cause) {
    throw cutOff(cause);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a body as it was sent. Throws `body_too_large` as soon as it is known. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new JackfieldError("body_too_large", { detail: `The body is larger than ${limit} bytes.`, members: { limit } });
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  const late = setTimeout(() => request.destroy(new Error("it took too long")), wholeMs);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    // The client went away: nobody will read the answer, and it is no fault of ours.
    throw cutOff(cause);
  } finally {
    clearTimeout(late);
  }
  if (size > limit) throw tooLarge();
  return Buffer.concat(chunks);
}

/** Text of a body. Throws `request_invalid` for what is compressed or not UTF-8. */
export function bodyText(request: IncomingMessage, body: Buffer): string {
  if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
    throw new JackfieldError("request_invalid", {
      detail: "A compressed body is not taken here.",
      hint: "Send it without Content-Encoding.",
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new JackfieldError("request_invalid", { detail: "The body is not UTF-8.", cause });
  }
}

/** Throws `request_invalid` with the place of a mistake. An empty body counts as an empty object. */
export function parseJson(request: IncomingMessage, text: string): unknown {
  const type = request.headers["content-type"];
  if (type !== undefined && !/^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new JackfieldError("request_invalid", {
      detail: "The body is not declared as JSON.",
      hint: "Send `Content-Type: application/json`.",
    });
  }
  if (text.trim() === "") return {};
  const value = parsed(text);
  refuseIllFormed(text, value);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const place = mistake(text);
    throw new JackfieldError("request_invalid", {
      detail: `The body is not well-formed JSON: line ${place.line}, column ${place.column}.`,
      members: place,
      cause,
    });
  }
}

/**
 * Where the first mistake stands. Node does not always tell, so it is searched for: what comes before it could still have become
 * JSON, what goes beyond it could not.
 */
function mistake(text: string): { readonly line: number; readonly column: number } {
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (couldBecomeJson(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function couldBecomeJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const [, position] = /position (\d+)/.exec(message) ?? [];
    return /unexpected end|unterminated string/i.test(message) || Number(position ?? -1) >= text.length;
  }
}

/** A value of a body and the way to it, shared with its siblings so that deep bodies cost no more than flat ones. */
interface Place {
  readonly value: unknown;
  readonly name: string;
  readonly parent: Place | undefined;
}

const maxPath = 200;

/** What could stand for half of a surrogate pair, also where it is one half of a whole pair. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;

/**
 * JSON can spell half of a surrogate pair. No UTF-8 can hold it, so that it would turn into another text wherever it is stored,
 * hashed or sent on. Throws `request_invalid`. No recursion: the depth is the sender's to choose.
 */
function refuseIllFormed(text: string, body: unknown): void {
  if (!surrogateEscape.test(text) && text.isWellFormed()) return;
  const open: Place[] = [{ value: body, name: "", parent: undefined }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value } = place;
    if (typeof value === "string" && !value.isWellFormed()) throw illFormed(place, "holds");
    if (typeof value !== "object" || value === null) continue;
    for (const [name, inner] of Object.entries(value)) {
      if (!name.isWellFormed()) throw illFormed(place, "has a key with");
      open.push({ value: inner, name, parent: place });
    }
  }
}

function illFormed(place: Place, what: string): JackfieldError {
  const names: string[] = [];
  for (let at = place; at.parent !== undefined; at = at.parent) names.push(at.name);
  const path = names.reverse().join(".");
  // The way can be as long as the body, and a cut can halve a pair.
  const field = path.length > maxPath ? `${path.slice(0, maxPath).toWellFormed()}…` : path;
  return new JackfieldError("request_invalid", {
    detail: `${field === "" ? "The body" : `body: ${field}`} ${what} half of a surrogate pair, which is not well-formed Unicode.`,
    hint: "Send the character whole, or as both of its \\u escapes, or replace the half with U+FFFD.",
    members: field === "" ? { in: "body" } : { in: "body", field },
  });
}
