// What stands in a preview for what nobody gave: `<client_secret>`, `<fields.name>`, and `fields-site.invalid` where only a host fits.

import type { Auth, Connector, Expression, Field, Template } from "@jackfield/manifest";
import { evaluate } from "../request/hole.ts";
import { positionAfter } from "../request/url.ts";

/** Names under which a manifest reads something that is given or captured. */
const roots = ["fields", "app", "callback", "token", "connection", "input", "run", "hook", "subscription"] as const;
export type Root = (typeof roots)[number];

/** How a placeholder is written. */
type Form = "plain" | "label" | "host" | "origin";

const forms: { readonly [F in Form]: (root: Root, name: string) => string } = {
  plain: (root, name) => `<${root}.${name}>`,
  label: (root, name) => hostLabel(root, name),
  host: (root, name) => `${hostLabel(root, name)}.invalid`,
  origin: (root, name) => `https://${hostLabel(root, name)}.invalid`,
};

const hostLabel = (root: Root, name: string) => `${root}-${name}`.replace(/[^A-Za-z0-9-]/g, "-").toLowerCase();

/** The members that a manifest names of each root, with the form that fits everywhere they stand. */
export class Named {
  private readonly members: Readonly<Record<Root, Map<string, Form>>>;
  /** The paths below `token.raw` and `token.claims`. */
  readonly raw = new Set<string>();
  readonly claims = new Set<string>();

  constructor(connector: Connector, auth: Auth) {
    this.members = Object.fromEntries(roots.map((root) => [root, new Map()])) as unknown as Record<Root, Map<string, Form>>;
    const { auth: _, ...rest } = connector;
    for (const { text, isUrl } of texts({ ...rest, auth }, false)) {
      if (!("parts" in text)) this.note(text.source, "plain");
      else if (isUrl) this.noteUrl(text);
      else for (const part of text.parts) if (typeof part !== "string") this.note(part.source, "plain");
    }
  }

  names(root: Root): readonly string[] {
    return [...this.members[root].keys()];
  }

  placeholder(root: Root, name: string): string {
    return forms[this.members[root].get(name) ?? "plain"](root, name);
  }

  private noteUrl({ parts }: Template): void {
    let before = "";
    for (const [index, part] of parts.entries()) {
      if (typeof part === "string") {
        before += part;
        continue;
      }
      const form = formAt(before, parts[index + 1]);
      this.note(part.source, form);
      before += form === "origin" ? "https://x" : "x";
    }
  }

  private note(source: string, form: Form): void {
    for (const [, root, quoted, plain] of source.matchAll(/(?<![.\w$`])(\w+)\s*\.\s*(?:`([^`]+)`|([A-Za-z_]\w*))/g)) {
      const members = this.members[root as Root];
      const name = quoted ?? plain ?? "";
      // A form that fits into a host fits everywhere else too.
      if (members !== undefined && (form !== "plain" || !members.has(name))) members.set(name, form);
    }
    for (const [, of, path = ""] of source.matchAll(/(?<![.\w$`])token\.(raw|claims)((?:\.[A-Za-z_]\w*)+)/g))
      this[of === "raw" ? "raw" : "claims"].add(path.slice(1));
  }
}

/** What fits between two pieces of a URL. */
function formAt(before: string, after: Template["parts"][number] | undefined): Form {
  const position = positionAfter(before, before.startsWith("/") ? "path" : "start");
  if (position === "start") return "origin";
  if (position !== "host") return "plain";
  return typeof after === "string" && /^[.-]/.test(after) ? "label" : "host";
}

interface Text {
  readonly text: Template | Expression;
  readonly isUrl: boolean;
}

const urlKeys = new Set(["url", "base_url", "path", "whitelist"]);

/** Every template and expression below a value. */
function* texts(value: unknown, isUrl: boolean): Iterable<Text> {
  if (typeof value !== "object" || value === null) return;
  if ("source" in value && ("render" in value || "evaluate" in value)) {
    yield { text: value as Template | Expression, isUrl };
    return;
  }
  if (Array.isArray(value)) for (const item of value) yield* texts(item, isUrl);
  else for (const [key, inner] of Object.entries(value)) yield* texts(inner, urlKeys.has(key));
}

type Given = Readonly<Record<string, unknown>>;

type Question = Pick<Field, "name" | "default" | "visible_if"> & {
  readonly type: string;
  readonly options?: unknown;
  readonly list?: boolean;
  readonly fields?: Readonly<Record<string, Omit<Question, "name">>> | undefined;
};

/**
 * The answers to a form: what is given; else the default; else the first of the choices; else a placeholder. A text that is given and
 * empty leaves its question out, and so does a question that the others hide. A date that is not given is the day of `now`.
 */
export async function answers(
  kind: "fields" | "input",
  questions: readonly Question[],
  given: Given,
  placeholder: (name: string) => string,
  now: number,
): Promise<Record<string, unknown>> {
  const answered: Record<string, unknown> = {};
  for (const question of questions) {
    const { name, type, list } = question;
    const stand = () => (type === "object" ? objectOf(kind, question, placeholder, now) : placeholder(name));
    const value = Object.hasOwn(given, name) ? typed(type, given[name]) : (suggested(question, now) ?? (await stand()));
    if (value !== "" && value !== undefined) answered[name] = list && !Array.isArray(value) ? [value] : value;
  }
  for (const { name, visible_if } of questions) {
    if (visible_if !== undefined && (await evaluate(visible_if, { [kind]: answered })) !== true) delete answered[name];
  }
  return answered;
}

/** An object with its parts, where they are known. */
async function objectOf(
  kind: "fields" | "input",
  { name, fields }: Question,
  placeholder: (name: string) => string,
  now: number,
): Promise<Record<string, unknown>> {
  if (fields === undefined) return { [name]: placeholder(name) };
  const parts = Object.entries(fields).map(([part, member]) => ({ ...member, name: part }));
  return answers(kind, parts, {}, (part) => placeholder(`${name}.${part}`), now);
}

function suggested({ name, type, options, default: preset }: Question, now: number): unknown {
  if (type === "path" && preset === undefined) return `/${name}`;
  const [first] = Array.isArray(options) ? (options as readonly { readonly value: unknown }[]) : [];
  return preset ?? first?.value ?? (type === "date" ? new Date(now).toISOString().slice(0, 10) : undefined);
}

/** What a command line can only say as a text. */
function typed(type: string, value: unknown): unknown {
  if (type === "number" && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)))
    return Number(value);
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value;
}

/** An object with values at paths such as `team.id`. */
export function nested(paths: Iterable<readonly [path: string, value: unknown]>): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [path, value] of paths) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let at = object;
    for (const key of keys) {
      if (typeof at[key] !== "object" || at[key] === null) at[key] = {};
      at = at[key] as Record<string, unknown>;
    }
    at[last] = value;
  }
  return object;
}
