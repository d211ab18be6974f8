// A curl command as an action. What it sends stays as it was, so that the action does the same when nothing is given.

import { UsageError } from "../command.ts";
import { type Command, readCommand } from "./curl/options.ts";
import { isSecretLike } from "./curl/secret.ts";
import { freeName, shortened, snakeCase } from "./identifier.ts";
import { type Note, Notes } from "./note.ts";

export interface ImportedCommand {
  /** The action's id. */
  readonly id: string;
  readonly action: object;
  /** Scheme, host and port. */
  readonly origin: string;
  readonly notes: readonly Note[];
}

type Map = Record<string, unknown>;

/** Turns values into inputs that have them as defaults. */
class Inputs {
  readonly all: Record<string, object> = {};

  add(name: string, value: string | number | boolean): string {
    const free = freeName(snakeCase(name), (taken) => Object.hasOwn(this.all, taken));
    const type = typeof value === "string" ? (value.length > 200 ? "text" : undefined) : typeof value;
    this.all[free] = { type, default: value === "" ? undefined : value };
    return `{{ input.${free} }}`;
  }
}

/**
 * Reads a command; `pathOf` says what stands in the action instead of the URL. Throws `UsageError` for what is no curl command, and for
 * methods that no action can have.
 */
export function importCurl(text: string, pathOf: (url: URL) => Map, name?: string): ImportedCommand {
  const notes = new Notes();
  const command = readCommand(text, notes);
  const url = urlOf(command.url ?? "");
  const method = command.method ?? (hasBody(command) && !command.isGet ? "POST" : "GET");
  if (!/^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/.test(method))
    throw new UsageError(`An action cannot be a ${method} request.`);
  if (command.user !== undefined) notes.add("--user", "removed: credentials belong to a connection");
  const inputs = new Inputs();
  const search = [...url.searchParams, ...(command.isGet ? [...new URLSearchParams(command.data.join("&"))] : [])];
  const target = pathOf(url);
  const place = target.path === undefined ? target : { path: withIds(String(target.path), inputs) };
  const query = pairs(search, "the query", inputs, notes);
  const headers = headersOf(command, notes);
  const body = command.isGet ? {} : bodyOf(command, inputs, notes);
  const id = name === undefined ? idOf(method, url.pathname) : snakeCase(name);
  const action = {
    title: titleOf(id),
    input: Object.keys(inputs.all).length > 0 ? inputs.all : undefined,
    request: { method: method === "GET" ? undefined : method, ...place, query, headers, ...body },
    output: method === "HEAD" ? "response.headers" : "body",
  };
  return { id, action, origin: url.origin, notes: notes.all };
}

const hasBody = ({ data, form }: Command) => data.length > 0 || form.length > 0;

function urlOf(text: string): URL {
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
    if (url.protocol === "https:" || url.protocol === "http:") return url;
  } catch (error) {
    throw new UsageError(`\`${text}\` is no URL.`, { cause: error });
  }
  throw new UsageError(`\`${text}\` is no URL of HTTP.`);
}

