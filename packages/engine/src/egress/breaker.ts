import { JackfieldError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Egress, EgressRequest } from "./egress.ts";

/*
 * A host of an API that does not work is left alone for a moment: who asks is told so at once instead of waiting, and the host is not
 * asked by everybody when it comes back. What counts is that nothing works: so many failures in a row, and not one good answer between
 * them. An answer from 400 to 499 is a good one. Each process has its own view, and knows only of hosts that fail.
 */

const failuresToOpen = 10;
/** Failures that lie further apart have nothing to do with each other. */
const windowMs = 60_000;
const firstPauseMs = 5_000;
const longestPauseMs = 60_000;
/** What those are told who come while one request finds out whether the host works again. */
const probeMs = 1_000;
const mostHosts = 1_000;

interface Trouble {
  failures: number;
  lastAt: number;
  /** When the host may be asked again; undefined while it may be. */
  until: number | undefined;
  pause: number;
  probing: boolean;
}

/** The same egress, which throws `provider_unavailable` for a host that it leaves alone. Only calls of APIs count. */
export function breaking(egress: Egress, clock: () => number, log: Log): Egress {
  const troubles = new Map<string, Trouble>();

  const refuse = (host: string, { failures }: Trouble, wait: number) =>
    new JackfieldError("provider_unavailable", {
      detail: `${host} failed ${failures} times in a row, so it is not asked again for a moment.`,
      members: { sent: false, circuit: "open" },
      retry_after: wait,
    });

  /** Lets the request through, alone if it is to find out; throws where it may not. */
  const admit = (host: string): Trouble | undefined => {
    const trouble = troubles.get(host);
    if (trouble?.until === undefined) return undefined;
    const wait = trouble.until - clock();
    if (wait > 0) throw refuse(host, trouble, Math.min(wait, longestPauseMs));
    if (trouble.probing) throw refuse(host, trouble, probeMs);
    trouble.probing = true;
    return trouble;
  };

  const fail = (host: string): void => {
    const now = clock();
    const known = troubles.get(host);
    const trouble =
      known !== undefined && now - known.lastAt <= windowMs + known.pause
        ? known
        : { failures: 0, lastAt: now, until: undefined, pause: firstPauseMs, probing: false };
    trouble.failures += 1;
    trouble.lastAt = now;
    if (trouble.until !== undefined && trouble.until <= now) trouble.pause = Math.min(2 * trouble.pause, longestPauseMs);
    if (trouble.failures >= failuresToOpen && (trouble.until === undefined || trouble.until <= now)) {
      trouble.until = now + trouble.pause;
      log("warn", "a host fails and is left alone for a moment", { host, failures: trouble.failures, ms: trouble.pause });
    }
    // The last one goes to the end, so that the first is the one that has been quiet for longest.
    troubles.delete(host);
    troubles.set(host, trouble);
    if (troubles.size > mostHosts) troubles.delete(troubles.keys().next().value as string);
  };

  const judge = async <T extends { readonly status: number }>(host: string, send: () => Promise<T>): Promise<T> => {
    try {
      const answer = await send();
      if (answer.status >= 500) fail(host);
      else troubles.delete(host);
      return answer;
    } catch (cause) {
      if (isFailure(cause)) fail(host);
      throw cause;
    }
  };

  const through = async <T extends { readonly status: number }>(request: EgressRequest, send: () => Promise<T>): Promise<T> => {
    if ((request.purpose ?? "api") !== "api") return send();
    const host = hostOf(request.url);
    const probed = admit(host);
    try {
      return await judge(host, send);
    } finally {
      if (probed !== undefined) probed.probing = false;
    }
  };

  return {
    send: (request) => through(request, () => egress.send(request)),
    stream: (request) => through(request, () => egress.stream(request)),
    close: () => egress.close(),
  };
}

/** Host and port as they stand in the URL: what judges the URL comes later. */
const hostOf = (url: string): string => /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1] ?? url;

/** What says that the host does not work, rather than that the request was not acceptable or nobody waits for it any more. */
function isFailure(cause: unknown): boolean {
  return cause instanceof JackfieldError && (cause.code === "provider_unavailable" || cause.code === "provider_timeout");
}
