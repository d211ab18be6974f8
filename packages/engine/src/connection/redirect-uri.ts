import type { Runtime } from "../runtime.ts";

/**
 * The redirect URL of a connector: constant, and distinct for each connector, so that no connector can be sent the code of another
 * (RFC 9700 §4.4.2).
 */
export function redirectUri(runtime: Pick<Runtime, "platform">, connector: string): string {
  return `${runtime.platform.url}/oauth/callback/${connector}`;
}