/** Numbers and UUIDs in a path are somebody's ids. */
function withIds(path: string, inputs: Inputs): string {
  const segments = path.split("/");
  return segments
    .map((segment, index) => {
      if (!/^([0-9]+|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/i.test(segment)) return segment;
      const before = (segments[index - 1] ?? "").replace(/[^A-Za-z0-9_-]/g, "");
      return inputs.add(/^[a-z]/i.test(before) ? `${singular(before)}_id` : "id", segment);
    })
    .join("/");
}

const singular = (word: string) => word.replace(/ies$/, "y").replace(/(ss)$|s$/, "$1");

function pairs(entries: readonly (readonly [string, string])[], where: string, inputs: Inputs, notes: Notes): Map | undefined {
  const kept = entries.filter(([name, value]) => {
    const isSecret = isSecretLike(name, value);
    if (isSecret) notes.add(name, `removed from ${where}: it looks like a secret, and secrets belong to a connection`);
    return !isSecret;
  });
  if (kept.length === 0) return undefined;
  const names = new Set(kept.map(([name]) => name));
  for (const name of names)
    if (kept.filter(([other]) => other === name).length > 1) notes.notCarried(name, "all but the first value");
  return Object.fromEntries(
    [...names].map((name) => [name, inputs.add(name, kept.find(([other]) => other === name)?.[1] ?? "")]),
  );
}

/** Headers that browsers and curl send by themselves. */
const implied =
  /^(accept|content-type|content-length|host|connection|user-agent|referer|origin|cookie|accept-(encoding|language)|sec-.*|dnt|te|priority|pragma|cache-control|upgrade-insecure-requests)$/i;

function headersOf({ headers }: Command, notes: Notes): Map | undefined {
  const kept: Map = {};
  for (const [name, value] of headers) {
    if (/^(cookie|(proxy-)?authorization)$/i.test(name) || (!implied.test(name) && isSecretLike(name, value))) {
      notes.add(name, "header removed: it looks like a secret, and secrets belong to a connection");
    } else if (/^accept$/i.test(name) ? !/^(\*\/\*|application\/json(,.*)?)$/.test(value) : !implied.test(name)) {
      kept[name] = escaped(value);
    }
  }
  return Object.keys(kept).length > 0 ? kept : undefined;
}

function bodyOf(command: Command, inputs: Inputs, notes: Notes): Map {
  const { data, form, headers, isJson } = command;
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (form.length > 0) return { encoding: "multipart", body: formBody(form, inputs) };
  if (data.length === 0) return {};
  const text = data.join("&");
  if (text.startsWith("@")) {
    inputs.all.file = { type: "file" };
    return { encoding: "binary", body: "{{ input.file }}" };
  }
  const json = isJson || /json/i.test(type) || /^\s*[[{]/.test(text) ? jsonOf(text) : undefined;
  if (json !== undefined) return { body: jsonBody(json, inputs, notes) };
  if (/xml/i.test(type)) {
    notes.notCarried("body", "XML: write it under `body` as a map");
    return { encoding: "xml" };
  }
  if (type !== "" && !/x-www-form-urlencoded/i.test(type)) return { encoding: "text", body: inputs.add("body", text) };
  return { encoding: "form", body: pairs([...new URLSearchParams(text)], "the body", inputs, notes) };
}

const formBody = (form: readonly (readonly [string, string])[], inputs: Inputs): Map =>
  Object.fromEntries(
    form.map(([name, value]) => {
      if (!value.startsWith("@")) return [name, inputs.add(name, value.replace(/;type=[^;]*$/, ""))];
      const free = freeName(snakeCase(name), (taken) => Object.hasOwn(inputs.all, taken));
      inputs.all[free] = { type: "file" };
      return [name, `{{ input.${free} }}`];
    }),
  );

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Plain values of the body itself become inputs; what lies deeper stays as it is. */
function jsonBody(json: unknown, inputs: Inputs, notes: Notes): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return withoutSecrets(json, "body", notes);
  const entries = Object.entries(json).map(([name, value]): [string, unknown] => {
    if (typeof value === "string" && isSecretLike(name, value)) {
      notes.add(name, "removed from the body: it looks like a secret, and secrets belong to a connection");
      return [name, undefined];
    }
    const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return [name, isPlain && value !== "" ? inputs.add(name, value) : withoutSecrets(value, name, notes)];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function withoutSecrets(value: unknown, name: string, notes: Notes): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name, notes));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner, key, notes)]));
  }
  if (typeof value !== "string") return value;
  if (!isSecretLike(name, value)) return escaped(value);
  notes.add(name, "emptied in the body: it looks like a secret, and secrets belong to a connection");
  return "";
}

/** Braces that are no hole. */
const escaped = (text: string) => text.replaceAll("{{", "{{ '{{' }}");

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "replace",
  PATCH: "update",
  DELETE: "delete",
  HEAD: "check",
  OPTIONS: "options_of",
};

function idOf(method: string, path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "");
  const noun = segments.filter((segment) => /^[a-z][a-z_-]*$/i.test(segment) && !/^(api|v\d+)$/i.test(segment)).at(-1) ?? "root";
  const isWhole = method === "GET" && noun === segments.at(-1) && noun.endsWith("s");
  const words = isWhole ? `list_${noun}` : `${verbs[method] ?? "get"}_${singular(noun)}`;
  return snakeCase(shortened(words, 60));
}

const titleOf = (id: string) => {
  const words = id.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
