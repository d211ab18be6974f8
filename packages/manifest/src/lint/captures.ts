// What is kept of answers and callbacks: bounded, named like nothing else, no secret, and used.

import { names } from "../names.ts";
import { type Bound, capturesIn } from "./bounds.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";

function* captures(checked: CheckedManifest): Generator<{ capture: Bound; auth: string }> {
  for (const of of checked.auths) for (const capture of capturesIn(of)) yield { capture, auth: of.id };
}

/** What a choice of the user's is kept as is the value of its key `name`; other captures are keys themselves. */
const placeOfName = ({ path }: Bound): Pick<Found, "path" | "on"> =>
  path.at(-1) === "choose" ? { path: [...path, "name"] } : { path, on: "key" };

function* boundsUnclear(checked: CheckedManifest): Iterable<Found> {
  for (const { capture } of captures(checked)) {
    const { pattern, options, name, path } = capture;
    if ((pattern === undefined) !== (options === undefined)) continue;
    if (pattern === undefined) {
      yield { ...placeOfName(capture), message: `What \`${capture.root}.${name}\` may be is not said.` };
    } else {
      yield {
        path: [...path, "pattern"],
        on: "key",
        message: `\`${capture.root}.${name}\` has both \`pattern\` and \`options\`.`,
      };
    }
  }
}

function* namesTaken(checked: CheckedManifest): Iterable<Found> {
  const kept = new Set<string>();
  for (const { capture, auth } of captures(checked)) {
    const { root, name } = capture;
    const own: readonly string[] = names[root] ?? [];
    const key = `${auth} ${name}`;
    const again = root === "connection" && kept.has(key);
    if (root === "connection") kept.add(key);
    if (!own.includes(name) && !again) continue;
    const message = again ? `\`${root}.${name}\` is kept twice.` : `\`${root}.${name}\` is the engine's own.`;
    yield { ...placeOfName(capture), message };
  }
}

const secretNames = /^(access|refresh|id|session|bearer)_?token$|^client_?secret$|^password$/i;

/** Captures are shown and may stand in URLs. */
function* secretsKept(checked: CheckedManifest): Iterable<Found> {
  for (const { capture } of captures(checked)) {
    const text = checked.textAt([...capture.path, "value"]);
    const [piece] = text?.pieces ?? [];
    const [reference] = piece?.expression.path === undefined ? [] : piece.analysis.references;
    const last = reference?.path.at(-1) ?? "";
    if (!secretNames.test(last)) continue;
    yield {
      path: [...capture.path, "value"],
      within: { start: reference?.offsets.at(-1) ?? 0, length: last.length },
      message: `\`${capture.root}.${capture.name}\` would hold a secret in the clear.`,
    };
  }
}

function* unused(checked: CheckedManifest): Iterable<Found> {
  for (const { capture, auth } of captures(checked)) {
    if (checked.usage.isUsedBy(auth, capture.root, capture.name)) continue;
    yield { ...placeOfName(capture), message: `\`${capture.root}.${capture.name}\` is never used.` };
  }
}

function* afterConnect({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    for (const [index, { capture, choose }] of (auth.after_connect ?? []).entries()) {
      const kept = Object.keys(capture ?? {}).length > 0;
      if (kept !== (choose !== undefined)) continue;
      const message = kept
        ? "This has both `capture` and `choose`."
        : "This request finds nothing: it has neither `capture` nor `choose`.";
      yield { path: [...path, "after_connect", index, "request"], on: "key", message };
    }
  }
}

export const captureRules: readonly Rule[] = [
  { code: "capture_bounds", check: boundsUnclear },
  { code: "capture_name_taken", check: namesTaken },
  { code: "secret_captured", check: secretsKept },
  { code: "unused_capture", check: unused },
  { code: "after_connect_unclear", check: afterConnect },
];
