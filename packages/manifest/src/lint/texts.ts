// Templates and expressions: what they call and what they name.

import { appFields } from "../defaults.ts";
import { builtins } from "../jsonata/function-names.ts";
import { ownFunctions } from "../jsonata/own-functions.ts";
import { type Name, names, places, wholeCallback } from "../names.ts";
import { listed, nearest } from "../suggestion.ts";
import { type CheckedAuth, type CheckedManifest, type Found, isCaptured, isFree, placeOf, type Rule, type Use } from "./rule.ts";
import { secretOf } from "./secrets.ts";

const functions = [...Object.keys(builtins), ...Object.keys(ownFunctions)];
const isFunction = (name: string) => functions.includes(name);

const didYouMean = (word: string | undefined) => (word === undefined ? undefined : `Did you mean \`${word}\`?`);

function* unknownFunctions(checked: CheckedManifest): Iterable<Found> {
  for (const { text, piece } of checked.pieces()) {
    for (const call of piece.analysis.calls) {
      if (!call.bare && isFunction(call.name)) continue;
      const near = isFunction(call.name) ? call.name : nearest(call.name, functions);
      const written = call.bare ? call.name : `$${call.name}`;
      const within = { start: piece.offset + call.offset, length: written.length };
      yield { path: text.path, within, message: `${written} is not a function.`, hint: didYouMean(near && `$${near}`) };
    }
  }
}

function* unknownVariables(checked: CheckedManifest): Iterable<Found> {
  for (const { text, piece } of checked.pieces()) {
    const { analysis, offset } = piece;
    const reached: readonly string[] = places[text.place].names;
    for (const { name, offset: at } of analysis.unset) {
      if (isFunction(name) || analysis.calls.some((call) => call.offset === at)) continue;
      const hint = reached.includes(name) ? `Write \`${name}\` without the dollar sign.` : undefined;
      yield { path: text.path, within: { start: offset + at, length: name.length + 1 }, message: `Nothing sets $${name}.`, hint };
    }
  }
}

/** Names that are secrets as a whole are the business of `secret_misplaced`. */
const reportedAsSecret = (checked: CheckedManifest, use: Use) =>
  !places[use.text.place].secrets && secretOf(checked, use) !== undefined;

function* unknownNames(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    if (isFree(use.text, checked) || reportedAsSecret(checked, use)) continue;
    const reach = places[use.text.place];
    const [root = "", member] = use.reference.path;
    if (!(reach.names as readonly string[]).includes(root)) {
      yield { ...placeOf(use, 0), message: `\`${root}\` is not in reach here.`, hint: hintFor(root, reach.names, checked, use) };
      continue;
    }
    const known = membersOf(root as Name, checked, use);
    if (member === undefined || !known || known.includes(member)) continue;
    const hint = hintForMember(root, member, known);
    yield { ...placeOf(use, 1), message: `\`${root}\` has no \`${member}\`.`, hint };
  }
}

function hintForMember(root: string, member: string, known: readonly string[]): string | undefined {
  if (root === "token" && member === "claims") return claimsAreOf;
  return didYouMean(nearest(member, known)) ?? (known.length > 0 ? `It has ${anded(known)}.` : captureIt[root]);
}

const anded = (words: readonly string[]) => listed(words).replace(/ or (?=[^ ]+$)/, " and ");

const captureIt: Readonly<Record<string, string>> = {
  callback: "Keep it with `callback.capture`.",
  connection: "Keep it with `after_connect`.",
};

/** The parts of a name that are known; undefined: any part. */
function membersOf(root: Name, checked: CheckedManifest, { text }: Use): readonly string[] | undefined {
  if (root === "callback") return wholeCallback.has(text.place) ? undefined : checked.capturesOf(text, "callback");
  const known = names[root] as readonly string[] | undefined;
  if (known === undefined) return undefined;
  if (root === "app") return [...known, ...checked.authsOf(text).flatMap(({ auth }) => appFields(auth).map(({ name }) => name))];
  if (root === "token" && !checked.authsOf(text).some(asksIdentity))
    return [...known.filter((name) => name !== "claims"), ...checked.capturesOf(text, root)];
  return isCaptured(root) ? [...known, ...checked.capturesOf(text, root)] : known;
}

/** Whether the provider says in an id token whose account it is, and who the provider is. */
function asksIdentity({ auth }: CheckedAuth): boolean {
  if (auth.type !== "oauth2" || auth.issuer === undefined) return false;
  return [...(auth.scopes?.required ?? []), ...(auth.scopes?.optional ?? [])].some(({ name }) => name === "openid");
}

