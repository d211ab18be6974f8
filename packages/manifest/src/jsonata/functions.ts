// JSONata's functions with limits. Every call is checked against the evaluation's budget before and after; the functions that can
// explode or take quadratic time within a single call are replaced.

import jsonata from "jsonata";
import { type Budget, type Focus, isFunction, LimitError } from "./budget.ts";
import { builtins, forbidden } from "./function-names.ts";
import { limits } from "./limits.ts";
import { ownFunctions } from "./own-functions.ts";
import { replaceText, splitText } from "./text-functions.ts";

type Implementation = (this: Focus, ...args: never[]) => unknown;

/** How JSONata keeps a function. */
interface Definition {
  readonly _jsonata_function: true;
  readonly implementation: Implementation;
  readonly signature: unknown;
}

type Check = (budget: Budget, ...args: never[]) => void;

const refusePicture = (picture: string | undefined) => {
  if (picture === undefined) return;
  if (picture.length > limits.picture || /[0-9#*]{16}|[1-9][0-9]{3}/.test(picture)) {
    throw new LimitError("expression_too_large", "the picture asks for too much");
  }
};

/** Between two markers something must stand that neither of them matches: JSONata makes a backtracking expression of the picture. */
function refuseAmbiguousPicture(text: string | undefined, picture: string | undefined): void {
  if (picture === undefined || text === undefined) return;
  refusePicture(picture);
  const literals = picture.split(/\[[^\]]*\]/).slice(1, -1);
  const names = /\[[^\]]*[a-zA-Z][^\]]*[nNwWaAiI][^\]]*\]|\[[FPCE]\]/.test(picture);
  const unclear = literals.some((literal) => (names ? /[0-9a-z]/i : /[0-9]/).test(literal));
  if (text.length > 100 || unclear) throw new LimitError("expression_too_large", "the picture is ambiguous");
}

/** What is looked at before the function runs. */
const checks: Readonly<Record<string, Check>> = {
  pad: (budget, text: string | undefined, width: number) => budget.text(Math.abs(width) + (text?.length ?? 0)),
  string: (budget, value: unknown) => budget.text(typeof value === "object" ? budget.size(value) : 0),
  join: (budget, texts: readonly string[] | undefined, separator = "") => {
    if (texts) budget.text(texts.reduce((sum, text) => sum + text.length, texts.length * separator.length));
  },
  zip: (budget, ...lists: unknown[]) => {
    const lengths = lists.map((list) => (Array.isArray(list) ? list.length : 0));
    budget.spend(8 * Math.min(...lengths) * lists.length);
  },
  formatInteger: (_budget, value: number | undefined, picture: string) => {
    refusePicture(picture);
    if (value !== undefined && Math.abs(value) > (/^i/i.test(picture) ? 1e5 : 1e15)) {
      throw new LimitError("expression_too_large", "the number is too large for its picture");
    }
  },
  formatNumber: (_budget, _value: unknown, picture: string) => refusePicture(picture),
  parseInteger: (budget, text: string | undefined, picture: string) => {
    refusePicture(picture);
    if ((text?.length ?? 0) > 1000) budget.text(Number.POSITIVE_INFINITY);
  },
  fromMillis: (_budget, _value: unknown, picture: string | undefined) => refusePicture(picture),
  toMillis: (_budget, text: string | undefined, picture: string | undefined) => refuseAmbiguousPicture(text, picture),
};

const byKind = (value: unknown) => (typeof value === "string" ? `s${value}` : `${typeof value}:${canonical(value)}`);

