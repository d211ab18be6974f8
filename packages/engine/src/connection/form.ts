import { compilePattern, type Field, type Input, type Member } from "@jackfield/manifest";
import { type ErrorCode, JackfieldError } from "../errors.ts";
import { isDeeper } from "../request/depth.ts";
import { evaluate } from "../request/hole.ts";
import { canonicalUrl, reasonAgainstPath } from "../request/url.ts";

/** One question of a form: a field of an auth block or an input of an action. */
export type Question = Field | Input | Member;

/** What a form's answers are called, and the codes of what is wrong with them. */
export const forms = {
  fields: { member: "field", required: "field_required", invalid: "field_invalid" },
  input: { member: "input", required: "input_invalid", invalid: "input_invalid" },
} as const satisfies Record<string, { member: string; required: ErrorCode; invalid: ErrorCode }>;

export type FormKind = keyof typeof forms;

const maxText = 100_000;
const maxList = 1_000;
const maxDepth = 64;
const maxFile = 10 << 20;
const maxFileName = 1_000;
/** RFC 9110 §8.3.1: a type, and parameters in printable ASCII. */
const mediaType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(;[ -~]{1,200})?$/;

/**
 * Checks a person's or a workflow's values against what the manifest asks, and brings them to the declared types. Empty texts count as
 * not given; values of questions that are not visible are dropped. A URL may be plain http where `plainHttp` says so of its host. Throws `field_required`, `field_invalid`, `input_invalid`, each with
 * the name.
 */
export async function checkForm(
  kind: FormKind,
  questions: readonly (readonly [name: string, question: Question])[],
  given: unknown,
  plainHttp: PlainHttp = () => false,
): Promise<Record<string, unknown>> {
  const { member, required, invalid } = forms[kind];
  const refuse = (code: ErrorCode, name: string, detail: string): never => {
    throw new JackfieldError(code, { detail, members: { [member]: name } });
  };
  const values = valuesOf(kind, questions, given, (name, detail) => refuse(invalid, name, detail));
  const checked: Record<string, unknown> = {};
  for (const [name, question] of questions) {
    const raw = Object.hasOwn(values, name) ? values[name] : undefined;
    const value = isEmpty(raw) ? question.default : raw;
    if (!isEmpty(value))
      checked[name] = coerce(
        question,
        value,
        (detail, at = []) => refuse(invalid, [name, ...at].join("."), `${question.label}: ${detail}`),
        plainHttp,
      );
  }
  for (const [name, question] of questions) {
    if (!(await isVisible(kind, question, checked))) delete checked[name];
    else if (question.required && !Object.hasOwn(checked, name)) refuse(required, name, `${question.label} is required.`);
  }
  return checked;
}

function valuesOf(
  kind: FormKind,
  questions: readonly (readonly [name: string, question: Question])[],
  given: unknown,
  refuse: (name: string, detail: string) => never,
): Record<string, unknown> {
  if (given === undefined) return {};
  if (given === null || typeof given !== "object" || Array.isArray(given)) return refuse("", `\`${kind}\` must be an object.`);
  const known = questions.map(([name]) => name);
  const stray = Object.keys(given).find((name) => !known.includes(name));
  if (stray !== undefined)
    refuse(stray, `There is no ${forms[kind].member} "${stray}".${known.length > 0 ? ` Known: ${known.join(", ")}.` : ""}`);
  return given as Record<string, unknown>;
}

async function isVisible(kind: FormKind, question: Question, checked: Readonly<Record<string, unknown>>): Promise<boolean> {
  return (
    !("visible_if" in question) ||
    question.visible_if === undefined ||
    (await evaluate(question.visible_if, { [kind]: checked })) === true
  );
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** `at` is the way to what is wrong within the value. */
type Refuse = (detail: string, at?: readonly (string | number)[]) => never;

/** Whether a host may be spoken to in plain http. */
type PlainHttp = (host: string) => boolean;

function coerce(question: Question, value: unknown, refuse: Refuse, plainHttp: PlainHttp): unknown {
  const check = byType[question.type];
  if (!question.list) return check(question, value, refuse, plainHttp);
  const items = Array.isArray(value) ? value : [value];
  if (items.length > maxList) refuse(`takes at most ${maxList} values.`);
  // The item is named only where something within it is.
  const within =
    (index: number): Refuse =>
    (detail, at = []) =>
      refuse(detail, at.length === 0 ? [] : [index, ...at]);
  return items.map((item, index) => check(question, item, within(index), plainHttp));
}

type Coerce = (question: Question, value: unknown, refuse: Refuse, plainHttp: PlainHttp) => unknown;

const byType: { readonly [T in Question["type"]]: Coerce } = {
  string: text,
  text,
  number(question, value, refuse) {
    const number =
      typeof value === "string" && /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(value.trim()) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) return refuse("must be a number.");
    return inRange(question, number, "", refuse) ?? number;
  },
  boolean(_question, value, refuse) {
    const known = new Map<unknown, boolean>([
      [true, true],
      [false, false],
      ["true", true],
      ["false", false],
    ]);
    return known.get(value) ?? (known.has(value) ? false : refuse("must be true or false."));
  },
  date(_question, value, refuse) {
    const valid =
      typeof value === "string" && /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(value);
    return valid && !Number.isNaN(Date.parse(value as string))
      ? value
      : refuse("must be a date such as 2026-01-31, or a date and time in ISO 8601.");
  },
  select(question, value, refuse) {
    // Choices that the provider knows are not known here: any text may be one.
    if (typeof question.options === "string") return text(question, value, refuse);
    const choice = question.options?.find((option) => option.value === value || String(option.value) === value);
    return choice
      ? choice.value
      : refuse(`must be one of ${question.options?.map((option) => String(option.value)).join(", ") ?? "the choices"}.`);
  },
  environment: text,
  url(question, value, refuse, plainHttp) {
    const given = text(question, typeof value === "string" ? value.trim() : value, refuse) as string;
    const url = canonical(given, refuse);
    const { protocol, hostname } = new URL(url);
    if (protocol === "http:" && !plainHttp(hostname)) refuse("must begin with https://.");
    return url;
  },
  path(question, value, refuse) {
    const path = text(question, value, refuse) as string;
    const reason = reasonAgainstPath(path);
    return reason === undefined ? path : refuse(reason);
  },
  file(_question, value, refuse) {
    const { name, type, ...rest } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
    const content = contentOf(rest, refuse);
    if (name !== undefined && (typeof name !== "string" || name.length > maxFileName))
      refuse(`must have a name of at most ${maxFileName} characters.`);
    if (type !== undefined && (typeof type !== "string" || !mediaType.test(type))) refuse("must have a type such as text/plain.");
    return { ...content, ...(name === undefined ? {} : { name }), ...(type === undefined ? {} : { type }) };
  },
  object(question, value, refuse, plainHttp) {
    if (isDeeper(value, maxDepth)) refuse(`must be nested at most ${maxDepth} levels deep.`);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse("must be an object.");
    const parts = "fields" in question ? question.fields : undefined;
    return parts === undefined ? value : group(parts, value as Readonly<Record<string, unknown>>, refuse, plainHttp);
  },
};

