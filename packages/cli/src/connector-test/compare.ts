// Whether what was made is what was expected, and what the difference is.

/** Algorithms whose signatures are made with chance of their own, and how long they are in base64url. */
const random: Readonly<Record<string, number>> = { ES256: 86, ES384: 128, PS256: 342 };

const token = /\b(eyJ[\w-]+)\.([\w-]+)\.([\w-]+)/g;

/** The text without what cannot be the same twice: header and claims of a JSON Web Token count, its random signature is `<signature>`. */
export function settled(text: string): string {
  return text.replace(token, (whole, header: string, claims: string, signature: string) => {
    const length = random[algorithmOf(header)];
    return length === signature.length ? `${header}.${claims}.<signature>` : whole;
  });
}

function algorithmOf(header: string): string {
  try {
    return String((JSON.parse(Buffer.from(header, "base64url").toString("utf8")) as { alg?: unknown }).alg);
  } catch {
    return "";
  }
}

/** The value with every text in it settled. */
export function settledValue(value: unknown): unknown {
  if (typeof value === "string") return settled(value);
  if (Array.isArray(value)) return value.map(settledValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, settledValue(inner)]));
}

const any = "<any>";

/** Whether a settled value is the expected one; `<any>` within an expected text stands for anything. */
export function fits(expected: unknown, actual: unknown): boolean {
  if (typeof expected === "string" && typeof actual === "string") {
    if (!expected.includes(any)) return expected === actual;
    const parts = expected.split(any).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return new RegExp(`^${parts.join("[^]+")}$`).test(actual);
  }
  if (typeof expected !== "object" || typeof actual !== "object" || expected === null || actual === null)
    return Object.is(expected, actual);
  if (Array.isArray(expected) !== Array.isArray(actual)) return false;
  const keys = Object.keys(expected);
  return (
    keys.length === Object.keys(actual).length &&
    keys.every((key) => Object.hasOwn(actual, key) && fits((expected as Data)[key], (actual as Data)[key]))
  );
}

type Data = Readonly<Record<string, unknown>>;

/** A text that another kind of value would look like is quoted. */
const shown = (value: unknown) =>
  typeof value === "string" && !/^(?:-?\d|true$|false$|null$|[[{"]|$)/.test(value) ? value : JSON.stringify(value);

/** The lines of a value as a person compares them. */
function lines(value: unknown, indent = ""): string[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null) return [`${indent}${shown(value)}`];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === "object" && inner !== null && Object.keys(inner).length > 0
      ? [`${indent}${key}:`, ...lines(inner, `${indent}  `)]
      : [`${indent}${key}: ${shown(inner)}`],
  );
}

/** The difference, line by line: `-` is expected, `+` is what was made. */
export function difference(expected: unknown, actual: unknown): string[] {
  const left = lines(expected);
  const right = lines(actual);
  const common = longestCommon(left, right);
  const shown: string[] = [];
  let [l, r] = [0, 0];
  for (const line of [...common, undefined]) {
    while (l < left.length && left[l] !== line) shown.push(`- ${left[l++]}`);
    while (r < right.length && right[r] !== line) shown.push(`+ ${right[r++]}`);
    if (line !== undefined) shown.push(`  ${line}`);
    l += 1;
    r += 1;
  }
  return shown;
}

/** The longest list of lines that both have, in order. */
function longestCommon(left: readonly string[], right: readonly string[]): string[] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (l: number, r: number) => lengths[l]?.[r] ?? 0;
  for (let l = left.length - 1; l >= 0; l--) {
    for (let r = right.length - 1; r >= 0; r--) {
      const row = lengths[l] as number[];
      row[r] = left[l] === right[r] ? at(l + 1, r + 1) + 1 : Math.max(at(l + 1, r), at(l, r + 1));
    }
  }
  const common: string[] = [];
  for (let [l, r] = [0, 0]; l < left.length && r < right.length; ) {
    if (left[l] === right[r]) {
      common.push(left[l] as string);
      l += 1;
      r += 1;
    } else if (at(l + 1, r) >= at(l, r + 1)) l += 1;
    else r += 1;
  }
  return common;
}
