import { useState } from "preact/hooks";
import type { Problem, Question } from "../api.ts";
import { type FormKind, useHidden } from "./hidden.ts";
import { initialValues, mistakes, payload, type Value, type Values } from "./values.ts";

export interface Form {
  readonly questions: readonly Question[];
  readonly values: Values;
  readonly hidden: ReadonlySet<string>;
  /** What is wrong, by the question's name; shown after the first attempt to send. */
  readonly mistakes: Readonly<Record<string, string>>;
  readonly change: (name: string, value: Value) => void;
  /** What was answered so far. */
  readonly answers: () => Record<string, unknown>;
  /** What is to be sent, or undefined when something is wrong; then the first wrong answer gets the focus. */
  readonly submit: () => Record<string, unknown> | undefined;
  /** Shows a problem of the server's at the question that it names. */
  readonly blame: (problem: Problem | undefined) => void;
}

export interface FormOptions {
  readonly kind: FormKind;
  readonly questions: readonly Question[];
  /** The values it begins with, instead of the defaults. */
  readonly given?: Readonly<Record<string, unknown>>;
  /** Further names that `visible_if` may use. */
  readonly names?: Readonly<Record<string, unknown>>;
}

export function useForm({ kind, questions, given, names }: FormOptions): Form {
  const [values, setValues] = useState<Values>(() => initialValues(questions, given));
  const [tried, setTried] = useState(false);
  const [blamed, setBlamed] = useState<Readonly<Record<string, string>>>({});
  const hidden = useHidden(kind, questions, values, names);
  const wrong = mistakes(questions, values, hidden);
  return {
    questions,
    values,
    hidden,
    mistakes: tried ? { ...blamed, ...wrong } : blamed,
    change(name, value) {
      setValues((before) => ({ ...before, [name]: value }));
      setBlamed(({ [name]: _, ...others }) => others);
    },
    answers: () => payload(questions, values, hidden),
    submit() {
      setTried(true);
      setBlamed({});
      const [first] = Object.keys(wrong);
      if (first === undefined) return payload(questions, values, hidden);
      focusQuestion(first);
      return undefined;
    },
    blame(problem) {
      // A part of a group is named after it, with a dot between them.
      const name = problem?.question?.split(".")[0];
      setBlamed(problem && name && questions.some((question) => question.name === name) ? { [name]: problem.message } : {});
    },
  };
}

/** The id of a question's control. */
export function controlId(name: string): string {
  return `question-${name}`;
}

function focusQuestion(name: string): void {
  requestAnimationFrame(() => document.getElementById(controlId(name))?.focus());
}
