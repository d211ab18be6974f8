/*
 * Takes secrets out of texts that leave the engine: provider errors, logs, events. A secret is found as it is and in the forms in which
 * providers echo it.
 */

/** Replaces secrets in a text by `[redacted]`. */
export type Redact = (text: string) => string;

/** Replaces every secret that it was made for by `[redacted]`. */
export interface Redactor extends Redact {
  /** The same for bytes that arrive one after another. */
  readonly stream: () => StreamRedactor;
}

/**
 * Redacts bytes without changing how many there are: a secret becomes as many bytes of `[redacted]***`, so that a length that was announced
 * still holds. It holds back no more than the beginning of what could become a secret, which is always shorter than its longest form.
 */
export interface StreamRedactor {
  /** What can be said of the bytes so far; empty where they wait for more. */
  push(chunk: Buffer): Buffer;
  /** What was held back and became no secret. */
  end(): Buffer;
}

const mark = "[redacted]";
const minLength = 6;
/** Deeper values are replaced whole: what cannot be searched is not let through. */
const maxDepth = 500;

const nothing: Buffer = Buffer.alloc(0);

const unchanged: Redactor = Object.assign((text: string) => text, {
  stream: () => ({ push: (chunk: Buffer) => chunk, end: () => nothing }),
});

function jsonForms(secret: string): string[] {
  const escaped = JSON.stringify(secret).slice(1, -1);
  const slashes = escaped.replaceAll("/", "\\/");
  const ascii = (text: string): string =>
    text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [escaped, slashes, ascii(escaped), ascii(slashes)];
}

/**
 * Base64 of the text alone, and the part that stays the same when it is encoded with a text before and after it, as in
 * `Authorization: Basic`: it depends only on how the bytes before it fall into groups of three.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text, "utf8");
  const inner = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const whole = bytes.toString("base64");
  const standard = [whole, whole.replaceAll("=", ""), ...inner];
  return [...standard, ...standard.map((encoded) => encoded.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** Percent-encoded for a URL, and for a form, which differ in `~`, `!`, `'`, `(`, `)` and the space. */
function encodedForms(text: string): string[] {
  // Half a surrogate pair cannot be encoded; it is sent as U+FFFD.
  const wellFormed = Buffer.from(text, "utf8").toString("utf8");
  return [encodeURIComponent(wellFormed), new URLSearchParams([["", wellFormed]]).toString().slice(1)];
}

function urlForms(text: string): string[] {
  const encoded = encodedForms(text);
  return [...encoded, ...encoded.map((form) => form.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()))];
}

function formsOf(secret: string): string[] {
  // HTTP Basic encodes the form-encoded secret (RFC 6749 §2.3.1); some clients and providers take the raw one, or a URL's encoding.
  const base64 = [...new Set([secret, ...encodedForms(secret)])].flatMap(base64Forms);
  const escapable = [...new Set(base64)].filter((form) => /[+/=]/.test(form));
  return [secret, ...base64, ...jsonForms(secret), ...urlForms(secret), ...escapable.flatMap(urlForms)];
}

/*
 * All forms are looked for in one pass. No regular expression and no `indexOf`: the first cannot be compiled from a long secret and puts
 * it into its error, and both take quadratic time where a secret and a text repeat themselves, which a provider can arrange.
 */

/** Every form is at least this long, so a hash of so many characters tells where one may begin. */
const windowLength = minLength;
/** Six times five bits: a character is shifted out when it leaves the window. */
const windowMask = 0x3fffffff;
const slotBits = 14;
/** Taken once: where the globals belong to a context of their own, as under Jest, looking it up costs more than all the rest. */
const { imul } = Math;

function hashNext(hash: number, unit: number): number {
  return ((hash << 5) ^ unit) & windowMask;
}

function slotOf(hash: number): number {
  return imul(hash, 0x9e3779b1) >>> (32 - slotBits);
}

interface Index {
  /** The longest first, so that no part of a longer form stays behind. */
  readonly forms: readonly string[];
  /** Which slots have a form: far quicker to ask than the map. */
  readonly used: Uint8Array;
  /** Slot → positions in `forms`, ascending. */
  readonly slots: ReadonlyMap<number, readonly number[]>;
  /** All that a form can begin with that is shorter than a window. */
  readonly beginnings: ReadonlySet<string>;
  /** See `bordersOf`; made for a form when it is first needed, which for most is never. */
  readonly borders: (Int32Array | undefined)[];
}

/** The forms as text in which each character is one byte: of UTF-8, and of Latin-1, which some providers still send. */
function byteForms(forms: readonly string[]): string[] {
  return forms.flatMap((form) => {
    const bytes = Buffer.from(form, "utf8").toString("latin1");
    const inLatin = Buffer.from(form, "latin1").toString("latin1") === form;
    return inLatin ? [bytes, form] : [bytes];
  });
}

