import { isFunction, LimitError } from "./budget.ts";
import { limits } from "./limits.ts";

/** Names that JSONata or JavaScript give a meaning of their own. */
const hidden = new Set(["__proto__", "_jsonata_lambda", "_jsonata_function"]);

/**
 * A copy of data that an expression may work on: texts, numbers, booleans, null, arrays and objects without a prototype. The
 * caller's data cannot be changed through it, and nothing in it can pass for a function. Throws `LimitError`.
 */
export function copyIn(value: unknown, roots: ReadonlySet<string> | undefined): unknown {
  const tally = { size: 0 };
  if (!roots || !isObject(value)) return copyValue(value, 0, tally);
  const copy = Object.create(null) as Record<string, unknown>;
  for (const root of roots) {
    if (!Object.hasOwn(value, root) || hidden.has(root)) continue;
    const inner = copyValue((value as Record<string, unknown>)[root], 1, tally);
    if (inner !== undefined) copy[root] = inner;
  }
  return copy;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

function copyValue(value: unknown, level: number, tally: { size: number }): unknown {
  tally.size += 8;
  if (level > limits.depth) throw new LimitError("expression_too_deep", `the data has more than ${limits.depth} levels`);
  if (tally.size > limits.value) throw new LimitError("expression_too_large", "the data is too large");
  if (typeof value === "string") tally.size += value.length;
  if (typeof value !== "object" || value === null) return scalar(value);
  if (Array.isArray(value)) return value.map((item) => copyValue(item, level + 1, tally) ?? null);
  if (value instanceof Date) return value.toISOString();
  const copy = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    if (hidden.has(key)) continue;
    tally.size += key.length;
    const inner = copyValue((value as Record<string, unknown>)[key], level + 1, tally);
    if (inner !== undefined) copy[key] = inner;
  }
  return copy;
}

function scalar(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return typeof value === "function" || typeof value === "symbol" ? undefined : value;
}

/**
 * A copy of a result as ordinary data: JSONata's sequences become arrays, functions disappear. Throws `LimitError` when it would
 * be larger than 256 KiB as JSON.
 */
export function copyOut(value: unknown): unknown {
  return copyResult(value, { size: 0 }, 0);
}

function copyResult(value: unknown, tally: { size: number }, level: number): unknown {
  tally.size += typeof value === "string" ? value.length + 3 : 5;
  if (tally.size > limits.result) throw new LimitError("expression_too_large", "the result is larger than 256 KiB");
  if (typeof value !== "object" || value === null) return plainScalar(value);
  if (level > limits.depth) throw new LimitError("expression_too_deep", `the result has more than ${limits.depth} levels`);
  if (Array.isArray(value)) return Array.from(value, (item) => copyResult(item, tally, level + 1) ?? null);
  return isFunction(value) ? undefined : copyObject(value as Record<string, unknown>, tally, level);
}

function plainScalar(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return typeof value === "function" ? undefined : value;
}

function copyObject(value: Readonly<Record<string, unknown>>, tally: { size: number }, level: number): unknown {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (hidden.has(key)) continue;
    tally.size += key.length + 3;
    const inner = copyResult(value[key], tally, level + 1);
    if (inner !== undefined) copy[key] = inner;
  }
  return copy;
}
