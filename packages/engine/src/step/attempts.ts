import type { Retry } from "@jackfield/manifest";
import { type ApiAnswer, callApi } from "../connection/api-call.ts";
import type { OpenConnection } from "../connection/open.ts";
import { waitToldBy } from "../connection/traffic.ts";
import { check } from "../connection/upkeep/check.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import { JackfieldError } from "../errors.ts";
import { hasRefresh } from "../grant/refresh.ts";
import { evaluate, type Names } from "../request/hole.ts";
import type { Rendered } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import type { Deadline } from "./deadline.ts";

/** The longest wait that a step takes upon itself; a longer one is the workflow's to plan. */
const maxWait = 10_000;

const defaultAttempts = 3;
const defaultStatuses = [429, 503];
const firstPause = 500;

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether a request may be made twice without harm (RFC 9110 §9.2.2). */
export const isIdempotent = (method: string): boolean => idempotent.has(method);

export interface AttemptOptions {
  readonly actor: string;
  /** What the manifest says of further tries. */
  readonly retry: Retry | undefined;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds that one request may take. */
  readonly timeout: number;
  readonly deadline: Deadline;
  /** Of one answer, after decompression. */
  readonly maxBytes: number;
}

interface Prepared {
  readonly names: Names;
  readonly rendered: Rendered;
}

/** The tries of one step's requests: again after a forced refresh, or when the provider asks to wait a moment. */
export class Attempts {
  /** Of all requests together. */
  count = 0;
  /** Whether a provider may have carried something out: one that says 401 or 429 has not. */
  mayHaveActed = false;
  private readonly runtime: Runtime;
  private readonly refresher: Refresher;
  private readonly options: AttemptOptions;

  constructor(runtime: Runtime, refresher: Refresher, options: AttemptOptions) {
    this.runtime = runtime;
    this.refresher = refresher;
    this.options = options;
  }

  async until(
    opened: OpenConnection,
    prepare: (opened: OpenConnection) => Promise<Prepared>,
  ): Promise<{ answer: ApiAnswer; names: Names; last: OpenConnection }> {
    let current = opened;
    let refreshed = false;
    for (let tries = 1; ; tries += 1) {
      const { names, rendered } = await prepare(current);
      const { actor, deadline } = this.options;
      const answer = await this.send(current, rendered);
      if (!refreshed && (await isExpired(current, answer, names))) {
        refreshed = true;
        const renewing = renewRefused(this.runtime, this.refresher, current, actor);
        const renewed = await deadline.wait(renewing, "its credential to be refreshed");
        if (renewed) {
          current = renewed;
          continue;
        }
      }
      const wait = this.waitAfter(current, rendered, answer, tries);
      if (wait === undefined) return { answer, names, last: current };
      await this.runtime.sleep(wait);
    }
  }

  private async send(opened: OpenConnection, rendered: Rendered): Promise<ApiAnswer> {
    const { runtime } = this;
    const { signal, timeout, deadline, maxBytes } = this.options;
    return runtime.traffic.through(opened, deadline.left, async () => {
      this.count += 1;
      const most = deadline.longest(timeout);
      try {
        const answer = await callApi(runtime, opened, rendered, { timeout: most, maxBytes, signal });
        this.mayHaveActed ||= answer.status !== 401 && !isTooMany(opened, answer);
        const wait = isTooMany(opened, answer) ? waitToldBy(opened.connector.rate_limit, answer, runtime.clock()) : undefined;
        return wait === undefined || answer.retry_after !== undefined ? answer : { ...answer, retry_after: wait };
      } catch (cause) {
        this.mayHaveActed ||= mayHaveArrived(cause);
        throw deadline.explain(cause, most);
      }
    });
  }

  /**
   * Milliseconds until the next try, or undefined where there is none. 429 was not carried out, and other failures only count where a
   * repetition harms nothing; without the manifest's word only those that name a time.
   */
  private waitAfter(opened: OpenConnection, { method }: Rendered, answer: ApiAnswer, tries: number): number | undefined {
    const { retry, deadline } = this.options;
    const harmless = isTooMany(opened, answer) || isIdempotent(method) || retry?.unsafe === true;
    const isListed = [...(retry?.statuses ?? defaultStatuses), ...(opened.connector.rate_limit?.statuses ?? [])].includes(
      answer.status,
    );
    if (!harmless || !isListed || tries >= (retry?.attempts ?? defaultAttempts)) return undefined;
    const wait = answer.retry_after ?? (retry === undefined ? undefined : firstPause * 2 ** (tries - 1));
    // Who could not try again in time is told at once what the provider said.
    return wait !== undefined && wait <= Math.min(maxWait, deadline.rest()) ? wait : undefined;
  }
}

/** Whether the provider says that it was asked too often, and so has done nothing. */
export const isTooMany = ({ connector }: OpenConnection, { status }: Pick<ApiAnswer, "status">): boolean =>
  status === 429 || connector.rate_limit?.statuses?.includes(status) === true;

/** Whether a request that failed may have reached the provider: one that was refused before says so, or has no member `sent`. */
const mayHaveArrived = (cause: unknown): boolean => !(cause instanceof JackfieldError) || cause.members.sent === true;

/** An API says by 401 that the token has ended, or as the manifest tells. */
async function isExpired({ auth }: OpenConnection, answer: ApiAnswer, names: Names): Promise<boolean> {
  if (answer.status === 401) return true;
  const when = hasRefresh(auth) ? auth.refresh.when : undefined;
  if (when === undefined) return false;
  const { status, headers, body } = answer;
  return (await evaluate(when, { ...names, body, response: { status, headers, body } })) === true;
}

/**
 * The API refused the credential: one forced refresh. Where that is not possible, the test call says whether the credential is dead (then
 * the connection needs its user) or only this request is not allowed. Undefined when there is nothing new to try with.
 */
export async function renewRefused(
  runtime: Runtime,
  refresher: Refresher,
  opened: OpenConnection,
  actor: string,
): Promise<OpenConnection | undefined> {
  if (opened.record.renewable) {
    try {
      return await refresher.refresh(opened.record.id, opened.record.credential_version, actor);
    } catch (cause) {
      // What the API says is then the only thing that is known.
      if (cause instanceof JackfieldError && cause.code === "refresh_too_soon") return undefined;
      throw cause;
    }
  }
  await check(runtime, refresher, opened.record, actor).catch((cause: unknown) => {
    if (!(cause instanceof JackfieldError)) throw cause;
  });
  return undefined;
}
