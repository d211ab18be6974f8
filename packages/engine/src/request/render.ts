import {
  type Auth,
  type Encoding,
  encodings,
  type Method,
  methods,
  type Request,
  type Template,
  type Tree,
} from "@jackfield/manifest";
import { bodyEncodings } from "./body.ts";
import { type Names, word } from "./hole.ts";
import { type Entries, renderParameters, renderTree } from "./parameters.ts";
import { joinUrl, renderUrl, withQuery } from "./url.ts";

/** A body as data, so that a credential can still be laid into it. */
export interface Content {
  readonly encoding: Encoding;
  readonly value: unknown;
}

/** A request with everything but the credential. Header names are lower case. */
export interface Rendered {
  readonly method: string;
  readonly url: string;
  /** The beginning of `url` that is the API's own; undefined for a URL elsewhere. */
  readonly base: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Content | undefined;
}

type Defaults = Auth["default_params"];

const none: Defaults = { query: {}, headers: {}, body: {} };

/** Where paths are joined to, and what is added to every call of the API. */
export interface Api {
  readonly base_url: Template;
  readonly default_params: Defaults;
}

/** The same without default parameters, which are never sent to token endpoints. */
export const bareApi = ({ base_url }: Pick<Auth, "base_url">): Api => ({ base_url, default_params: none });

const withBody = new Set(["POST", "PUT", "PATCH"]);

/**
 * Renders a request. Default parameters, which are for API calls only, come first, so that the request's own win. Throws `url_invalid`,
 * `expression_error`.
 */
export async function renderRequest(request: Request, names: Names, api: Api): Promise<Rendered> {
  const { default_params: defaults } = api;
  const method = await word(request.method, names, methods, "GET");
  const base = request.url === undefined ? await renderUrl(api.base_url, names) : undefined;
  const url =
    request.url === undefined
      ? joinUrl(base ?? "", request.path === undefined ? "" : await renderUrl(request.path, names, "path"))
      : await renderUrl(request.url, names);
  const query = merge(await renderParameters(defaults.query, names), await renderParameters(request.query, names));
  const headers: Record<string, string> = { accept: "application/json" };
  for (const [name, value] of merge(
    await renderParameters(defaults.headers, names),
    await renderParameters(request.headers, names),
  )) {
    headers[name.toLowerCase()] = value;
  }
  return {
    method,
    url: withQuery(url, query),
    base,
    headers,
    content: await renderContent(request, method, names, defaults),
  };
}

async function renderContent(request: Request, method: Method, names: Names, defaults: Defaults): Promise<Content | undefined> {
  if (request.body === undefined && !withBody.has(method)) return undefined;
  const encoding = await word(request.encoding, names, encodings, "json");
  const own = request.body === undefined ? undefined : await renderTree(request.body, names);
  const added = withBody.has(method) && mergeable.has(encoding) ? await renderTree(defaults.body as Tree, names) : {};
  const value = isObject(own) || own === undefined ? { ...(added as object), ...own } : own;
  return own === undefined && Object.keys(value as object).length === 0 ? undefined : { encoding, value };
}

/** The encodings whose body is a map, so that further values can be added. */
const mergeable: ReadonlySet<Encoding> = new Set(["json", "form", "multipart"] as const);

/**
 * The content with further values, by keys that dots join; a value that is there already is replaced in its place. Only for bodies that are
 * maps.
 */
export function withValues(content: Content | undefined, values: Readonly<Record<string, unknown>>): Content | undefined {
  if (Object.keys(values).length === 0) return content;
  if (content === undefined) return { encoding: "form", value: values };
  if (!isObject(content.value) || content.encoding === "text" || content.encoding === "binary") return content;
  const value = Object.entries(values).reduce(
    (body: object, [name, given]) => placed(body, content.encoding === "form" ? [name] : name.split("."), given),
    content.value,
  );
  return { ...content, value };
}

function placed(body: object, [key = "", ...rest]: readonly string[], value: unknown): object {
  const inner = (body as Readonly<Record<string, unknown>>)[key];
  return { ...body, [key]: rest.length === 0 ? value : placed(isObject(inner) ? inner : {}, rest, value) };
}

/** The body as it is sent, and its type. `random` draws the boundary of a multipart body. */
export function encodeContent(
  content: Content | undefined,
  random: (bytes: number) => Buffer,
): { readonly type: string; readonly body: string | Buffer } | undefined {
  if (content === undefined) return undefined;
  return bodyEncodings[content.encoding](content.value, () => `jackfield-${random(16).toString("hex")}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Later pairs replace earlier ones of the same name; repeated names within one list stay. */
function merge(defaults: Entries, own: Entries): Entries {
  const replaced = new Set(own.map(([name]) => name.toLowerCase()));
  return [...defaults.filter(([name]) => !replaced.has(name.toLowerCase())), ...own];
}