const claimsAreOf = "Claims are those of an id token: name the `issuer`, and ask for the scope `openid`.";

function hintFor(root: string, reached: readonly Name[], checked: CheckedManifest, use: Use): string {
  const fields = checked.authsOf(use.text).flatMap((auth) => auth.fields.map(({ name }) => name));
  if (reached.includes("fields") && fields.includes(root)) return `Did you mean \`fields.${root}\`?`;
  const inputs = Object.keys(checked.inputsOf(use.text) ?? {});
  if (reached.includes("input") && inputs.includes(root)) return `Did you mean \`input.${root}\`?`;
  if (isFunction(root)) return `Did you mean the function \`$${root}\`?`;
  const near = Object.hasOwn(names, root) ? undefined : nearest(root, reached);
  return didYouMean(near) ?? `In reach: ${anded(reached)}.`;
}

function* unknownFields(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const [root, name] = use.reference.path;
    if (root !== "fields" || name === undefined || isFree(use.text, checked)) continue;
    const auths = checked.authsOf(use.text);
    const lacking = auths.filter(({ fields }) => !fields.some((field) => field.name === name));
    // What every connection needs must be asked by every auth; an action may use a field that only one of them has.
    if (lacking.length === 0 || (lacking.length < auths.length && use.text.path[0] !== "base_url")) continue;
    const declared = auths.flatMap(({ fields }) => fields.map((field) => field.name));
    const some = lacking.length < auths.length;
    const message = `No field \`${name}\` is asked for${some ? ` by auth.${lacking[0]?.id}` : ""}.`;
    const hint = some ? `Declare it under auth.${lacking[0]?.id}.fields.` : didYouMean(nearest(name, declared));
    yield { ...placeOf(use, 1), message, hint };
  }
}

function* unknownInputs(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const [root, name, part] = use.reference.path;
    const inputs = checked.inputsOf(use.text);
    if (root !== "input" || name === undefined || !inputs || isFree(use.text, checked)) continue;
    const declared = Object.keys(inputs);
    const parts = Object.keys(inputs[name]?.fields ?? {});
    if (!declared.includes(name)) {
      yield {
        ...placeOf(use, 1),
        message: `The ${use.text.path[0] === "actions" ? "action" : "trigger"} has no input \`${name}\`.`,
        hint: didYouMean(nearest(name, declared)),
      };
    } else if (part !== undefined && parts.length > 0 && !parts.includes(part)) {
      yield {
        ...placeOf(use, 2),
        message: `The input \`${name}\` has no part \`${part}\`.`,
        hint: didYouMean(nearest(part, parts)),
      };
    }
  }
}

function* unknownEnvironmentVariables(checked: CheckedManifest): Iterable<Found> {
  const declared = ["name", ...Object.values(checked.environments).flatMap((variables) => Object.keys(variables))];
  for (const use of checked.uses()) {
    const [root, name] = use.reference.path;
    if (root !== "env" || name === undefined || isFree(use.text, checked) || declared.includes(name)) continue;
    yield {
      ...placeOf(use, 1),
      message: `No environment has the variable \`${name}\`.`,
      hint: didYouMean(nearest(name, declared)),
    };
  }
}

const lookAlike = /\$\{[^{}]*\}|(?<!\{)\{(?:fields|env|input|token|app|me|connection|platform)\.[^{}]*\}(?!\})|<%.*?%>/g;

const lookAlikeBegins = /[{<]/;

function* otherHoles({ texts }: CheckedManifest): Iterable<Found> {
  for (const { path, parts, source, place } of texts) {
    if (place === "setup") continue;
    for (const part of parts) {
      if (typeof part !== "string" || !lookAlikeBegins.test(part)) continue;
      const start = source.indexOf(part);
      for (const match of part.matchAll(lookAlike)) {
        const within = { start: start + match.index, length: match[0].length };
        yield { path, within, message: `\`${match[0].slice(0, 60)}\` is sent as it stands.` };
      }
    }
  }
}

export const textRules: readonly Rule[] = [
  { code: "unknown_function", check: unknownFunctions },
  { code: "unknown_variable", check: unknownVariables },
  { code: "unknown_name", check: unknownNames },
  { code: "unknown_field", check: unknownFields },
  { code: "unknown_input", check: unknownInputs },
  { code: "unknown_variable_of_environment", check: unknownEnvironmentVariables },
  { code: "template_like", check: otherHoles },
];
