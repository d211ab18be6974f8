import type { Test } from "@jackfield/manifest";
import { redactDeep } from "../egress/redact.ts";
import { JackfieldError, type ProviderWords } from "../errors.ts";
import { evaluate, type Names, text } from "../request/hole.ts";
import { renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { type ApiAnswer, callApi } from "./api-call.ts";
import { classOf, matchingRule } from "./failure-class.ts";
import { namesOf, type OpenConnection } from "./open.ts";
import { reason } from "./reason.ts";

const maxBytes = 256 * 1024;

/** What the Test (Me) call says of a credential. */
export type TestOutcome =
  | {
      readonly outcome: "passed";
      readonly me: unknown;
      readonly status: number | undefined;
      readonly duration_ms: number;
      /** What answered; undefined where there is no test. */
      readonly url?: string;
    }
  | {
      readonly outcome: "failed" | "unreachable";
      readonly status: number | undefined;
      readonly duration_ms: number;
      readonly error: JackfieldError;
      /** Whether the provider refused the credential itself, rather than this request. */
      readonly refused: boolean;
      /** What was answered, without secrets. */
      readonly me?: unknown;
    };

/**
 * Asks the provider whose credential this is. `failed` means that the provider answered and refused; `unreachable` means that nothing is
 * known, which never counts against a credential. Throws only for what the manifest or the fields get wrong.
 */
export async function testCall(runtime: Runtime, opened: OpenConnection): Promise<TestOutcome> {
  const { test } = opened.auth;
  if (test === undefined) return { outcome: "passed", me: undefined, status: undefined, duration_ms: 0 };
  const names = namesOf(runtime, opened);
  const rendered = await renderRequest(test.request, names, opened.auth);
  const started = runtime.clock();
  let answer: ApiAnswer;
  try {
    answer = await callApi(runtime, opened, rendered, { timeout: test.timeout, maxBytes });
  } catch (cause) {
    if (!(cause instanceof JackfieldError) || !unreachable.has(cause.code)) throw cause;
    const error = new JackfieldError("test_unreachable", {
      detail: `The provider could not be reached: ${cause.message}`,
      cause,
    });
    return { outcome: "unreachable", status: undefined, duration_ms: runtime.clock() - started, error, refused: false };
  }
  return judge(runtime, opened, test, answer, names);
}

const unreachable: ReadonlySet<string> = new Set(["provider_unavailable", "provider_timeout", "provider_answer_too_large"]);

async function judge(
  runtime: Runtime,
  opened: OpenConnection,
  test: Test,
  answer: ApiAnswer,
  names: Names,
): Promise<TestOutcome> {
  const { status, duration_ms } = answer;
  const me = answer.body;
  const root = { ...names, me, body: me, response: { status, headers: answer.headers, body: me } };
  const good = status >= 200 && status <= 299;
  if (good && (test.valid === undefined || (await evaluate(test.valid, root)) === true))
    // Labels and unique ids are not sealed, so what an API echoes of the credential must not get into them.
    return { outcome: "passed", me: redactDeep(answer.redact, me), status, duration_ms, url: answer.url };

  const redact = (words: string): string => answer.redact(words).slice(0, 2000);
  const said = test.error === undefined ? undefined : await text(test.error, root).catch(() => undefined);
  const detail = said === undefined ? undefined : redact(said);
  const provider: ProviderWords = { status, ...(good ? {} : { error: redact(reason(answer)) }) };
  const kind = (await matchingRule(opened.connector.errors, root))?.class ?? classOf(status);
  if (kind === "unavailable" || kind === "rate_limit") {
    runtime.log("info", "a test met a provider that does not answer", { connection: opened.record.id, status });
    const error = new JackfieldError("test_unreachable", {
      provider,
      detail: detail ?? `The provider answered with HTTP ${status}.`,
    });
    return { outcome: "unreachable", status, duration_ms, error, refused: false };
  }
  const error = new JackfieldError("credentials_invalid", { provider, ...(detail === undefined ? {} : { detail }) });
  const refused = good || kind === "auth";
  return { outcome: "failed", status, duration_ms, error, refused, me: redactDeep(answer.redact, me) };
}
