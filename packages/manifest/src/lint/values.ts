// The values that can be given: choices, defaults, ranges.

import { compilePattern } from "../pattern.ts";
import type { Path } from "../source.ts";
import { capturesIn } from "./bounds.ts";
import { declaredFields } from "./fields.ts";
import { type CheckedManifest, derived, type Found, type Rule } from "./rule.ts";

type Value = string | number | boolean;

interface Asked {
  readonly path: Path;
  readonly type: string;
  readonly default?: Value | undefined;
  readonly pattern?: string | undefined;
  readonly list?: boolean | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** A text is the name of an `options` block. */
  readonly options?: string | readonly { readonly value: Value }[] | undefined;
}

const asked = derived((checked: CheckedManifest): readonly Asked[] => {
  const fields = [...declaredFields(checked)].map(({ field, path }) => ({ ...field, path, type: field.type ?? "string" }));
  const inputs = checked.inputs().flatMap(({ path, input: declared }) =>
    Object.entries(declared).flatMap(([name, { fields: parts = {}, ...input }]) => {
      const at = [...path, "input", name];
      const members = Object.entries(parts).map(([part, member]) => ({ ...member, path: [...at, "fields", part] }));
      return [{ ...input, path: at }, ...members].map((each) => ({ ...each, type: each.type ?? "string" }));
    }),
  );
  return [...fields, ...inputs];
});

function* optionsMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { path, type, options } of asked(checked)) {
    if (type === "select" && !options) yield { path, on: "key", message: "This drop-down has no choices." };
  }
}

function* duplicateChoices(checked: CheckedManifest): Iterable<Found> {
  for (const { path, options } of asked(checked)) {
    if (typeof options !== "object") continue;
    for (const index of repeated(options.map(({ value }) => value))) {
      yield {
        path: [...path, "options", index, "value"],
        message: `The choice \`${options[index]?.value}\` stands here already.`,
      };
    }
  }
  for (const of of checked.auths) {
    for (const { path, options } of capturesIn(of)) {
      for (const index of repeated(options ?? [])) {
        yield { path: [...path, "options", index], message: `\`${options?.[index]}\` stands here already.` };
      }
    }
  }
}

function repeated(values: readonly Value[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

const jsonTypes: Readonly<Record<string, string>> = { number: "number", boolean: "boolean", object: "object", file: "object" };

function* defaultMismatches(checked: CheckedManifest): Iterable<Found> {
  for (const item of asked(checked)) {
    const message = item.default === undefined ? undefined : reasonAgainstDefault(item, item.default);
    if (message !== undefined) yield { path: [...item.path, "default"], message };
  }
  for (const [id, trigger] of Object.entries(checked.manifest.triggers ?? {})) {
    if (trigger.type !== "polling" || typeof trigger.every !== "object") continue;
    if (trigger.every.options.includes(trigger.every.default)) continue;
    yield { path: ["triggers", id, "every", "default"], message: "The default is not one of the options." };
  }
}

function reasonAgainstDefault({ type, options, pattern, min, max }: Asked, given: Value): string | undefined {
  if (typeof options === "object") {
    return options.some(({ value }) => value === given) ? undefined : "The default is not one of the options.";
  }
  const wanted = jsonTypes[type] ?? "string";
  if (typeof given !== wanted) return `The default of a ${type} must be a ${wanted === "string" ? "text" : wanted}.`;
  if (typeof given === "string" && pattern !== undefined && !compilePattern(pattern).matches(given)) {
    return "The default does not match the pattern.";
  }
  const size = typeof given === "string" ? [...given].length : Number(given);
  if (type === "boolean") return undefined;
  if (min !== undefined && size < min) return `The default is below \`min\`, which is ${min}.`;
  return max !== undefined && size > max ? `The default is above \`max\`, which is ${max}.` : undefined;
}

function* emptyRanges(checked: CheckedManifest): Iterable<Found> {
  for (const { path, min, max } of asked(checked)) {
    if (min !== undefined && max !== undefined && min > max) {
      yield { path: [...path, "min"], message: `Nothing is at least ${min} and at most ${max}.` };
    }
  }
}

export const valueRules: readonly Rule[] = [
  { code: "options_missing", check: optionsMissing },
  { code: "duplicate_choice", check: duplicateChoices },
  { code: "default_mismatch", check: defaultMismatches },
  { code: "range_empty", check: emptyRanges },
];
