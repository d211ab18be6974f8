// What the user is asked: entries of `connection_config`, `credentials` and `assertion_option`.

import { freeName, shortened, snakeCase } from "../identifier.ts";
import type { Notes } from "../note.ts";
import {
  hostBelow,
  hostPattern,
  isOpenPattern,
  labelPattern,
  letsAnyHost,
  originBelow,
  originPattern,
  usable,
  wholePattern,
} from "../pattern.ts";
import { domainsIn } from "./domains.ts";

/** Where in a URL a value stands; `host` is a whole host, `label` a part of one, `origin` scheme and host. */
export type UrlPosition = "origin" | "host" | "label" | "path";

/** An entry as the source describes it. */
export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly optional?: boolean | string;
  readonly hidden?: boolean | string;
  readonly secret?: boolean | string;
  readonly automated?: boolean | string;
  readonly default_value?: unknown;
  readonly enum?: readonly unknown[];
  readonly [key: string]: unknown;
}

export type FieldSource = "connection_config" | "credentials" | "assertion_option" | "integration_config";

export interface AskedField {
  readonly source: FieldSource;
  readonly key: string;
  readonly name: string;
  readonly schema: Schema;
  secret: "declared" | "guessed" | false;
  /** Where it stands in URLs. */
  readonly positions: Set<UrlPosition>;
  /** Whether the client's secret is sent to the host that it names. */
  isTokenHost: boolean;
  /** Whether nothing is missing without it, whatever the source says. */
  isOptional: boolean;
  /** Whether it holds a whole URL, although the source asks for what follows https://. */
  isWholeUrl: boolean;
  default: string | undefined;
}

export const isTrue = (value: unknown): boolean => value === true || value === "true";

const known = new Set([
  "type",
  "title",
  "description",
  "example",
  "pattern",
  "format",
  "prefix",
  "suffix",
  "optional",
  "hidden",
  "secret",
  "automated",
  "default_value",
  "enum",
  "order",
  "visible_when",
]);

const secretNames: { readonly [S in FieldSource]: RegExp } = {
  connection_config: /password|passwd|secret$|token$|private_?key/i,
  credentials: /secret|password|passwd|token|api_?key|private_?key$|key$|signature|assertion|certificate$/i,
  assertion_option: /key|secret|password/i,
  integration_config: /key$|secret|password|token/i,
};

/** Every field of one entry, made when it is first named. */
export class Fields {
  private readonly asked = new Map<string, AskedField>();
  private readonly schemas: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
  private readonly notes: Notes;
  /** Credentials that the person is not asked for: the app's, and constants. */
  private readonly settled = new Set<string>();

  private readonly title: string;
  private readonly domains: readonly string[];

  constructor(entry: Readonly<Record<string, unknown>>, notes: Notes) {
    this.domains = domainsIn(entry);
    this.title = String(entry.display_name ?? "");
    const isMap = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
    const maps = Object.keys(secretNames).map((source) => {
      const declared = isMap(entry[source]) ? Object.entries(entry[source] as object) : [];
      return [source, Object.fromEntries(declared.filter(([, schema]) => isMap(schema)))] as const;
    });
    this.schemas = Object.fromEntries(maps);
    this.notes = notes;
  }

  schema(source: FieldSource, key: string): Schema | undefined {
    const schemas = this.schemas[source];
    return schemas !== undefined && Object.hasOwn(schemas, key) ? schemas[key] : undefined;
  }

  get(source: FieldSource, key: string): AskedField {
    const id = `${source} ${key}`;
    const found = this.asked.get(id);
    if (found) return found;
    const schema = this.schema(source, key);
    if (!schema && !(source in implied && implied[source]?.has(key))) {
      this.notes.add(`${source}.${key}`, "named but not declared; the person is asked for it");
    }
    const names = [...this.asked.values()].map(({ name }) => name);
    const field: AskedField = {
      source,
      key,
      name: freeName(snakeCase(key), (name) => names.includes(name)),
      schema: schema ?? {},
      secret: isTrue(schema?.secret) ? "declared" : secretNames[source].test(key) ? "guessed" : false,
      positions: new Set(),
      isTokenHost: false,
      isOptional: false,
      isWholeUrl: false,
      default: typeof schema?.default_value === "string" && schema.default_value !== "" ? schema.default_value : undefined,
    };
    this.asked.set(id, field);
    return field;
  }

  settle(key: string): void {
    this.settled.add(`credentials ${key}`);
  }

  get all(): readonly AskedField[] {
    return [...this.asked.values()];
  }

  /** A field by whose value the app's secret could be sent to anybody's host. */
  get openTokenHost(): AskedField | undefined {
    if (this.domains.length > 0) return undefined;
    return this.all.find((field) => {
      const own = ownPattern(field);
      return field.isTokenHost && field.schema.enum === undefined && (own === undefined || letsAnyHost(own));
    });
  }

  /** As they stand in the manifest. */
  manifest(): object[] {
    this.reportUnused();
    const rank = ({ source, schema }: AskedField) => (source === "connection_config" ? 0 : 1000) + Number(schema.order ?? 100);
    return this.all.toSorted((a, b) => rank(a) - rank(b)).map((field) => this.describe(field));
  }

