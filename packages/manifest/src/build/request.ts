import type { Compiled, Parameters, Request, Tree } from "../connector.ts";
import type { Template } from "../expression.ts";
import type { Manifest } from "../schema/manifest.ts";
import { record } from "../text.ts";

type CompiledRequest = NonNullable<Compiled<Manifest>["actions"]>[string]["request"];

/** Gives a request its defaults; paths are joined to `base`. */
export type RequestBuilder = (declared: CompiledRequest) => Request;

export const requestBuilder =
  (base: Template): RequestBuilder =>
  (declared) => {
    const { method = "GET", encoding = "json", path, url, query, headers, body } = declared;
    return {
      method,
      base,
      path,
      url,
      query: (query ?? record([])) as Parameters,
      headers: (headers ?? record([])) as Parameters,
      encoding,
      body: body as Tree | undefined,
    };
  };

export function buildTreeMap(map: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, Tree>> {
  return (map ?? record([])) as Readonly<Record<string, Tree>>;
}
