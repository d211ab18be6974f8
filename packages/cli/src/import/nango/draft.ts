// One entry of the source while it becomes a manifest.

import { Inexpressible, Notes } from "../note.ts";
import { Captures } from "./captures.ts";
import { Fields, type UrlPosition } from "./fields.ts";
import { resolve } from "./names.ts";
import { type Part, readAlternatives } from "./placeholder.ts";
import { expressionOf, isPiece, isSecret, joined, type Piece, piecesOf, templateOf, type Value } from "./value.ts";

export type Entry = Readonly<Record<string, unknown>>;

/** Who brings the OAuth client. */
export type ClientSource = "app" | "connection";

/** Where the client's secret is sent. */
const tokenUrls = new Set(["token_url", "refresh_url"]);

export class Draft {
  readonly name: string;
  readonly entry: Entry;
  readonly notes = new Notes();
  readonly fields: Fields;
  readonly captures: Captures;
  /** Keys that were read. */
  private readonly taken = new Set<string>();
  client: ClientSource = "app";
  /** Whether the templates that are being read belong to a further exchange: how far each step lies back. */
  step = 0;

  constructor(name: string, entry: Entry) {
    this.name = name;
    this.entry = entry;
    this.fields = new Fields(entry, this.notes);
    this.captures = new Captures(entry, this.notes);
  }

  /** The value of a key, which then counts as carried over. */
  take(key: string): unknown {
    this.taken.add(key);
    return this.entry[key];
  }

  takeText(key: string): string | undefined {
    const value = this.take(key);
    return value === undefined || value === null || value === "" ? undefined : String(value);
  }

  takeMap(key: string): Readonly<Record<string, unknown>> {
    const value = this.take(key);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  }

  get untaken(): string[] {
    return Object.keys(this.entry).filter((key) => !this.taken.has(key));
  }

  /** A text that is no URL. */
  text(source: unknown, key: string): Value {
    if (typeof source !== "string") return [String(source)];
    const alternatives = this.alternatives(source, key);
    const [first = [], ...rest] = alternatives;
    if (rest.length === 0) return first;
    const pieces = alternatives.flatMap(piecesOf);
    const expression = alternatives.reduceRight<string>((other, value) => {
      const conditions = piecesOf(value).map(({ expression }) => `$exists(${expression})`);
      return other === "" || conditions.length === 0
        ? expressionOf(value)
        : `${conditions.join(" and ")} ? ${expressionOf(value)} : ${other}`;
    }, "");
    return [joined(expression, pieces)];
  }

  template(source: unknown, key: string): string {
    return templateOf(this.text(source, key));
  }

  /** A parameter: texts are templates, numbers and booleans stay what they are. */
  parameter(source: unknown, key: string): string | number | boolean {
    return typeof source === "number" || typeof source === "boolean" ? source : this.template(source, key);
  }

  /** A body, whose texts are templates. */
  tree(source: unknown, key: string): unknown {
    if (Array.isArray(source)) return source.map((item, index) => this.tree(item, `${key}[${index}]`));
    if (typeof source === "object" && source !== null) {
      return Object.fromEntries(Object.entries(source).map(([name, value]) => [name, this.tree(value, `${key}.${name}`)]));
    }
    return typeof source === "string" ? this.template(source, key) : source;
  }

