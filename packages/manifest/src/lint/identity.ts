// What a connection is called, and what tells it from others.

import { defaultApply, milliseconds } from "../defaults.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";

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

function* repeatsTitle({ manifest, texts }: CheckedManifest): Iterable<Found> {
  for (const { path, parts, place } of texts) {
    const [first] = parts;
    if (place !== "label" || path.at(-1) === "fallback" || typeof first !== "string") continue;
    if (!first.toLowerCase().startsWith(manifest.title.toLowerCase())) continue;
    yield {
      path,
      within: { start: 0, length: manifest.title.length },
      message: "Lists show the connector's title beside the label.",
    };
  }
}

const addresses = /(^|_)e?-?mail(_?address)?$/i;

function* emailAsId({ texts }: CheckedManifest): Iterable<Found> {
  for (const { path, place, pieces } of texts) {
    if (place !== "unique_id") continue;
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

function* missingApply({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    if (signsByItself.has(auth.type) || auth.apply || defaultApply(auth) !== undefined) continue;
    yield { path, on: "key", message: `Which field is the credential of auth.${path[1]} cannot be told.` };
  }
}

function* namelessApply({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    const several = Array.isArray(auth.apply);
    const items = auth.apply === undefined ? [] : [auth.apply].flat();
    for (const [index, item] of items.entries()) {
      if ((item.in !== "query" && item.in !== "body") || item.name !== undefined) continue;
      const at = several ? ["apply", index, "in"] : ["apply", "in"];
      yield { path: [...path, ...at], message: "The parameter's name is missing.", hint: "Give it with `apply.name`." };
    }
  }
}

/** Nothing is sent, or the engine signs every request. */
const signsByItself: ReadonlySet<string> = new Set(["none", "oauth1"]);

const longestTest = 10_000;

function* longTests({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    if (auth.test?.timeout === undefined || milliseconds(auth.test.timeout) <= longestTest) continue;
    yield { path: [...path, "test", "timeout"], message: "A person waits for the test; it may take at most 10s." };
  }
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
  { code: "missing_apply", check: missingApply },
  { code: "missing_apply", check: namelessApply },
  { code: "timeout_too_long", check: longTests },
  { code: "environments_differ", check: environmentsDiffer },
];
