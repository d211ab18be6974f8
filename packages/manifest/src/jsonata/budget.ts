import type { Ambient } from "../ambient.ts";
import type { ExpressionErrorCode } from "../expression-error.ts";
import { limits } from "./limits.ts";

/** Ends an evaluation that uses too much. JSONata adds the position. */
export class LimitError extends Error {
  readonly limit: ExpressionErrorCode;
  position?: number;

  constructor(limit: ExpressionErrorCode, message: string) {
    super(message);
    this.limit = limit;
  }
}

/** What JSONata passes to its functions as `this`. */
export interface Focus {
  readonly environment: { readonly base: { readonly budget: Budget; readonly ambient: Ambient; readonly timestamp: Date } };
}

interface Measure {
  readonly size: number;
  readonly depth: number;
}

const cost = 8;
const nothing: Measure = { size: cost, depth: 0 };

/**
 * What one evaluation has used. JSONata's own limits stop neither a text that doubles itself nor a value that holds another one
 * many times and explodes when it is written out, compared or flattened; so every value is measured when it is made.
 */
export class Budget {
  private readonly deadline = performance.now() + limits.milliseconds;
  private work = 0;
  private exceeded: LimitError | undefined;
  /** Measures of values that do not change any more; without it they are taken each time. */
  private readonly known: WeakMap<object, Measure> | undefined;

  constructor(options: { changes: boolean }) {
    this.known = options.changes ? undefined : new WeakMap();
  }

  /** Throws when the time is over, or when another branch of the same evaluation went too far. */
  check(): void {
    if (this.exceeded) throw this.exceeded;
    if (performance.now() > this.deadline) this.exceed("expression_timeout", `it took longer than ${limits.milliseconds} ms`);
  }

  /** Throws when this many evaluations wait for others. */
  wait(pending: number): void {
    if (pending > limits.pending) this.exceed("expression_too_deep", "it calls itself too often");
  }

  /** One error for all branches: recursion leaves some ten thousand of them behind. */
  private exceed(limit: ExpressionErrorCode, message: string): never {
    this.exceeded = new LimitError(limit, message);
    throw this.exceeded;
  }

  /** Throws when all the work together is too much. */
  spend(amount: number): void {
    this.work += amount;
    if (this.work > limits.work) throw new LimitError("expression_too_large", "its values are too large");
  }

  /** Throws when a text of this length is too long. */
  text(length: number): void {
    if (length > limits.text) throw new LimitError("expression_too_large", "a text is too long");
  }

  /** Throws when a list of this length is too long. */
  list(length: number): void {
    if (length > limits.sequence) throw new LimitError("expression_too_large", `a list has more than ${limits.sequence} items`);
  }

  /** Accepts a value that was just made. */
  admit<T>(value: T): T {
    if (typeof value === "string") {
      this.text(value.length);
      this.spend(value.length);
    } else this.size(value);
    return value;
  }

  /** The value's size, everything in it counted as often as it is reached. Throws when that is too much. */
  size(value: unknown): number {
    return this.measure(value, 0).size;
  }

  private measure(value: unknown, level: number): Measure {
    if (typeof value === "string") return { size: cost + value.length, depth: 0 };
    if (typeof value !== "object" || value === null || isFunction(value)) return nothing;
    const known = this.known?.get(value);
    if (known) return known;
    if (level > limits.depth) throw tooDeep();
    const measured = this.measureParts(value, level);
    this.known?.set(value, measured);
    return measured;
  }

  private measureParts(value: object, level: number): Measure {
    let size = cost;
    let depth = 0;
    const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    this.spend(cost * (parts.length + 1));
    for (const part of parts) {
      const inner = this.measure(part, level + 1);
      size += inner.size;
      depth = Math.max(depth, inner.depth + 1);
      if (size > limits.value) throw new LimitError("expression_too_large", "a value is too large");
    }
    if (!Array.isArray(value)) for (const key of Object.keys(value)) size += key.length;
    if (depth > limits.depth) throw tooDeep();
    return { size, depth };
  }
}

const tooDeep = () => new LimitError("expression_too_deep", `a value has more than ${limits.depth} levels`);

/** Whether it is one of JSONata's functions, which are not data. */
export function isFunction(value: object): boolean {
  const flags = value as { _jsonata_function?: unknown; _jsonata_lambda?: unknown };
  return flags._jsonata_function === true || flags._jsonata_lambda === true;
}
