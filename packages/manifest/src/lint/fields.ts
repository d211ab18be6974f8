// What people are asked: fields of an auth, inputs of an action.

import { basicValue, defaultApply, labelOf } from "../defaults.ts";
import { analyseExpression } from "../expression.ts";
import type { Path } from "../source.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";

type DeclaredField = NonNullable<CheckedAuth["auth"]["fields"]>[number];

function* declaredFields({ auths }: CheckedManifest): Generator<{ field: DeclaredField; path: Path; of: CheckedAuth }> {
  for (const of of auths) {
    for (const [index, field] of (of.auth.fields ?? []).entries()) yield { field, path: [...of.path, "fields", index], of };
  }
}

function* duplicates(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const { field, path, of } of declaredFields(checked)) {
    const key = `${of.id} ${field.name}`;
    if (seen.has(key)) yield { path: [...path, "name"], message: `A field \`${field.name}\` stands here already.` };
    seen.add(key);
  }
}

/** The fields that the type's own way of signing requests names. */
function fieldsOfDefaultApply({ auth }: CheckedAuth): string[] {
  if (auth.apply) return [];
  if (auth.type === "basic") return analyseExpression(basicValue).analysis.references.map(({ path }) => path[1] ?? "");
  const value = defaultApply(auth) ?? "";
  return /fields\.([a-z0-9_]+)/.exec(value)?.slice(1) ?? [];
}

function* unusedFields(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path, of } of declaredFields(checked)) {
    if (field.type === "environment" || fieldsOfDefaultApply(of).includes(field.name)) continue;
    if (of.auth.type === "oauth2" && of.auth.client?.source !== undefined && /^client_(id|secret)$/.test(field.name)) continue;
    if (isUsed(checked, of.id, field.name)) continue;
    yield { path: [...path, "name"], message: `The field \`${field.name}\` is asked for and never used.` };
  }
}

function isUsed(checked: CheckedManifest, auth: string, name: string): boolean {
  return checked.texts.some((text) => {
    if (!checked.authsOf(text).some(({ id }) => id === auth)) return false;
    return text.pieces.some(
      ({ analysis }) =>
        analysis.everything ||
        analysis.references.some(({ path }) => path[0] === "fields" && (path[1] === undefined || path[1] === name)),
    );
  });
}

function* unusedInputs(checked: CheckedManifest): Iterable<Found> {
  for (const { path, input } of checked.inputs()) {
    const own = checked.texts.filter((text) => text.path[0] === path[0] && text.path[1] === path[1]);
    const pieces = own.flatMap((text) => text.pieces);
    for (const name of Object.keys(input)) {
      const used = pieces.some(
        ({ analysis }) =>
          analysis.everything ||
          analysis.references.some(({ path }) => path[0] === "input" && (path[1] === undefined || path[1] === name)),
      );
      if (!used) yield { path: [...path, "input", name], on: "key", message: `The input \`${name}\` is never used.` };
    }
  }
}

const many = { warning: 5, error: 12 };

const tooMany = (from: number, to: number) =>
  function* ({ auths }: CheckedManifest): Iterable<Found> {
    for (const { auth, path } of auths) {
      const count = auth.fields?.length ?? 0;
      if (auth.type !== "oauth2" || count <= from || count > to) continue;
      yield { path: [...path, "fields"], on: "key", message: `${count} fields stand beside OAuth.` };
    }
  };

const identity = new Set(["email", "e_mail", "email_address", "username", "user_name", "user_id", "login"]);

function* identityFields(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path, of } of declaredFields(checked)) {
    if (of.auth.type !== "oauth2" || of.auth.grant !== "authorization_code" || !identity.has(field.name)) continue;
    yield { path: [...path, "name"], message: `OAuth tells who signs in; \`${field.name}\` need not be asked for.` };
  }
}

function* requiredFields(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path, of } of declaredFields(checked)) {
    if (of.auth.type !== "oauth2" || of.auth.grant !== "authorization_code" || field.required !== true) continue;
    if (isInUrl(checked, of.id, field.name)) continue;
    yield { path: [...path, "required"], message: `Nobody can connect without \`${field.name}\`.` };
  }
}

const urls = new Set(["base_url", "authorization.url", "token.url", "whitelist"]);

function isInUrl(checked: CheckedManifest, auth: string, name: string): boolean {
  return checked
    .uses()
    .some(
      ({ text, reference }) =>
        urls.has(text.place) &&
        reference.path[0] === "fields" &&
        reference.path[1] === name &&
        checked.authsOf(text).some(({ id }) => id === auth),
    );
}

const vague = new Set(["key", "value", "token"]);

function* vagueLabels(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path } of declaredFields(checked)) {
    const label = field.label ?? labelOf(field.name);
    if (!vague.has(label.trim().toLowerCase())) continue;
    const where = field.label === undefined ? "name" : "label";
    yield { path: [...path, where], message: `The label \`${label}\` says too little.` };
  }
}

function* withoutHelp(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path } of declaredFields(checked)) {
    if (field.help !== undefined || !(field.secret === true || /(^|_)id$/.test(field.name))) continue;
    yield { path: [...path, "name"], message: `Nobody is told where \`${field.name}\` is found.` };
  }
}

interface Asked {
  readonly path: Path;
  readonly type: string;
  readonly default?: string | number | boolean | undefined;
  /** A text is the name of an `options` block. */
  readonly options?: string | readonly { readonly value: string | number | boolean }[] | undefined;
}

function* asked(checked: CheckedManifest): Generator<Asked> {
  for (const { field, path } of declaredFields(checked)) yield { ...field, path, type: field.type ?? "string" };
  for (const { path, input: declared } of checked.inputs()) {
    for (const [name, input] of Object.entries(declared)) {
      yield { ...input, path: [...path, "input", name], type: input.type ?? "string" };
    }
  }
}

function* optionsMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { path, type, options } of asked(checked)) {
    if (type === "select" && !options) yield { path, on: "key", message: "This drop-down has no choices." };
  }
}

const jsonTypes: Readonly<Record<string, string>> = { number: "number", boolean: "boolean" };

function* defaultMismatches(checked: CheckedManifest): Iterable<Found> {
  for (const { path, type, options, default: given } of asked(checked)) {
    if (given === undefined) continue;
    const at = [...path, "default"];
    if (typeof options === "object" && type === "select") {
      if (!options.some(({ value }) => value === given)) yield { path: at, message: "The default is not one of the options." };
    } else if (typeof given !== (jsonTypes[type] ?? "string")) {
      yield { path: at, message: `The default of a ${type} must be a ${jsonTypes[type] ?? "text"}.` };
    }
  }
}

export const fieldRules: readonly Rule[] = [
  { code: "duplicate_field", check: duplicates },
  { code: "unused_field", check: unusedFields },
  { code: "unused_input", check: unusedInputs },
  { code: "too_many_fields", check: tooMany(many.warning, many.error) },
  { code: "far_too_many_fields", check: tooMany(many.error, Number.POSITIVE_INFINITY) },
  { code: "identity_field", check: identityFields },
  { code: "required_extra_field", check: requiredFields },
  { code: "field_label_vague", check: vagueLabels },
  { code: "field_without_help", check: withoutHelp },
  { code: "options_missing", check: optionsMissing },
  { code: "default_mismatch", check: defaultMismatches },
];
