// What people are asked: fields of an auth, inputs of an action.

import { appFields, basicValue, defaultApply, labelOf } from "../defaults.ts";
import { analyseExpression } from "../expression.ts";
import type { Path } from "../source.ts";
import type { Piece } from "../text.ts";
import { idle } from "./grants.ts";
import { requestSites } from "./request-sites.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";

type DeclaredField = NonNullable<CheckedAuth["auth"]["fields"]>[number];

interface Declared {
  readonly field: DeclaredField;
  readonly path: Path;
  readonly of: CheckedAuth;
  /** Who is asked. */
  readonly who: "user" | "admin";
}

/** What the user is asked, and what the admin is asked beside client ID and secret. */
export function* declaredFields({ auths }: CheckedManifest): Generator<Declared> {
  for (const of of auths) {
    for (const [index, field] of (of.auth.fields ?? []).entries())
      yield { field, path: [...of.path, "fields", index], of, who: "user" };
    for (const [index, field] of appFields(of.auth).entries()) {
      yield { field, path: [...of.path, "client", "fields", index], of, who: "admin" };
    }
  }
}

const askedAnyway: ReadonlySet<string> = new Set(["client_id", "client_secret"]);

function* duplicates(checked: CheckedManifest): Iterable<Found> {
  const seen = new Set<string>();
  for (const { field, path, of, who } of declaredFields(checked)) {
    const key = `${who} ${of.id} ${field.name}`;
    const message =
      who === "admin" && askedAnyway.has(field.name)
        ? `\`${field.name}\` is asked for anyway.`
        : `A field \`${field.name}\` stands here already.`;
    if (seen.has(key) || (who === "admin" && askedAnyway.has(field.name))) yield { path: [...path, "name"], message };
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
  for (const { field, path, of, who } of declaredFields(checked)) {
    const { name, type } = field;
    if (who === "admin" ? signsOrVerifies.has(name) : type === "environment" || isTaken(of, name)) continue;
    if (checked.usage.isUsedBy(of.id, who === "admin" ? "app" : "fields", name)) continue;
    yield { path: [...path, "name"], message: `The field \`${name}\` is asked for and never used.` };
  }
}

/** What the engine itself reads of an app. */
const signsOrVerifies: ReadonlySet<string> = new Set(["private_key", "key_id", "certificate"]);

/** Whether the type or the client takes the field without being told. */
function isTaken(of: CheckedAuth, name: string): boolean {
  if (fieldsOfDefaultApply(of).includes(name)) return true;
  if (of.auth.type !== "oauth2") return false;
  if (of.auth.grant === "password" && (name === "username" || name === "password")) return true;
  return of.auth.client?.source !== undefined && askedAnyway.has(name);
}

function* groupsOfOtherTypes(checked: CheckedManifest): Iterable<Found> {
  for (const { path, input } of checked.inputs()) {
    for (const [name, { fields, type = "string" }] of Object.entries(input)) {
      if (fields !== undefined && type !== "object")
        yield idle([...path, "input", name, "fields"], `the input is no object, but a ${type}`);
    }
  }
}

function* unusedInputs(checked: CheckedManifest): Iterable<Found> {
  for (const { path, input } of checked.inputs()) {
    // The drop-downs of an input may depend on another one.
    const blocks = new Set([path.join(" ")]);
    for (const { options } of Object.values(input)) if (typeof options === "string") blocks.add(`options ${options}`);
    for (const name of Object.keys(input)) {
      if ([...blocks].some((block) => checked.usage.isUsedIn(block, "input", name))) continue;
      yield { path: [...path, "input", name], on: "key", message: `The input \`${name}\` is never used.` };
    }
  }
}

/** Whoever brings a client says where it is registered and what it may ask for: that is not beside OAuth. */
function saysWhere(checked: CheckedManifest, auth: string, { name, type }: DeclaredField): boolean {
  return (
    type === "url" ||
    (["scopes", "audience", "client.authentication"] as const).some((place) =>
      checked.at(place).some(({ path, pieces }) => path[1] === auth && pieces.some((piece) => namesField(piece, name))),
    )
  );
}

const namesField = ({ analysis }: Piece, name: string) =>
  analysis.references.some(({ path }) => path[0] === "fields" && path[1] === name);

const many = { warning: 5, error: 12 };

const tooMany = (from: number, to: number) =>
  function* (checked: CheckedManifest): Iterable<Found> {
    for (const { id, auth, path } of checked.auths) {
      const count = (auth.fields ?? []).filter((field) => !saysWhere(checked, id, field)).length;
      if (auth.type !== "oauth2" || count <= from || count > to) continue;
      yield { path: [...path, "fields"], on: "key", message: `${count} fields stand beside OAuth.` };
    }
  };

const identity = new Set(["email", "e_mail", "email_address", "username", "user_name", "user_id", "login"]);

function* identityFields(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path, of, who } of declaredFields(checked)) {
    if (who === "admin" || of.auth.type !== "oauth2" || of.auth.grant !== "authorization_code" || !identity.has(field.name))
      continue;
    yield { path: [...path, "name"], message: `OAuth tells who signs in; \`${field.name}\` need not be asked for.` };
  }
}

function* requiredFields(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path, of, who } of declaredFields(checked)) {
    if (who === "admin" || of.auth.type !== "oauth2" || of.auth.grant !== "authorization_code" || field.required !== true)
      continue;
    if (isTaken(of, field.name) || isInUrl(checked, of.id, field.name)) continue;
    yield { path: [...path, "required"], message: `Nobody can connect without \`${field.name}\`.` };
  }
}

function isInUrl(checked: CheckedManifest, auth: string, name: string): boolean {
  const places = (["base_url", "authorization.url", "token.url", "whitelist"] as const).flatMap((place) => checked.at(place));
  const targets = requestSites(checked).flatMap(({ path }) =>
    ["path", "url"].flatMap((key) => checked.textAt([...path, key]) ?? []),
  );
  return [...places, ...targets].some(
    (text) => (text.path[0] !== "auth" || text.path[1] === auth) && text.pieces.some((piece) => namesField(piece, name)),
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

const secretNames = /(^|_)(password|passphrase|secret|private_key|api_key|access_token|token|pin)$/;

function* notSecret(checked: CheckedManifest): Iterable<Found> {
  for (const { field, path } of declaredFields(checked)) {
    if (field.secret === true || field.type === "select" || field.type === "boolean" || !secretNames.test(field.name)) continue;
    yield { path: [...path, "name"], message: `\`${field.name}\` would be stored and shown in the clear.` };
  }
}

export const fieldRules: readonly Rule[] = [
  { code: "duplicate_field", check: duplicates },
  { code: "unused_field", check: unusedFields },
  { code: "unused_input", check: unusedInputs },
  { code: "key_without_effect", check: groupsOfOtherTypes },
  { code: "too_many_fields", check: tooMany(many.warning, many.error) },
  { code: "far_too_many_fields", check: tooMany(many.error, Number.POSITIVE_INFINITY) },
  { code: "identity_field", check: identityFields },
  { code: "required_extra_field", check: requiredFields },
  { code: "field_label_vague", check: vagueLabels },
  { code: "field_without_help", check: withoutHelp },
  { code: "field_not_secret", check: notSecret },
];
