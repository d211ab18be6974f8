import type { Auth, Connector, Request } from "@jackfield/manifest";
import type { Names } from "./hole.ts";
import { type Entries, formEncode, formEntries, renderParameters, renderTree } from "./parameters.ts";
import { joinUrl, renderUrl, withQuery } from "./url.ts";

/** A request with everything but the credential. Header names are lower case. */
export interface Rendered {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const encodings: Record<Request["encoding"], { readonly type: string; encode(body: unknown): string }> = {
  json: { type: "application/json", encode: (body) => JSON.stringify(body) },
  form: { type: "application/x-www-form-urlencoded", encode: (body) => formEncode(formEntries(body)) },
  text: { type: "text/plain; charset=utf-8", encode: (body) => (typeof body === "string" ? body : JSON.stringify(body)) },
};

const withBody = new Set(["POST", "PUT", "PATCH"]);

/**
 * Renders a request to the provider's API. The auth's default parameters come first, so that the request's own win. Throws
 * `url_invalid`, `expression_error`.
 */
export async function renderRequest(connector: Connector, auth: Auth, request: Request, names: Names): Promise<Rendered> {
  const base = await renderUrl(connector.base_url, names);
  const path = await renderUrl(request.path, names, "path");
  const query = merge(await renderParameters(auth.default_params.query, names), await renderParameters(request.query, names));
  const headers: Record<string, string> = { accept: "application/json" };
  for (const [name, value] of merge(
    await renderParameters(auth.default_params.headers, names),
    await renderParameters(request.headers, names),
  )) {
    headers[name.toLowerCase()] = value;
  }
  const body = await renderBody(auth, request, names);
  if (body !== undefined) headers["content-type"] ??= encodings[request.encoding].type;
  return { method: request.method, url: withQuery(joinUrl(base, path), query), headers, body };
}

async function renderBody(auth: Auth, request: Request, names: Names): Promise<string | undefined> {
  if (request.body === undefined && !withBody.has(request.method)) return undefined;
  const own = request.body === undefined ? undefined : await renderTree(request.body, names);
  const defaults =
    withBody.has(request.method) && request.encoding !== "text" ? await renderTree(auth.default_params.body, names) : {};
  const body = isObject(own) || own === undefined ? { ...(defaults as object), ...own } : own;
  if (own === undefined && Object.keys(body as object).length === 0) return undefined;
  return encodings[request.encoding].encode(body);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Later pairs replace earlier ones of the same name; repeated names within one list stay. */
function merge(defaults: Entries, own: Entries): Entries {
  const replaced = new Set(own.map(([name]) => name.toLowerCase()));
  return [...defaults.filter(([name]) => !replaced.has(name.toLowerCase())), ...own];
}