/** The parts of a group, each of its declared type; what is not given is left out. */
function group(
  parts: Readonly<Record<string, Member>>,
  given: Readonly<Record<string, unknown>>,
  refuse: Refuse,
  plainHttp: PlainHttp,
): Record<string, unknown> {
  const stray = Object.keys(given).find((name) => !Object.hasOwn(parts, name));
  if (stray !== undefined) refuse(`there is no part "${stray}". Known: ${Object.keys(parts).join(", ")}.`, [stray]);
  const checked: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(parts)) {
    const raw = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = isEmpty(raw) ? part.default : raw;
    const refusePart: Refuse = (detail, at = []) => refuse(`${part.label}: ${detail}`, [name, ...at]);
    if (!isEmpty(value)) checked[name] = coerce(part, value, refusePart, plainHttp);
    else if (part.required) refusePart("is required.");
  }
  return checked;
}

/** What a file holds, or the id by which it is kept here. */
function contentOf({ data, file }: Readonly<Record<string, unknown>>, refuse: Refuse): Readonly<Record<string, string>> {
  if (typeof file === "string" && file.length <= maxFileName) return { file };
  if (typeof data === "string" && data.length > Math.ceil(maxFile / 3) * 4) refuse(`must have at most ${maxFile} bytes.`);
  if (typeof data === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(data)) return { data };
  return refuse("must be a file: { name, type, data }, its data in base64, or { file } with the id of one that was uploaded.");
}

function canonical(url: string, refuse: Refuse): string {
  try {
    return canonicalUrl(url);
  } catch (cause) {
    return refuse(`${(cause as Error).message} Give a URL such as https://api.example.com/v1.`);
  }
}

/** What the form shows before and behind the box is no part of the value, also where somebody pastes the whole. */
export function withoutAffixes(
  question: { readonly prefix?: string | undefined; readonly suffix?: string | undefined },
  text: string,
): string {
  const { prefix = "", suffix = "" } = question;
  const front = prefix !== "" && text.startsWith(prefix) ? text.slice(prefix.length) : text;
  const slashless = suffix !== "" && front.endsWith(`${suffix}/`) ? front.slice(0, -1) : front;
  return suffix !== "" && slashless.endsWith(suffix) ? slashless.slice(0, -suffix.length) : front;
}

function text(question: Question, value: unknown, refuse: Refuse): unknown {
  const given = typeof value === "number" ? String(value) : value;
  if (typeof given !== "string") return refuse("must be a text.");
  const string = withoutAffixes("prefix" in question || "suffix" in question ? question : {}, given);
  if (string.length > maxText) return refuse(`must have at most ${maxText} characters.`);
  if (question.pattern !== undefined && !compilePattern(question.pattern).matches(string))
    return refuse(`does not match ${question.pattern}.`);
  return inRange(question, string.length, " characters", refuse) ?? string;
}

/** Refuses what is out of `min` and `max`; they measure a number itself and a text's length. */
function inRange(question: Question, size: number, unit: string, refuse: Refuse): undefined {
  if ("min" in question && question.min !== undefined && size < question.min)
    return refuse(`must be at least ${question.min}${unit}.`);
  if ("max" in question && question.max !== undefined && size > question.max)
    return refuse(`must be at most ${question.max}${unit}.`);
  return undefined;
}

/**
 * Credentials are pasted; a stray space around one is a mistake that providers answer badly. A key in PEM, which is a text of several
 * lines, may end with a line break. Throws `whitespace_in_credential`.
 */
export function refuseWhitespace(name: string, value: unknown, type?: string): void {
  if (typeof value !== "string") return;
  const pasted = type === "text" ? value.replace(/^[\r\n]+|[\r\n]+$/g, "") : value;
  if (pasted === pasted.trim()) return;
  throw new JackfieldError("whitespace_in_credential", {
    detail: `${name} begins or ends with white space.`,
    members: { field: name },
  });
}
