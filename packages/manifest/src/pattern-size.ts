// How much work it is to compile a regular expression, told from its text alone.

const piece = new RegExp(
  [
    /\\[pP](?:\{[^}]*\}|.)/, // a class of characters by name
    /\\./,
    /\[\^?\]?(?:\\.|[^\]\\])*\]?/, // a class
    /\((?:\?[^:()]*:)?/,
    /\{(?<least>[0-9]+)(?:,(?<greatest>[0-9]*))?\}/,
    /./,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gs",
);

/** What takes more work than one step: each such class is put together of many ranges, or of the upper and lower case of one. */
const named = /^\\[pP]|^\[.*\\[pP]/s;
const wide = /^\[.*(?:[^\0-\x7f]|\\[xu]).*-|^\[.*-(?:[^\0-\x7f]|\\[xu])/s;

/** However often the class is repeated. */
function classWork(part: string, ignoresCase: boolean): number {
  if (named.test(part)) return ignoresCase ? 100 : 40;
  return ignoresCase && wide.test(part) ? 4000 : 0;
}

const ignoring = /\(\?[a-zA-Z]*i|\/[gm]*i/;

interface Group {
  before: number;
  /** The part that a repetition behind it repeats. */
  last: number;
}

const sumOf = ({ before, last }: Group) => before + last;

/**
 * About how many steps a regular expression has when what it repeats is written out, as its program does; a step takes about a
 * microsecond to compile. `source` may be a text with regular expressions in it.
 */
export function writtenOut(source: string, ignoresCase = ignoring.test(source)): number {
  const groups: Group[] = [{ before: 0, last: 0 }];
  let classes = 0;
  const add = (work: number) => {
    const group = groups.at(-1) as Group;
    group.before += group.last;
    group.last = work;
  };
  for (const { 0: part, groups: { least, greatest } = {} } of source.matchAll(piece)) {
    if (least !== undefined) (groups.at(-1) as Group).last *= Math.max(1, Number(least), Number(greatest ?? 0));
    else if (part.startsWith("(")) groups.push({ before: 0, last: 0 });
    else if (part === ")" && groups.length > 1) add(2 + sumOf(groups.pop() as Group));
    else {
      add(1);
      classes += classWork(part, ignoresCase);
    }
  }
  return groups.reduce((sum, group) => sum + sumOf(group), classes);
}

const suspicious = /\{[0-9]|\\[pP]|\(\?/;

/** What all regular expressions of a manifest may take together, in steps. */
const mostWork = 100_000;

/**
 * Where the text stands with which the regular expressions in the data become too much work to compile them; undefined if they do
 * not. Equal ones are compiled once.
 */
export function tooMuchWork(data: unknown): (string | number)[] | undefined {
  const seen = new Set<string>();
  let work = 0;
  return firstText(data, (text) => {
    if (!suspicious.test(text) || seen.has(text)) return false;
    seen.add(text);
    // What takes no more than its length tells is bounded by the size of the file.
    work += Math.max(0, writtenOut(text) - text.length);
    return work > mostWork;
  });
}

function firstText(value: unknown, is: (text: string) => boolean): (string | number)[] | undefined {
  if (typeof value === "string") return is(value) ? [] : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const path = firstText(inner, is);
    if (path) return [Array.isArray(value) ? Number(key) : key, ...path];
  }
  return undefined;
}