  private reportUnused(): void {
    for (const source of Object.keys(secretNames)) {
      for (const [key, schema] of Object.entries(this.schemas[source] ?? {})) {
        const id = `${source} ${key}`;
        if (this.asked.has(id) || this.settled.has(id) || isTrue(schema.automated)) continue;
        this.notes.notCarried(`${source}.${key}`, "nothing in the definition uses it");
      }
    }
  }

  private describe(field: AskedField): object {
    const { schema, source, key } = field;
    for (const unknown of Object.keys(schema)) {
      if (unknown !== "doc_section" && !known.has(unknown)) this.notes.notCarried(`${source}.${key}.${unknown}`);
    }
    const options = optionsOf(field);
    return {
      name: field.name,
      label: labelOf(field, this.title),
      type: options ? "select" : isLong(field) ? "text" : undefined,
      ...demandOf(field),
      ...shownOf(field),
      pattern: options ? undefined : this.pattern(field),
      options,
      help: optional(schema.description, 500),
      visible_if: this.condition(schema.visible_when),
    };
  }

  private condition(when: unknown): string | undefined {
    const { field, equals } = (when ?? {}) as { field?: string; equals?: unknown };
    const other = this.all.find(({ key }) => key === field);
    return other === undefined || equals === undefined ? undefined : `fields.${other.name} = ${JSON.stringify(equals)}`;
  }

  /** What the value must match: the source's own pattern where it is one and tight enough for where the value stands. */
  private pattern(field: AskedField): string | undefined {
    const place = `${field.source}.${field.key}.pattern`;
    const own = ownPattern(field);
    if (field.schema.pattern !== undefined && own === undefined) this.notes.add(place, "is no RE2 pattern; replaced");
    const position = [...field.positions].find((one) => one !== "path");
    if (position === undefined) return own;
    if (field.isTokenHost && this.domains.length > 0 && (own === undefined || letsAnyHost(own))) {
      this.notes.add(place, `must be a host of ${this.domains.join(" or ")}, as the client's secret goes there`);
      return position === "origin" ? originBelow(this.domains) : hostBelow(this.domains);
    }
    if (position === "origin") return originPattern(own) ?? this.replaced(place, own, originPattern(undefined) ?? "");
    if (own !== undefined && !isOpenPattern(own)) return own;
    return this.replaced(place, own, field.positions.has("host") ? hostPattern : labelPattern);
  }

  private replaced(place: string, own: string | undefined, pattern: string): string {
    if (own !== undefined) this.notes.add(place, "would let other hosts through; replaced by a tighter one");
    return pattern;
  }
}

/** Names that a way to connect has without declaring them. */
const implied: { readonly [S in FieldSource]?: ReadonlySet<string> } = {
  credentials: new Set(["apiKey", "username", "password", "client_id", "client_secret", "privateKey", "private_key"]),
};

const optional = (text: unknown, most: number): string | undefined =>
  text === undefined || text === null ? undefined : shortened(String(text), most) || undefined;

/** What is shown around and in the box; a value that is a whole URL begins with https:// itself. */
function shownOf({ schema, positions }: AskedField): object {
  const isUrl = positions.has("origin");
  const example = String(schema.example ?? "").replace(/^https?:\/\//, "");
  const shown = positions.size === 0 || example === "" ? schema.example : isUrl ? `https://${example}` : example;
  return {
    prefix: isUrl ? undefined : optional(schema.prefix, 100),
    suffix: isUrl ? undefined : optional(schema.suffix, 100),
    placeholder: optional(shown, 200),
  };
}

/** The choices; of a drop-down whose choices are whole URLs, with their scheme. */
function optionsOf({ schema, isWholeUrl }: AskedField): { label: string; value: string }[] | undefined {
  const values = Array.isArray(schema.enum) ? schema.enum.map(String) : [];
  if (values.length === 0) return undefined;
  const whole = (value: string) => (isWholeUrl && !/^https?:/.test(value) ? `https://${value}` : value);
  return values.map((value) => ({ label: shortened(value, 200) || "–", value: whole(value) }));
}

/** Whether it is a secret, must be given, and what counts otherwise. */
function demandOf(field: AskedField): object {
  const { schema, secret, positions } = field;
  const options = optionsOf(field);
  const isChoice = (value: string) => options === undefined || options.some((option) => option.value === value);
  const given = field.default !== undefined && isChoice(field.default) ? field.default : undefined;
  const mayLack = isTrue(schema.optional) || isTrue(schema.hidden) || schema.default_value !== undefined;
  // A URL with a gap leads nowhere.
  const isOptional = (mayLack && positions.size === 0) || field.isOptional;
  return {
    secret: secret === false ? undefined : true,
    required: isOptional && given === undefined ? undefined : true,
    default: secret === false ? given : undefined,
  };
}

const ownPattern = ({ schema }: AskedField): string | undefined =>
  typeof schema.pattern === "string" ? usable(wholePattern(schema.pattern)) : undefined;

const vague = new Set(["key", "value", "token"]);

/** A label that says too little gets the provider's name in front. */
function labelOf({ schema, name }: AskedField, title: string): string | undefined {
  const label = schema.title ?? "";
  const isVague = vague.has((label || name).trim().toLowerCase());
  return shortened(isVague ? `${title} ${(label || name).toLowerCase()}` : label, 100) || undefined;
}

const isLong = ({ key, schema }: AskedField): boolean =>
  /private_?key$|certificate$/i.test(key) || String(schema.example ?? "").startsWith("-----BEGIN");
