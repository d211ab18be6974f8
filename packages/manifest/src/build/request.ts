import type { Compiled, Request, Tree } from "../connector.ts";
import { record } from "../record.ts";
import type { Manifest } from "../schema/manifest.ts";

type CompiledRequest = NonNullable<Compiled<Manifest>["actions"]>[string]["request"];

/** Gives a request its defaults. */
export function buildRequest(declared: CompiledRequest): Request {
  const { method = "GET", encoding = "json", path, url, query, headers, body } = declared;
  return {
    method,
    path,
    url,
    query: (query ?? record([])) as Request["query"],
    headers: (headers ?? record([])) as Request["headers"],
    encoding,
    body: body as Tree | undefined,
  };
}

export function buildTreeMap(map: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, Tree>> {
  return (map ?? record([])) as Readonly<Record<string, Tree>>;
}