  /** A URL. Fields and captured values in it learn where they stand. Throws `Inexpressible` where a secret would stand in it. */
  url(given: string, key: string): Value {
    const source = given.replace(/(^|\|\| )http:\/\//g, "$1https://");
    if (source !== given) this.notes.add(key, "begins with http://; https:// is used");
    const value = this.withWholeUrl(withPortInOne(this.chosenUrl(source, key)));
    for (const [index, part] of value.entries()) {
      if (!isPiece(part)) continue;
      const position = positionIn(value, index);
      markPosition(part, position);
      const isWhole = position === "host" || position === "origin";
      if (isWhole && tokenUrls.has(key)) for (const field of part.fields) field.isTokenHost = true;
    }
    return value;
  }

  urlTemplate(source: string, key: string): string {
    const value = this.url(source, key);
    this.unseal(value, key);
    if (isSecret(value)) throw new Inexpressible(`a secret stands in the URL of ${key}`);
    return templateOf(value);
  }

  /** What only its name makes a secret is none where it stands in a URL. */
  unseal(value: Value, key: string): void {
    for (const field of piecesOf(value).flatMap(({ fields }) => fields)) {
      if (field.secret !== "guessed") continue;
      field.secret = false;
      this.notes.add(`${field.source}.${field.key}`, `is not kept as a secret, as it stands in ${key}`);
    }
  }

  private alternatives(source: string, key: string): Value[] {
    return this.fillable(source, key).map((parts) => this.parts(parts, key));
  }

  /** The alternatives without those that only a script of the other system can fill in. */
  private fillable(source: string, key: string): (readonly Part[])[] {
    const texts = readAlternatives(source);
    return texts.filter((parts, index) => {
      const unfilled = index === texts.length - 1 ? undefined : this.unfilled(parts);
      if (unfilled !== undefined)
        this.notes.add(key, `\`${unfilled}\` is filled in by a script; what stands behind || is always used`);
      return unfilled === undefined;
    });
  }

  private parts(parts: readonly Part[], key: string): Value {
    return parts.map((part) => this.part(part, key));
  }

  part(part: Part, key: string): string | Piece {
    return typeof part === "string" ? part : resolve(this, part, key);
  }

  /** A name of `connection_config` that neither a person nor an answer gives. */
  private unfilled(parts: readonly Part[]): string | undefined {
    for (const part of parts) {
      if (typeof part === "string" || part.kind !== "name" || part.path[0] !== "connectionConfig") continue;
      const key = part.path.slice(1).join(".");
      if (this.fields.schema("connection_config", key)?.automated && !this.captures.find(key)) return key;
    }
    return undefined;
  }

  /** One URL of several: the holes get defaults where the alternatives differ in nothing else. */
  private chosenUrl(source: string, key: string): Value {
    const [first = [], ...rest] = this.fillable(source, key);
    const value = this.parts(first, key);
    for (const other of rest) {
      const isLiteral = other.every((part) => typeof part === "string");
      if (isLiteral ? this.asDefault(value, other) : isAlwaysGiven(value)) continue;
      this.notes.notCarried(key, `what stands behind ||, as a URL has no alternatives`);
    }
    return value;
  }

  /** A host that may hold a path, as its example does, can only be typed as a whole URL. */
  private withWholeUrl(value: Value): Value {
    const [scheme, piece, next = "/"] = value;
    const field = piece !== undefined && isPiece(piece) ? piece.fields[0] : undefined;
    if (scheme !== "https://" || field === undefined || !/^[/?]/.test(String(next))) return value;
    const given = [field.schema.example, ...(Array.isArray(field.schema.enum) ? field.schema.enum : [])];
    if (!given.some((example) => /^(https:\/\/)?[^/]+\/./.test(String(example ?? "")))) return value;
    field.isWholeUrl = true;
    this.notes.add(`${field.source}.${field.key}`, "may hold a path, so that it is asked for as a whole URL with https://");
    return value.slice(1);
  }

  private asDefault(value: Value, other: Value): boolean {
    const pieces = piecesOf(value);
    const [piece] = pieces;
    if (pieces.length !== 1 || piece === undefined) return isAlwaysGiven(value);
    const [before = "", after = ""] = [0, 1].map((side) => literalBeside(value, side));
    const text = other.join("");
    if (!text.startsWith(before) || !text.endsWith(after)) return false;
    const fallback = text.slice(before.length, text.length - after.length);
    const [field] = piece.fields;
    const [capture] = piece.captures;
    if (field) field.default ??= fallback;
    else if (capture) capture.fallback ??= fallback;
    return field !== undefined || capture !== undefined;
  }
}

/** Whether nothing in it can be missing. */
const isAlwaysGiven = (value: Value): boolean =>
  piecesOf(value).every(({ fields, captures }) => captures.length === 0 && fields.every((field) => field.default !== undefined));

/** The text before (0) or behind (1) the only hole. */
function literalBeside(value: Value, side: number): string {
  const at = value.findIndex(isPiece);
  return (side === 0 ? value.slice(0, at) : value.slice(at + 1)).join("");
}

/** A port that is a hole makes host and port one hole: holes stand for a whole host or a part of one. */
function withPortInOne(value: Value): Value {
  const port = value.findIndex((part, index) => isPiece(part) && /:$/.test(String(value[index - 1] ?? "")));
  const start = value.findIndex((part) => !isPiece(part) && part.includes("://"));
  const beginning = value[start];
  if (port < 0 || start < 0 || typeof beginning !== "string") return value;
  const cut = beginning.indexOf("://") + 3;
  const authority: Value = [beginning.slice(cut), ...value.slice(start + 1, port + 1)].filter((part) => part !== "");
  if (authority.some((part) => !isPiece(part) && /[/?#]/.test(part))) return value;
  return [
    ...value.slice(0, start),
    beginning.slice(0, cut),
    joined(expressionOf(authority), piecesOf(authority)),
    ...value.slice(port + 1),
  ];
}

function positionIn(value: Value, index: number): UrlPosition {
  const before = value
    .slice(0, index)
    .map((part) => (isPiece(part) ? "x" : part))
    .join("");
  if (before === "") return "origin";
  const rest = before.slice(before.indexOf("://") + 3);
  if (!before.includes("://")) return isPiece(value[0] ?? "") ? "path" : "origin";
  if (/[/?#]/.test(rest)) return "path";
  const next = value[index + 1];
  const isWhole = rest === "" && (next === undefined || (!isPiece(next) && /^[/:?]/.test(next)));
  return isWhole ? "host" : "label";
}

function markPosition({ fields, captures }: Piece, position: UrlPosition): void {
  for (const field of fields) field.positions.add(position);
  for (const capture of captures) {
    capture.positions.add(position);
    capture.used = true;
  }
}
