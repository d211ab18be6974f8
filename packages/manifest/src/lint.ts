// What a manifest must or should keep to beyond its shape. Every rule is a row of one table.

import type { ExpressionError } from "./expression-error.ts";
import { captureRules } from "./lint/captures.ts";
import { fieldRules } from "./lint/fields.ts";
import { grantRules } from "./lint/grants.ts";
import { hostRules } from "./lint/hosts.ts";
import { identityRules } from "./lint/identity.ts";
import { pagingRules } from "./lint/paging.ts";
import { parameterRules } from "./lint/parameters.ts";
import { refreshRules } from "./lint/refresh.ts";
import { requestRules } from "./lint/requests.ts";
import { CheckedManifest, type PlainHttp, type Rule } from "./lint/rule.ts";
import { scopeRules } from "./lint/scopes.ts";
import { secretRules } from "./lint/secrets.ts";
import { serviceRules } from "./lint/services.ts";
import { textRules } from "./lint/texts.ts";
import { urlRules } from "./lint/urls.ts";
import { valueRules } from "./lint/values.ts";
import { whitelistRules } from "./lint/whitelist.ts";
import { type ProblemCode, problemKinds } from "./problem.ts";
import type { Manifest } from "./schema/manifest.ts";
import type { Finding } from "./source.ts";
import type { Texts } from "./text.ts";

/** The rules; their severity is that of their code. */
export const rules: readonly Rule[] = [
  ...textRules,
  ...secretRules,
  ...captureRules,
  ...urlRules,
  ...hostRules,
  ...whitelistRules,
  ...requestRules,
  ...grantRules,
  ...parameterRules,
  ...refreshRules,
  ...scopeRules,
  ...fieldRules,
  ...valueRules,
  ...identityRules,
  ...pagingRules,
  ...serviceRules,
];

export interface Subject {
  /** The manifest, if its shape is sound. */
  readonly manifest: Manifest | undefined;
  readonly texts: Texts;
  readonly folder: string | undefined;
  readonly plainHttp: PlainHttp;
}

/** Everything that the rules find, and the texts that do not compile. */
export function lint({ manifest, texts, folder, plainHttp }: Subject): Finding[] {
  const findings = [...compileFindings(texts)];
  if (!manifest) return findings;
  const checked = new CheckedManifest(manifest, texts, folder, plainHttp);
  for (const { code, check } of rules) {
    for (const found of check(checked)) findings.push({ code, ...found });
  }
  return findings;
}

function* compileFindings(texts: Texts): Iterable<Finding> {
  for (const { path, error } of texts.all) {
    if (!error) continue;
    const code: ProblemCode = Object.hasOwn(problemKinds, error.code) ? (error.code as ProblemCode) : "expression_syntax";
    const within = { start: error.position ?? 0, length: error.position === undefined ? error.source.length : error.length };
    if (code === "expression_syntax" && isHole(error.source)) yield { code, path, ...hole };
    else yield { code, path, within, message: error.message, hint: code === "expression_syntax" ? cureOf(error) : undefined };
  }
}

/** A template where an expression is asked for. */
const isHole = (source: string) => /^\s*\{\{.*\}\}\s*$/s.test(source);

const hole = { message: "An expression stands here, not a template.", hint: "Write it without {{ and }}." };

/** What authors bring along from other languages: what stands at the place of the error, and how JSONata says it. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/^&&/, "Write `and` instead of `&&`."],
  [/^\|\|/, "Write `or` instead of `||`."],
  [/^={2,3}/, "Compare with a single `=`."],
  [/^!(?!=)/, "Write `$not(…)` instead of `!`."],
];

function cureOf({ source, position = 0 }: ExpressionError): string | undefined {
  // The parser stops behind the first of two signs.
  const from = position > 0 && source[position - 1] === source[position] ? position - 1 : position;
  return foreign.find(([pattern]) => pattern.test(source.slice(from)))?.[1];
}