function indexOf(given: readonly string[]): Index {
  const forms = [...new Set(given)].filter((form) => form.length >= minLength).sort((a, b) => b.length - a.length);
  const used = new Uint8Array(1 << slotBits);
  const slots = new Map<number, number[]>();
  for (const [position, form] of forms.entries()) {
    let hash = 0;
    for (let at = 0; at < windowLength; at += 1) hash = hashNext(hash, form.charCodeAt(at));
    const slot = slotOf(hash);
    used[slot] = 1;
    const there = slots.get(slot);
    if (there) there.push(position);
    else slots.set(slot, [position]);
  }
  const beginnings = new Set(forms.flatMap((form) => [1, 2, 3, 4, 5].map((length) => form.slice(0, length))));
  return { forms, used, slots, beginnings, borders: [] };
}

/** Knuth, Morris and Pratt: for every length, how long the longest proper beginning is with which a beginning of that length ends. */
function bordersOf(form: string): Int32Array {
  const borders = new Int32Array(form.length + 1);
  let length = 0;
  for (let at = 1; at < form.length; at += 1) {
    const unit = form.charCodeAt(at);
    while (length > 0 && form.charCodeAt(length) !== unit) length = borders[length] ?? 0;
    if (form.charCodeAt(length) === unit) length += 1;
    borders[at + 1] = length;
  }
  return borders;
}

/** So many are rather compared again than remembered: it spares nearly every form its borders. */
const fewCharacters = 32;

/**
 * The search through one text. Of every form it remembers where it may begin next and how much of it is there already, so that no
 * character is compared with a form again and again.
 */
class Search {
  readonly #index: Index;
  readonly #text: string;
  readonly #begin: Int32Array;
  readonly #matched: Int32Array;

  constructor(index: Index, text: string) {
    this.#index = index;
    this.#text = text;
    this.#begin = new Int32Array(index.forms.length);
    this.#matched = new Int32Array(index.forms.length);
  }

  /** The length of the longest form that begins here; 0 if none does. To be asked at ascending places. */
  lengthAt(place: number, slot: number): number {
    for (const position of this.#index.slots.get(slot) ?? []) {
      const form = this.#index.forms[position] ?? "";
      if (this.#begins(form, position, place)) return form.length;
    }
    return 0;
  }

  /** Whether a form begins here of which the text holds only a part; asked after `lengthAt` of the same place. */
  isOpenAt(place: number, slot: number): boolean {
    const there = this.#text.length - place;
    return (this.#index.slots.get(slot) ?? []).some(
      (position) => this.#begin[position] === place && this.#matched[position] === there,
    );
  }

  #begins(form: string, position: number, place: number): boolean {
    let begin = this.#begin[position] ?? 0;
    let matched = this.#matched[position] ?? 0;
    while (begin < place && matched > 0) {
      const kept = this.#kept(form, position, matched);
      begin += matched <= fewCharacters ? 1 : matched - kept;
      matched = kept;
    }
    if (begin > place) return false;
    begin = place;
    while (matched < form.length && this.#text.charCodeAt(begin + matched) === form.charCodeAt(matched)) matched += 1;
    const found = matched === form.length;
    // What is found is replaced; the search goes on behind it.
    this.#begin[position] = found ? begin + matched : begin;
    this.#matched[position] = found ? 0 : matched;
    return found;
  }

  /** How much of a form is still there when it does not go on after `matched` characters. */
  #kept(form: string, position: number, matched: number): number {
    if (matched <= fewCharacters) return 0;
    const { borders } = this.#index;
    borders[position] ??= bordersOf(form);
    return borders[position][matched] ?? 0;
  }
}

/** What stands in place of a secret of some length. */
type Mask = (length: number) => string;

/**
 * Replaces forms. `open`: more may follow, so that it stops where the text ends in the middle of one. Gives what it replaced and, from
 * where on the text is undecided, its length where it is not.
 */
function replaceAll(index: Index, text: string, mask: Mask, open: boolean): { readonly clean: string; readonly upTo: number } {
  const { used } = index;
  const parts: string[] = [];
  let search: Search | undefined;
  let hash = 0;
  let done = 0;
  let upTo = text.length;
  // A window may not reach back into what is replaced already.
  let full = windowLength - 1;
  for (let end = 0; end < text.length; end += 1) {
    hash = hashNext(hash, text.charCodeAt(end));
    if (end < full) continue;
    const slot = slotOf(hash);
    if (used[slot] === 0) continue;
    search ??= new Search(index, text);
    const begin = end - windowLength + 1;
    const length = search.lengthAt(begin, slot);
    // A longer one that is not whole yet goes before a shorter one.
    if (open && search.isOpenAt(begin, slot)) {
      upTo = begin;
      break;
    }
    if (length === 0) continue;
    parts.push(text.slice(done, begin), mask(length));
    done = begin + length;
    full = done + windowLength - 1;
    end = done - 1;
  }
  if (open && upTo === text.length) upTo = Math.max(done, undecided(index, text));
  if (done === 0) return { clean: upTo === text.length ? text : text.slice(0, upTo), upTo };
  return { clean: parts.join("") + text.slice(done, upTo), upTo };
}

