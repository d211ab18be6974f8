import { useEffect, useState } from "preact/hooks";
import type { Question } from "../api.ts";
import { findHidden } from "./find-hidden.ts";
import { payload, type Values } from "./values.ts";

/** What a form's values are called in `visible_if`. */
export type FormKind = "fields" | "input";

const nothing: ReadonlySet<string> = new Set();

/** The questions that `visible_if` hides now. JSONata is loaded only for a form that uses it. */
export function useHidden(
  kind: FormKind,
  questions: readonly Question[],
  values: Values,
  names: Readonly<Record<string, unknown>> = {},
) {
  const conditional = questions.filter(({ visible_if }) => visible_if);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(() => new Set(conditional.map(({ name }) => name)));
  const answers = JSON.stringify(payload(questions, values, nothing));
  const rules = JSON.stringify(conditional.map(({ name, visible_if }) => [name, visible_if]));
  const around = JSON.stringify(names);
  useEffect(() => {
    let late = false;
    findHidden(JSON.parse(rules), { ...JSON.parse(around), [kind]: JSON.parse(answers) }).then(
      (found) => {
        if (!late) setHidden(found);
      },
      () => {
        if (!late) setHidden(nothing);
      },
    );
    return () => {
      late = true;
    };
  }, [rules, answers, around, kind]);
  return conditional.length === 0 ? nothing : hidden;
}
