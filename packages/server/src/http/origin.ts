import type { IncomingMessage } from "node:http";
import { JackfieldError } from "@jackfield/engine";

/**
 * Whether a page of this deployment made the request, as far as the browser tells: `unknown` when it tells nothing, as programs do.
 * `Sec-Fetch-Site` cannot be set by scripts; older browsers and plain http give `Origin` alone.
 */
export function requestSite(request: IncomingMessage, publicUrl: string): "own" | "other" | "unknown" {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin" ? "own" : "other";
  if (request.headers.origin === undefined) return "unknown";
  return request.headers.origin === publicUrl ? "own" : "other";
}

/** A request that a cookie vouches for must say that it is ours. Throws `origin_refused`. */
export function requireOwnSite(request: IncomingMessage, publicUrl: string): void {
  if (requestSite(request, publicUrl) !== "own") throw new JackfieldError("origin_refused");
}

/** A request that brings its own key is refused only when a browser says that another site made it. Throws `origin_refused`. */
export function refuseOtherSite(request: IncomingMessage, publicUrl: string): void {
  if (requestSite(request, publicUrl) === "other") throw new JackfieldError("origin_refused");
}
