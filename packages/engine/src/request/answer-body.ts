import { isUtf8 } from "node:buffer";
import type { EgressAnswer } from "../egress/egress.ts";
import { JackfieldError } from "../errors.ts";
import { isDeeper } from "./depth.ts";
import { parseXml } from "./xml.ts";

/** Bytes that are no text, in the form that a file input takes: `data` is base64. A class, as any JSON may look like it. */
export class FileAnswer {
  /** As the provider calls it. */
  readonly name?: string;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly data: string;

  constructor(name: string | undefined, type: string, content: Buffer) {
    if (name !== undefined) this.name = name;
    this.type = type === "" ? "application/octet-stream" : type;
    this.size = content.length;
    this.data = content.toString("base64");
  }
}

type Answer = Pick<EgressAnswer, "headers" | "body">;

/**
 * What a body says: parsed JSON, XML or server-sent events, a text, or a file; null where there is none. What a file repeats of the
 * credential is taken out of it; of everything else the caller does that. Throws `provider_unavailable`.
 */
export function readBody(answer: Answer, redact: (text: string) => string): unknown {
  const { body } = answer;
  if (body.length === 0) return null;
  const type = headerOf(answer, "content-type") ?? "";
  if (isFile(type, body)) return fileOf(answer, type, redact);
  const content = textOf(body, type);
  if (/\bjson\b/i.test(type) || /^\s*[[{]/.test(content)) {
    const data = parsed(content);
    if (data !== undefined) return walkable(data);
    // A wrong content type is not an error of the step: the text is what the provider sent.
  }
  if (/^text\/event-stream\b/i.test(type)) return readEvents(content);
  if (/\bxml\b/i.test(type)) return walkable(parseXml(content.replace(/^\uFEFF/, "").trim()) ?? content);
  return content;
}

/** One value of a header, whatever it was sent as. */
function headerOf({ headers }: Pick<Answer, "headers">, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

const textual =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|yaml)\b|application\/(?:javascript|x-www-form-urlencoded|x-ndjson|jsonl|graphql)\b)/i;
const never = /^(?:image\/(?!svg\+xml)|audio\/|video\/|font\/|application\/(?:pdf|zip|gzip|x-tar|vnd\.openxmlformats|vnd\.ms-))/i;

/** A type may be wrong or say nothing: then the bytes decide. */
function isFile(type: string, body: Buffer): boolean {
  if (textual.test(type)) return false;
  return never.test(type) || !isUtf8(body) || body.includes(0);
}

const fileOf = (answer: Answer, type: string, redact: (text: string) => string): FileAnswer =>
  new FileAnswer(nameIn(headerOf(answer, "content-disposition")), type, redactBytes(answer.body, redact));

/** Bytes that are no UTF-8 survive the way through latin1 unchanged. */
function redactBytes(bytes: Buffer, redact: (text: string) => string): Buffer {
  const text = bytes.toString("latin1");
  const clean = redact(text);
  return clean === text ? bytes : Buffer.from(clean, "latin1");
}

/** The file's name of a `Content-Disposition` (RFC 6266), without a path. */
function nameIn(disposition: string | undefined): string | undefined {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition ?? "")?.[1];
  const [, quoted, token] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(disposition ?? "") ?? [];
  const name = decoded(extended) ?? quoted?.replace(/\\(.)/g, "$1") ?? token;
  const last = name?.split(/[\\/]/).at(-1)?.slice(0, 255);
  return last === "" ? undefined : last;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Most is UTF-8; what says that it is something else is read as that. */
function textOf(body: Buffer, type: string): string {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(type)?.[1]?.toLowerCase();
  if (charset === undefined || charset === "utf-8" || charset === "utf8") return body.toString("utf8");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString("utf8");
  }
}

/** The data of a bounded stream of server-sent events (WHATWG HTML §9.2), parsed where it is JSON. */
function readEvents(content: string): unknown[] {
  const events = content.split(/\r?\n\r?\n/).map((event) =>
    event
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).replace(/^ /, ""))
      .join("\n"),
  );
  return events.filter((data) => data !== "").map((data) => walkable(parsed(data) ?? data));
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** Far deeper than any real answer, far from where walking through it would exhaust the stack. */
const maxDepth = 200;

function walkable(data: unknown): unknown {
  if (!isDeeper(data, maxDepth)) return data;
  throw new JackfieldError("provider_unavailable", {
    detail: `The provider's answer is nested more than ${maxDepth} levels deep.`,
    members: { sent: true },
  });
}