/** Where the last few characters, too few for a window, begin a form; the text's length where they do not. */
function undecided({ beginnings }: Index, text: string): number {
  for (let at = Math.max(0, text.length - windowLength + 1); at < text.length; at += 1) {
    if (beginnings.has(text.slice(at))) return at;
  }
  return text.length;
}

const shortMask: Mask = () => mark;
const longMask: Mask = (length) => (length < mark.length ? "*".repeat(length) : mark.padEnd(length, "*"));

/** How far apart four characters may be looked at so that some of each window are. */
const stride = windowLength - 3;
const sieveBits = 14;

/** Tells, for most bytes by a quarter of them, that no form begins there: what passes by is searched at the speed of memory. */
function createSieve({ forms }: Index): (bytes: Buffer) => boolean {
  const rough = new Uint8Array(1 << sieveBits);
  const exact = new Set<number>();
  const slot = (four: number): number => imul(four, 0x9e3779b1) >>> (32 - sieveBits);
  for (const form of forms) {
    for (let at = 0; at < stride; at += 1) {
      const four = Buffer.from(form.slice(at, at + 4), "latin1").readInt32LE();
      rough[slot(four)] = 1;
      exact.add(four);
    }
  }
  return (bytes) => {
    for (let at = 0; at + 4 <= bytes.length; at += stride) {
      // biome-ignore format: four bytes as one number, as `readInt32LE` has it, which would check each time whether they are there
      const four = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
      if (rough[slot(four)] === 1 && exact.has(four)) return true;
    }
    return false;
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text);

const sieved = (index: Index) => ({ index, holds: createSieve(index) });

function streaming(index: Index, holds: (bytes: Buffer) => boolean): StreamRedactor {
  let held: Buffer = nothing;
  /** Of bytes in which no form begins but at their very end. */
  const glance = (bytes: Buffer): Buffer => {
    const from = Math.max(0, bytes.length - windowLength + 1);
    const upTo = from + undecided(index, bytes.toString("latin1", from));
    held = bytes.subarray(upTo);
    return held.length === 0 ? bytes : bytes.subarray(0, upTo);
  };
  const take = (bytes: Buffer, open: boolean): Buffer => {
    const { clean, upTo } = replaceAll(index, bytes.toString("latin1"), longMask, open);
    held = bytes.subarray(upTo);
    return Buffer.from(clean, "latin1");
  };
  return {
    push(chunk) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      return holds(bytes) ? take(bytes, true) : glance(bytes);
    },
    end: () => (held.length === 0 ? nothing : take(held, false)),
  };
}

/**
 * Makes a redactor for the given secrets, in next to no time: the work is done when it is first used. Those of less than six characters
 * are left out: they occur by chance, and replacing them would both damage texts and tell what they are. Never throws, and takes time
 * in proportion to the text, whatever the secrets.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const long = secrets.filter((secret) => secret.length >= minLength);
  if (long.length === 0) return unchanged;
  // The same secrets come back with every step of a connection.
  if (long.reduce((sum, { length }) => sum + length, 0) > mostRemembered) return redactorOf(long);
  const name = long.map((secret) => `${secret.length}:${secret}`).join("");
  const redactor = made.get(name) ?? redactorOf(long);
  made.delete(name);
  made.set(name, redactor);
  const [oldest] = made.keys();
  if (made.size > mostMade && oldest !== undefined) made.delete(oldest);
  return redactor;
}

/** Those that were used last, by their secrets. */
const made = new Map<string, Redactor>();
const mostMade = 64;
/** Characters of secrets that are worth remembering; longer ones take longer to compare than they save. */
const mostRemembered = 16_000;

function redactorOf(long: readonly string[]): Redactor {
  let forms: readonly string[] | undefined;
  let ofText: Index | undefined;
  let ofBytes: { readonly index: Index; readonly holds: (bytes: Buffer) => boolean } | undefined;
  const all = (): readonly string[] => {
    forms ??= long.flatMap(formsOf);
    return forms;
  };
  const indexOfTexts = (): Index => {
    ofText ??= indexOf(all());
    return ofText;
  };
  const redact = (text: string): string =>
    text.length < minLength ? text : replaceAll(indexOfTexts(), text, shortMask, false).clean;
  const stream = (): StreamRedactor => {
    ofBytes ??= sieved(all().every(isAscii) ? indexOfTexts() : indexOf(byteForms(all())));
    return streaming(ofBytes.index, ofBytes.holds);
  };
  return Object.assign(redact, { stream });
}

function redactNumber(redact: Redact, value: number): number | string {
  return redact(String(value)) === mark ? mark : value;
}

function redactAt(redact: Redact, value: unknown, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value === "number") return redactNumber(redact, value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return mark;
  if (Array.isArray(value)) return value.map((item) => redactAt(redact, item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactAt(redact, item, depth + 1)]));
}

/** Redacts every text of a JSON value, its keys included, and a number that is a secret itself. The value given stays as it is. */
export function redactDeep(redact: Redact, value: unknown): unknown {
  return redact === (unchanged as Redact) ? value : redactAt(redact, value, 0);
}