/** JSON with sorted keys, so that equal values have equal texts. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`;
}

type Comparator = (a: unknown, b: unknown) => unknown;

async function sortList(this: Focus, list?: unknown[], comparator?: Comparator): Promise<unknown> {
  if (list === undefined || list.length <= 1) return list;
  const { budget } = this.environment.base;
  if (comparator === undefined) return sortPlain(list);
  let runs = list.map((item) => [item]);
  while (runs.length > 1) {
    const merged: unknown[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(await merge(runs[i] ?? [], runs[i + 1] ?? [], comparator, budget));
    runs = merged;
  }
  return runs[0];
}

function sortPlain(list: readonly unknown[]): unknown[] {
  const kind = typeof list[0];
  if ((kind !== "string" && kind !== "number") || list.some((item) => typeof item !== kind)) {
    throw new LimitError("expression_type", "$sort needs a comparator for anything but numbers or texts");
  }
  return [...(list as string[])].sort((a, b) => (a > b ? 1 : a < b ? -1 : 0));
}

async function merge(left: unknown[], right: unknown[], swap: Comparator, budget: Budget): Promise<unknown[]> {
  const merged: unknown[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    budget.check();
    merged.push((await swap(left[l], right[r])) ? right[r++] : left[l++]);
  }
  return merged.concat(left.slice(l), right.slice(r));
}

const isData = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isFunction(value);
const asItems = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const collapse = (items: readonly unknown[]) => (items.length < 2 ? items[0] : items);
const single = (key: string, value: unknown) => Object.assign(Object.create(null), { [key]: value });

/** Functions that JSONata implements in quadratic time, without limits, or not at all. */
const replacements: Readonly<Record<string, Implementation>> = {
  distinct: (list?: unknown) => {
    if (!Array.isArray(list)) return list;
    const seen = new Map<string, unknown>();
    for (const item of list) if (!seen.has(byKind(item))) seen.set(byKind(item), item);
    return [...seen.values()];
  },
  sort: sortList,
  spread: (value?: unknown) => {
    const parts = asItems(value).map((item) =>
      isData(item) ? Object.entries(item).map(([key, inner]) => single(key, inner)) : [item],
    );
    return Array.isArray(value) || isData(value) ? collapse(parts.flat()) : value;
  },
  split: splitText,
  replace: replaceText,
};

function limited(name: string, definition: Definition): Definition {
  const implementation = replacements[name] ?? definition.implementation;
  const check = checks[name];
  const call = function (this: Focus, ...args: never[]): unknown {
    const { budget } = this.environment.base;
    budget.check();
    check?.(budget, ...args);
    const result = implementation.apply(this, args);
    return result instanceof Promise ? result.then((value) => budget.admit(value)) : budget.admit(result);
  };
  // JSONata reads how many arguments a function takes, and their names, off the function itself.
  Object.defineProperty(call, "length", { value: definition.implementation.length });
  call.toString = () => definition.implementation.toString();
  return { _jsonata_function: true, implementation: call as Implementation, signature: definition.signature };
}

let definitions: Promise<ReadonlyMap<string, unknown>> | undefined;

/** All functions by name, as they are bound to every expression. */
export function limitedFunctions(): Promise<ReadonlyMap<string, unknown>> {
  definitions ??= readDefinitions();
  return definitions;
}

/** Only an evaluation can reach JSONata's own implementations and their signatures. */
async function readDefinitions(): Promise<ReadonlyMap<string, unknown>> {
  const names = [...Object.keys(builtins), ...Object.keys(ownFunctions)].filter((name) => !perEvaluation.has(name));
  const probe = jsonata(`[${names.map((name) => `$${name}`).join()}]`);
  for (const [name, { implementation, signature }] of Object.entries(ownFunctions)) {
    probe.registerFunction(name, implementation as () => unknown, signature);
  }
  const found = (await probe.evaluate({})) as Definition[];
  const bound = new Map<string, unknown>(names.map((name, index) => [name, limited(name, found[index] as Definition)]));
  bound.set("now", nowOf(bound.get("fromMillis") as Definition));
  bound.set("millis", millis);
  for (const [name, reason] of Object.entries(forbidden)) {
    const implementation = () => {
      throw new LimitError("expression_forbidden", reason);
    };
    bound.set(name, { _jsonata_function: true, implementation });
  }
  return bound;
}

/** These are bound to each expression by JSONata itself, with the system's time. */
const perEvaluation = new Set(["now", "millis"]);

/** `$millis`: the time at which the evaluation began. */
const millis: Definition = {
  _jsonata_function: true,
  implementation(this: Focus) {
    return this.environment.base.timestamp.getTime();
  },
  signature: undefined,
};

/** `$now`, made of `$fromMillis` and the time at which the evaluation began. */
function nowOf(fromMillis: Definition): Definition {
  const implementation = function (this: Focus, ...args: never[]): unknown {
    const began = this.environment.base.timestamp.getTime();
    return fromMillis.implementation.apply(this, [began as never, ...args]);
  };
  return { _jsonata_function: true, implementation, signature: undefined };
}
