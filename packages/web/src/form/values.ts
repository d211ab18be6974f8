import type { Question } from "../api.ts";

/** What the controls of a form hold: texts as typed, ticks, and the lines of a list. */
export type Value = string | boolean | readonly string[];
export type Values = Readonly<Record<string, Value>>;

/** A form before anything was typed: the values it had before (`given`), or else the manifest's defaults. */
export function initialValues(questions: readonly Question[], given: Readonly<Record<string, unknown>> = {}): Values {
  return Object.fromEntries(questions.map((question) => [question.name, initialValue(question, given[question.name])]));
}

function initialValue(question: Question, given: unknown): Value {
  const value = given ?? question.default;
  if (question.list) return Array.isArray(value) ? value.map(String) : value == null ? [] : [String(value)];
  if (question.type === "boolean") return value === true || value === "true";
  if (question.type === "select" && value == null && question.required) return String(question.options?.[0]?.value ?? "");
  return value == null ? "" : String(value);
}

/**
 * What is sent: values of the declared types, without what is empty or not shown. A text that is no number is sent as it is, so that
 * the server says what is wrong with it.
 */
export function payload(questions: readonly Question[], values: Values, hidden: ReadonlySet<string>): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  for (const question of questions) {
    if (hidden.has(question.name)) continue;
    const value = sentValue(question, values[question.name]);
    if (value !== undefined) sent[question.name] = value;
  }
  return sent;
}

function sentValue(question: Question, value: Value | undefined): unknown {
  if (value === undefined) return undefined;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return value.trim() === "" ? undefined : typed(question, value);
  const items = value.filter((item) => item.trim() !== "").map((item) => typed(question, item));
  return items.length === 0 ? undefined : items;
}

/** A file is held as the JSON that is sent; an object is typed as JSON. What is none is sent as it is, for the server to refuse. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What the controls of a group hold, which is itself held as JSON. */
export function heldParts(value: Value): Values {
  const held: unknown = typeof value === "string" ? parsed(value) : undefined;
  return typeof held === "object" && held !== null ? (held as Values) : {};
}

/** The parts of a group that were given; undefined where none was. */
function group(parts: readonly Question[], held: Values): unknown {
  const sent = payload(parts, held, new Set());
  return Object.keys(sent).length === 0 ? undefined : sent;
}

function typed(question: Question, text: string): unknown {
  if (question.fields) return group(question.fields, heldParts(text));
  if (question.type === "file" || question.type === "object") return parsed(text);
  if (question.type === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (question.type === "select") return question.options?.find(({ value }) => String(value) === text)?.value ?? text;
  return text;
}

/** What the person can see to be wrong before anything is sent, by the question's name. */
export function mistakes(
  questions: readonly Question[],
  values: Values,
  hidden: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const question of questions) {
    if (hidden.has(question.name)) continue;
    const mistake = mistakeOf(question, sentValue(question, values[question.name]));
    if (mistake !== undefined) found[question.name] = mistake;
  }
  return found;
}

function mistakeOf(question: Question, value: unknown): string | undefined {
  if (value === undefined) return question.required ? `${question.label} is required.` : undefined;
  const items = Array.isArray(value) ? value : [value];
  for (const item of items) {
    if (question.type === "number") {
      const mistake = numberMistake(question, item);
      if (mistake !== undefined) return mistake;
    } else if (typeof item === "string" && !fits(question, item)) return `${question.label} does not have the expected form.`;
  }
  return undefined;
}

function numberMistake({ label, min, max }: Question, value: unknown): string | undefined {
  if (typeof value !== "number") return `${label} must be a number.`;
  if (min != null && value < min) return `${label} must be at least ${min}.`;
  if (max != null && value > max) return `${label} must be at most ${max}.`;
  return undefined;
}

/** Only the server decides; a pattern that this browser cannot read holds nobody up. */
function fits({ pattern, type }: Question, text: string): boolean {
  if (!pattern || (type !== "string" && type !== "text")) return true;
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}
