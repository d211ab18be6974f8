import type { ErrorRule } from "@jackfield/manifest";
import { evaluate, type Names } from "../request/hole.ts";

/** What kind of failure an API's answer is. */
export type FailureClass = ErrorRule["class"];

/** What a status means where the manifest does not say. */
const byStatus: Readonly<Record<number, FailureClass>> = {
  401: "auth",
  403: "permission",
  404: "not_found",
  408: "unavailable",
  410: "not_found",
  425: "unavailable",
  429: "rate_limit",
};

export function classOf(status: number): FailureClass {
  return byStatus[status] ?? (status >= 500 ? "unavailable" : "invalid");
}

/** The connector's first error rule that fits an answer: `root` holds `body` and `response`. Throws `expression_error`. */
export async function matchingRule(rules: readonly ErrorRule[], root: Names): Promise<ErrorRule | undefined> {
  for (const rule of rules) if ((await evaluate(rule.when, root)) === true) return rule;
  return undefined;
}
