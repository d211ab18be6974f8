// What a connection is called, and what tells it from others.

import { type CheckedManifest, type Found, placeOf, type Rule } from "./rule.ts";

function* nameNotFolder({ manifest, folder }: CheckedManifest): Iterable<Found> {
  if (folder === undefined || folder === manifest.name) return;
  yield { path: ["name"], message: `The folder is called \`${folder}\`, not \`${manifest.name}\`.` };
}

const missing = (key: "label" | "unique_id") =>
  function* ({ auths }: CheckedManifest): Iterable<Found> {
    for (const { auth, path } of auths) {
      if (auth.type === "none" || auth[key] !== undefined) continue;
      yield { path: [...path, key], on: "key", message: `${[...path, key].join(".")} is missing.` };
    }
  };

function* repeatsTitle(checked: CheckedManifest): Iterable<Found> {
  const { manifest } = checked;
  for (const { path, parts } of checked.at("label")) {
    const [first] = parts;
    if (path.at(-1) === "fallback" || typeof first !== "string") continue;
    if (!first.toLowerCase().startsWith(manifest.title.toLowerCase())) continue;
    yield {
      path,
      within: { start: 0, length: manifest.title.length },
      message: "Lists show the connector's title beside the label.",
    };
  }
}

const addresses = /(^|_)e?-?mail(_?address)?$/i;

function* emailAsId(checked: CheckedManifest): Iterable<Found> {
  for (const { path, pieces } of checked.at("unique_id")) {
    for (const { analysis, offset } of pieces) {
      for (const { path: names, offsets } of analysis.references) {
        const last = names.at(-1) ?? "";
        if (!addresses.test(last.replace(/([a-z])([A-Z])/g, "$1_$2"))) continue;
        yield {
          path,
          within: { start: offset + (offsets.at(-1) ?? 0), length: last.length },
          message: "An e-mail address is no lasting identity.",
        };
      }
    }
  }
}

/** A name that is the same for all says nothing. */
function* constant(checked: CheckedManifest): Iterable<Found> {
  for (const place of ["label", "unique_id"] as const) {
    for (const { path, pieces, error } of checked.at(place)) {
      if (error || path.at(-1) === "fallback") continue;
      if (pieces.some(({ analysis }) => analysis.everything || analysis.references.length > 0)) continue;
      const what = place === "label" ? "label" : "unique id";
      yield { path, message: `Every connection would have the same ${what}.` };
    }
  }
}

/** A name that a connection gives itself cannot be made from itself. */
function* ofItself(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const { place } = use.text;
    const [root, name] = use.reference.path;
    if ((place !== "label" && place !== "unique_id") || root !== "connection") continue;
    if (name !== place && !(place === "unique_id" && name === "label")) continue;
    yield { ...placeOf(use, 1), message: `There is no \`connection.${name}\` yet when this is worked out.` };
  }
}

/** What the sample of the test's answer shows to be misspelt. */
function* samples(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const [root, first] = use.reference.path;
    if (root !== "me" || first === undefined || !named.has(use.text.place) || use.text.path.at(-1) === "fallback") continue;
    if (alternatives.test(use.piece.expression.source)) continue;
    const sample = checked.auths.find(({ id }) => id === use.text.path[1])?.auth.test?.sample;
    if (sample === undefined) continue;
    const missing = firstMissing(sample, use.reference.path.slice(1));
    if (missing === undefined) continue;
    const name = use.reference.path[missing + 1] ?? "";
    yield { ...placeOf(use, missing + 1), message: `The sample of the test has no \`${name}\` there.` };
  }
}

/** An expression that copes with answers of several shapes. */
const alternatives = /\?|\bor\b|\$exists|\$not|\$type/;

const named: ReadonlySet<string> = new Set(["label", "unique_id", "test.valid"]);

/** The number of the first name that leads nowhere in the data; lists are looked into. */
function firstMissing(data: unknown, names: readonly string[], from = 0): number | undefined {
  if (Array.isArray(data)) {
    if (data.length === 0) return undefined;
    const found = data.map((item) => firstMissing(item, names, from));
    return found.includes(undefined) ? undefined : found[0];
  }
  const name = names[from];
  if (name === undefined) return undefined;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return from;
  return firstMissing((data as Record<string, unknown>)[name], names, from + 1);
}

function* environmentsDiffer({ environments }: CheckedManifest): Iterable<Found> {
  const all = new Set(Object.values(environments).flatMap((variables) => Object.keys(variables)));
  for (const [id, variables] of Object.entries(environments)) {
    const lacking = [...all].filter((name) => !Object.hasOwn(variables, name));
    if (lacking.length === 0) continue;
    yield { path: ["environments", id], on: "key", message: `The environment \`${id}\` has no \`${lacking.join("`, `")}\`.` };
  }
}

export const identityRules: readonly Rule[] = [
  { code: "name_not_folder", check: nameNotFolder },
  { code: "missing_label", check: missing("label") },
  { code: "missing_unique_id", check: missing("unique_id") },
  { code: "label_repeats_title", check: repeatsTitle },
  { code: "unique_id_email", check: emailAsId },
  { code: "identity_constant", check: constant },
  { code: "identity_of_itself", check: ofItself },
  { code: "sample_mismatch", check: samples },
  { code: "environments_differ", check: environmentsDiffer },
];
