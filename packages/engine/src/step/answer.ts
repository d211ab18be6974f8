import type { Action, Connector, ErrorRule } from "@jackfield/manifest";
import type { ApiAnswer } from "../connection/api-call.ts";
import { classOf, type FailureClass, matchingRule } from "../connection/failure-class.ts";
import { reason } from "../connection/reason.ts";
import { redactDeep } from "../egress/redact.ts";
import { type ErrorCode, JackfieldError } from "../errors.ts";
import { evaluate, type Names, text } from "../request/hole.ts";

/** What a failure of each class is called. */
export const failureCodes: { readonly [C in FailureClass]: ErrorCode } = {
  auth: "provider_unauthorized",
  permission: "provider_permission",
  rate_limit: "provider_rate_limited",
  invalid: "provider_refused",
  not_found: "provider_not_found",
  unavailable: "provider_unavailable",
};

/** What an answer is judged by. */
export interface Judged {
  readonly connector: Connector;
  readonly action: Action;
  readonly redact: (text: string) => string;
}

/**
 * Throws a failure, which some APIs hide in HTTP 200, as the class that the connector's first matching error rule gives it, with the
 * provider's words.
 */
export async function refuseFailure({ connector, action, redact }: Judged, answer: ApiAnswer, names: Names): Promise<void> {
  const root = rootOf(answer, names);
  const good = answer.status >= 200 && answer.status <= 299;
  const ok = good && (action.ok === undefined || (await evaluate(action.ok, root)) === true);
  const rule = ok && action.ok !== undefined ? undefined : await matchingRule(connector.errors, root);
  if (ok && rule === undefined) return;

  const said = (await words(rule, action, root)) ?? reason(answer);
  const busy = connector.rate_limit?.statuses?.includes(answer.status) === true;
  throw new JackfieldError(failureCodes[rule?.class ?? (busy ? "rate_limit" : classOf(answer.status))], {
    detail: redact(said).slice(0, 2000),
    provider: { status: answer.status, ...(typeof answer.body === "string" ? {} : { error: redact(said).slice(0, 2000) }) },
    ...(answer.retry_after === undefined ? {} : { retry_after: answer.retry_after }),
  });
}

/** What a workflow gets of an answer. An API may echo the credential. */
export async function readOutput({ action, redact }: Judged, answer: ApiAnswer, names: Names): Promise<unknown> {
  const output = action.output === undefined ? whole(answer) : await evaluate(action.output, rootOf(answer, names));
  return redactDeep(redact, output ?? null);
}

/** The body; a text with its type, as it may be CSV, HTML or anything else. */
function whole({ body, headers }: ApiAnswer): unknown {
  const type = headers["content-type"] ?? "text/plain";
  return typeof body === "string" && !/\bjson\b/i.test(type) ? { text: body, type } : body;
}

/** What a workflow gets of one item of a page. */
export async function readItem({ action, redact }: Judged, item: unknown): Promise<unknown> {
  const { output } = action;
  return redactDeep(redact, (output === undefined ? item : await evaluate(output, item)) ?? null);
}

const rootOf = (answer: ApiAnswer, names: Names): Names => ({
  ...names,
  body: answer.body,
  response: { status: answer.status, headers: answer.headers, body: answer.body },
});

async function words(rule: ErrorRule | undefined, action: Action, root: Names): Promise<string | undefined> {
  if (rule?.message !== undefined) {
    const message = await text(rule.message, root).catch(() => undefined);
    if (message !== undefined) return message;
  }
  if (action.error === undefined) return undefined;
  const error = await evaluate(action.error, root);
  return typeof error === "string" ? error : error === undefined ? undefined : JSON.stringify(error);
}
