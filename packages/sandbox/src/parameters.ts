import type { Request } from "express";

/*
 * Parameters are read from the raw query and from a flat form, never through the host application's own query parser, whose nested
 * objects would let a parameter be something other than text.
 */

export function queryOf(request: Request): URLSearchParams {
  const at = request.url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : request.url.slice(at + 1));
}

/** The fields of a form; empty for any other kind of body. */
export function formOf(request: Request): URLSearchParams {
  const form = new URLSearchParams();
  if (!request.is("application/x-www-form-urlencoded")) return form;
  for (const [name, values] of Object.entries(Object(request.body) as Record<string, unknown>)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (typeof value === "string") form.append(name, value);
    }
  }
  return form;
}

/** The first parameter that stands there more than once, which RFC 6749 §3.1 forbids. */
export function repeated(parameters: URLSearchParams): string | undefined {
  return [...parameters.keys()].find((name) => parameters.getAll(name).length > 1);
}
