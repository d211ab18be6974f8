// A definition may hold what no manifest may. Of what can be spared, the wrong part is left out, so that the rest is not lost.

import type { Problem } from "@jackfield/manifest";
import type { Notes } from "../note.ts";

type Data = Record<string, unknown>;

interface Repair {
  /** Where the problem lies, as `Problem.path` says it. */
  readonly at: RegExp;
  /** What is taken out, and what stands there instead. */
  target(match: RegExpExecArray): string;
  readonly instead?: unknown;
}

const whole = (match: RegExpExecArray) => match[0];
const first = (match: RegExpExecArray) => match[1] ?? "";

const spare: readonly Repair[] = [
  { at: /^(auth\.\w+\.test\.request)\b/, target: first, instead: { path: "/" } },
  { at: /^auth\.\w+\.fields\[\d+\]\.(label|help|placeholder|prefix|suffix|default|visible_if|pattern)$/, target: whole },
  { at: /^(auth\.\w+\.label)\b/, target: first, instead: "Connection {{ connection.short_id }}" },
  { at: /^(auth\.\w+\.unique_id)\b/, target: first, instead: "connection.id" },
  { at: /^(auth\.\w+\.default_params\.(?:headers|query|body)\.[^.[]+)/, target: first },
  { at: /^(auth\.\w+\.(?:authorization|token|refresh)\.params\.[^.[]+)/, target: first },
  { at: /^(auth\.\w+\.client\.registration)\b/, target: first },
  { at: /^(rate_limit|categories)\b/, target: first },
];

/**
 * Takes out of a manifest what its errors say is wrong and what it can do without; what was taken out is noted. Gives whether anything
 * was changed.
 */
export function repair(manifest: Data, problems: readonly Problem[], notes: Notes): boolean {
  let isChanged = false;
  for (const { path, message, severity } of problems) {
    if (severity !== "error") continue;
    for (const { at, target, instead } of spare) {
      const match = at.exec(path);
      if (!match || !replace(manifest, stepsOf(target(match)), instead)) continue;
      notes.add(target(match), `${instead === undefined ? "left out" : "replaced by a default"}: ${message}`);
      isChanged = true;
      break;
    }
  }
  return isChanged;
}

const stepsOf = (path: string): string[] => path.split(/\.|\[(\d+)\]/).filter((step) => step !== undefined && step !== "");

/** Gives whether there was anything to replace. */
function replace(data: unknown, steps: readonly string[], instead: unknown): boolean {
  let at = data;
  for (const step of steps.slice(0, -1)) at = (at as Data | undefined)?.[step];
  const last = steps.at(-1) ?? "";
  const holder = at as Data | undefined;
  if (
    holder === undefined ||
    holder === null ||
    holder[last] === undefined ||
    JSON.stringify(holder[last]) === JSON.stringify(instead)
  )
    return false;
  if (instead === undefined) delete holder[last];
  else holder[last] = structuredClone(instead);
  return true;
}
