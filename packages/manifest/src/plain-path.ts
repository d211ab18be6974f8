// Paths such as `body.items[0].id` without JSONata: a walk over own properties that gives exactly what JSONata would.

interface Step {
  readonly name: string;
  /** `[0]` behind the name. */
  readonly index: number | undefined;
  /** Where the name stands. */
  readonly offset: number;
}

const stepPattern = /(?:([A-Za-z_][A-Za-z0-9_]*)|`([^`]+)`)(?:\[(-?[0-9]{1,9})\])?/y;
const words = new Set(["and", "or", "in", "true", "false", "null", "function"]);

/** The steps of a plain path, or undefined if the expression is anything else. */
export function parsePath(source: string): Step[] | undefined {
  const steps: Step[] = [];
  const end = source.trimEnd().length;
  let offset = source.length - source.trimStart().length;
  while (offset < end) {
    stepPattern.lastIndex = offset;
    const match = stepPattern.exec(source);
    const name = match?.[1] ?? match?.[2];
    if (!match || name === undefined || (match[1] !== undefined && words.has(name))) return undefined;
    steps.push({ name, index: match[3] === undefined ? undefined : Number(match[3]), offset });
    offset += match[0].length;
    if (offset === end) return steps;
    if (source[offset] !== ".") return undefined;
    offset++;
  }
  return undefined;
}

/** Lists that the walk made; unlike those of the data they are flattened, and disappear around a single item. */
type Made = WeakSet<object>;

/** The value at the path, or undefined. Names are looked up in every item of a list, as JSONata does. */
export function walk(input: unknown, steps: readonly Step[]): unknown {
  const made: Made = new WeakSet();
  let items: unknown[] = [input];
  let result: unknown = input;
  for (const [number, step] of steps.entries()) {
    const found = items.map((item) => pick(item, step, made)).filter((value) => value !== undefined);
    const [only] = found;
    if (number === steps.length - 1 && found.length === 1 && Array.isArray(only) && !made.has(only)) return only;
    items = found.flat();
    result = collapse(items);
    if (items.length === 0) return undefined;
  }
  return result;
}

const collapse = (items: readonly unknown[]) => (items.length < 2 ? items[0] : items);

function pick(item: unknown, { name, index }: Step, made: Made): unknown {
  let value = lookUp(item, name, made);
  if (Array.isArray(value) && made.has(value)) value = value.length < 2 ? value[0] : value;
  if (index === undefined || value === undefined) return value;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list[index < 0 ? list.length + index : index];
}

function lookUp(item: unknown, name: string, made: Made): unknown {
  if (Array.isArray(item)) {
    const found = item
      .map((inner) => lookUp(inner, name, made))
      .filter((value) => value !== undefined)
      .flat();
    made.add(found);
    return found;
  }
  const own = typeof item === "object" && item !== null && Object.hasOwn(item, name) && name !== "__proto__";
  return own ? (item as Record<string, unknown>)[name] : undefined;
}
