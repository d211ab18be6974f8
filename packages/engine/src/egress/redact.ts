/*
 * Takes secrets out of texts that leave the engine: provider errors, logs, events. A secret is found as it is and in the forms in which
 * providers echo it.
 */

/** Replaces every secret that it was made for by `[redacted]`. */
export type Redactor = (text: string) => string;

const mark = "[redacted]";
const minLength = 6;
/** Deeper values are replaced whole: what cannot be searched is not let through. */
const maxDepth = 500;

const unchanged: Redactor = (text) => text;

function jsonForms(secret: string): string[] {
  const escaped = JSON.stringify(secret).slice(1, -1);
  const slashes = escaped.replaceAll("/", "\\/");
  const ascii = (text: string): string =>
    text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [escaped, slashes, ascii(escaped), ascii(slashes)];
}

/**
 * Base64 of the secret alone, and the part that stays the same when it is encoded with a text before and after it, as in
 * `Authorization: Basic`: it depends only on how the bytes before it fall into groups of three.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const inner = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const whole = bytes.toString("base64");
  const standard = [whole, whole.replaceAll("=", ""), ...inner];
  return [...standard, ...standard.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

function urlForms(text: string): string[] {
  // Half a surrogate pair cannot be encoded; it is sent as U+FFFD.
  const wellFormed = Buffer.from(text, "utf8").toString("utf8");
  const component = encodeURIComponent(wellFormed);
  const form = new URLSearchParams([["", wellFormed]]).toString().slice(1);
  const lower = (encoded: string): string => encoded.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
  return [component, form, lower(component), lower(form)];
}

function formsOf(secret: string): string[] {
  const base64 = base64Forms(secret);
  return [secret, ...base64, ...jsonForms(secret), ...urlForms(secret), ...base64.flatMap(urlForms)];
}

/**
 * Makes a redactor for the given secrets. Those of less than six characters are left out: they occur by chance, and replacing them
 * would both damage texts and tell what they are.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const long = secrets.filter((secret) => secret.length >= minLength);
  if (long.length === 0) return unchanged;
  // The longest first, so that no part of a longer form stays behind.
  const forms = [...new Set(long.flatMap(formsOf))]
    .filter((form) => form.length >= minLength)
    .sort((a, b) => b.length - a.length);
  const pattern = new RegExp(forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  return (text) => text.replace(pattern, mark);
}

function redactNumber(redact: Redactor, value: number): number | string {
  return redact(String(value)) === mark ? mark : value;
}

function redactAt(redact: Redactor, value: unknown, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "number") return redactNumber(redact, value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return mark;
  if (Array.isArray(value)) return value.map((item) => redactAt(redact, item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactAt(redact, item, depth + 1)]));
}

/** Redacts every text of a JSON value, its keys included, and a number that is a secret itself. The value given stays as it is. */
export function redactDeep(redact: Redactor, value: unknown): unknown {
  return redact === unchanged ? value : redactAt(redact, value, 0);
}
