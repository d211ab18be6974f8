// Scopes: one each, declared, and asked for.

import type { Path } from "../source.ts";
import { nearest } from "../suggestion.ts";
import { type OAuth2, oauth2Auths } from "./parameters.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";

function* scopeItems(checked: CheckedManifest): Generator<{ name: string; path: Path; separator: string; auth: OAuth2 }> {
  for (const { auth, path } of oauth2Auths(checked)) {
    for (const list of ["required", "optional"] as const) {
      for (const [index, { name }] of (auth.scopes?.[list] ?? []).entries()) {
        yield { name, path: [...path, "scopes", list, index, "name"], separator: auth.scopes?.separator ?? " ", auth };
      }
    }
  }
}

function* withSeparator(checked: CheckedManifest): Iterable<Found> {
  for (const { name, path, separator } of scopeItems(checked)) {
    const plain = checked.textAt(path) === undefined ? name : name.replace(/\{\{.*?\}\}/g, "a");
    const found = [" ", separator].find((text) => plain.trim().includes(text)) ?? (name !== name.trim() ? " " : undefined);
    if (found === undefined) continue;
    const what = found === " " ? "a space" : `\`${found}\``;
    yield { path, message: `The scope holds ${what}.`, hint: "Write two items, each with its reason." };
  }
}

function* duplicateScopes(checked: CheckedManifest): Iterable<Found> {
  const seen = new Map<OAuth2, Set<string>>();
  for (const { name, path, auth } of scopeItems(checked)) {
    const names = seen.get(auth) ?? new Set();
    if (names.has(name)) yield { path, message: `The scope \`${name}\` stands here already.` };
    seen.set(auth, names.add(name));
  }
}

function* undeclaredScopes(checked: CheckedManifest): Iterable<Found> {
  const declared = [...scopeItems(checked)].map(({ name }) => name);
  for (const block of ["actions", "triggers"] as const) {
    for (const [id, { scopes = [] }] of Object.entries(checked.manifest[block] ?? {})) {
      for (const [index, scope] of scopes.entries()) {
        if (declared.includes(scope)) continue;
        const near = nearest(scope, declared);
        const hint = near ? `Did you mean \`${near}\`?` : undefined;
        yield { path: [block, id, "scopes", index], message: `No auth declares the scope \`${scope}\`.`, hint };
      }
    }
  }
}

/** An optional scope is asked for when an action needs it, or where the provider takes optional scopes by a parameter of their own. */
function* unusedScopes(checked: CheckedManifest): Iterable<Found> {
  const used = new Set<string>();
  for (const { scopes = [] } of [checked.manifest.actions, checked.manifest.triggers].flatMap((map) =>
    Object.values(map ?? {}),
  )) {
    for (const scope of scopes) used.add(scope);
  }
  for (const { auth, path } of oauth2Auths(checked)) {
    if (auth.scopes?.optional_param !== undefined) continue;
    const listed = new Set(auth.scopes?.required?.map(({ name }) => name));
    for (const [index, { name }] of (auth.scopes?.optional ?? []).entries()) {
      if (used.has(name) || listed.has(name)) continue;
      listed.add(name);
      yield { path: [...path, "scopes", "optional", index, "name"], message: `No action asks for the scope \`${name}\`.` };
    }
  }
}

export const scopeRules: readonly Rule[] = [
  { code: "scope_with_space", check: withSeparator },
  { code: "duplicate_scope", check: duplicateScopes },
  { code: "undeclared_scope", check: undeclaredScopes },
  { code: "unused_scope", check: unusedScopes },
];
