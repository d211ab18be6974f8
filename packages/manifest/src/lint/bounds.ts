// What is known of the values that come from outside: typed by a person, given by a workflow, or captured from an answer.

import type { Path } from "../source.ts";
import type { Piece, Text } from "../text.ts";
import { type CheckedAuth, type CheckedManifest, derived } from "./rule.ts";

/** A value from outside that templates name, and what it may be. */
export interface Bound {
  readonly root: "fields" | "input" | "callback" | "token" | "connection";
  readonly name: string;
  /** Where it is declared. */
  readonly path: Path;
  readonly pattern: string | undefined;
  readonly options: readonly string[] | undefined;
  /** What kind of value a field or an input asks for; undefined: a text, or captured. */
  readonly type: string | undefined;
  /** Whether one of a few values of the manifest's own is all that it can be. */
  readonly enumerated: boolean;
}

interface Declared {
  readonly pattern?: string | undefined;
  readonly options?: string | readonly (string | { readonly value: unknown })[] | undefined;
  readonly type?: string | undefined;
}

function bound(root: Bound["root"], name: string, path: Path, { pattern, options, type }: Declared): Bound {
  const values =
    typeof options === "object" ? options.map((item) => String(typeof item === "object" ? item.value : item)) : undefined;
  return { root, name, path, pattern, options: values, type, enumerated: values !== undefined || type === "environment" };
}

/** A captured value, with where and under what name it is kept. */
export const capturesIn = derived((of: CheckedAuth): readonly Bound[] => [...capturesOf(of)]);

function* capturesOf({ auth, path }: CheckedAuth): Generator<Bound> {
  const each = function* (root: Bound["root"], map: Readonly<Record<string, Declared>> | undefined, ...steps: Path) {
    for (const [name, capture] of Object.entries(map ?? {})) yield bound(root, name, [...path, ...steps, name], capture);
  };
  if (auth.type === "oauth2") yield* each("callback", auth.callback?.capture, "callback", "capture");
  if (auth.type === "oauth2" || auth.type === "custom") {
    yield* each("token", auth.token?.capture, "token", "capture");
    for (const [index, { capture }] of (auth.token?.then ?? []).entries()) {
      yield* each("token", capture, "token", "then", index, "capture");
    }
  }
  for (const [index, { capture, choose }] of (auth.after_connect ?? []).entries()) {
    yield* each("connection", capture, "after_connect", index, "capture");
    if (choose) yield bound("connection", choose.name, [...path, "after_connect", index, "choose"], choose);
  }
}

/** Everything from outside that an auth block declares, by `root.name`. */
const boundsIn = derived((of: CheckedAuth): ReadonlyMap<string, readonly Bound[]> => {
  const own = of.auth.fields ?? [];
  const fields = of.fields.map((field) => bound("fields", field.name, [...of.path, "fields", own.indexOf(field)], field));
  const map = new Map<string, Bound[]>();
  for (const one of [...fields, ...capturesIn(of)]) {
    const key = `${one.root}.${one.name}`;
    map.set(key, [...(map.get(key) ?? []), one]);
  }
  return map;
});

/** What is known of the values that a hole names. What is not declared anywhere is left out. */
export function boundsOf(checked: CheckedManifest, text: Text, piece: Piece): readonly Bound[] {
  return piece.analysis.references.flatMap(({ path: [root = "", name] }) => {
    if (name === undefined) return [];
    const input = root === "input" ? checked.inputsOf(text)?.[name] : undefined;
    if (input) return [bound("input", name, [...text.path.slice(0, 2), "input", name], input)];
    return checked.authsOf(text).flatMap((of) => boundsIn(of).get(`${root}.${name}`) ?? []);
  });
}
