import { type Budget, type Focus, LimitError } from "./budget.ts";

/** What a regular expression gives for one match; `next` finds the following one. */
interface Match {
  readonly match: string;
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  readonly next: () => Match | undefined | Promise<Match | undefined>;
}

type Matcher = (text: string) => Match | undefined | Promise<Match | undefined>;

async function* matches(text: string, matcher: Matcher, limit: number, budget: Budget): AsyncGenerator<Match> {
  let count = 0;
  for (let found = await matcher(text); found !== undefined && count < limit; found = await found.next()) {
    budget.check();
    budget.list(++count);
    if (typeof found.match !== "string" || typeof found.start !== "number" || typeof found.next !== "function") {
      throw new LimitError("expression_type", "the matcher function gives no match");
    }
    yield found;
  }
}

function refuseNegative(limit: number | undefined): void {
  if (limit !== undefined && limit < 0) throw new LimitError("expression_type", "the limit must not be negative");
}

/** `$split(text, separator, limit)` */
export async function splitText(this: Focus, text?: string, separator?: string | Matcher, limit?: number): Promise<unknown> {
  if (text === undefined || separator === undefined) return undefined;
  refuseNegative(limit);
  const { budget } = this.environment.base;
  const most = Math.floor(limit ?? Number.POSITIVE_INFINITY);
  if (typeof separator === "string") {
    const parts = text.split(separator, Math.min(most, 0xffffffff));
    budget.list(parts.length);
    return parts;
  }
  const parts: string[] = [];
  let start = 0;
  for await (const found of matches(text, separator, most, budget)) {
    parts.push(text.slice(start, found.start));
    start = found.end;
  }
  if (parts.length < most) parts.push(text.slice(start));
  return parts;
}

type Replacer = (found: Match) => unknown;

/** `$replace(text, pattern, replacement, limit)` */
export async function replaceText(
  this: Focus,
  text?: string,
  pattern?: string | Matcher,
  replacement?: string | Replacer,
  limit?: number,
): Promise<unknown> {
  if (text === undefined || pattern === undefined || replacement === undefined) return undefined;
  if (pattern === "") throw new LimitError("expression_type", "the pattern of $replace must not be empty");
  refuseNegative(limit);
  const { budget } = this.environment.base;
  const most = Math.floor(limit ?? Number.POSITIVE_INFINITY);
  const output = new Output(budget);
  let position = 0;
  if (typeof pattern === "string") {
    const literal = typeof replacement === "string" ? replacement : "";
    for (
      let index = text.indexOf(pattern), count = 0;
      index >= 0 && count < most;
      index = text.indexOf(pattern, position), count++
    ) {
      output.add(text.slice(position, index));
      output.add(literal);
      position = index + pattern.length;
    }
  } else {
    for await (const found of matches(text, pattern, most, budget)) {
      output.add(text.slice(position, found.start));
      await addReplacement(output, found, replacement);
      position = found.start + found.match.length;
    }
  }
  output.add(text.slice(position));
  return output.text();
}

class Output {
  private readonly budget: Budget;
  private readonly parts: string[] = [];
  private length = 0;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  add(part: string): void {
    this.length += part.length;
    this.budget.text(this.length);
    this.parts.push(part);
  }

  text(): string {
    return this.parts.join("");
  }
}

async function addReplacement(output: Output, found: Match, replacement: string | Replacer): Promise<void> {
  if (typeof replacement === "string") {
    for (const part of replacement.split(/(\$\$|\$[0-9]+)/)) addPart(output, found, part);
    return;
  }
  const replaced = await replacement(found);
  if (typeof replaced !== "string") throw new LimitError("expression_type", "the function given to $replace must give a text");
  output.add(replaced);
}

/** `$$` is a dollar sign, `$0` the match, `$1` its first group; of more digits as many count as there are such groups. */
function addPart(output: Output, found: Match, part: string): void {
  if (!/^\$[0-9]+$/.test(part)) {
    output.add(part === "$$" ? "$" : part);
    return;
  }
  const widest = found.groups.length === 0 ? 1 : String(found.groups.length).length;
  let digits = part.slice(1, 1 + (part[1] === "0" ? 1 : widest));
  if (digits.length > 1 && Number(digits) > found.groups.length) digits = digits.slice(0, -1);
  output.add(digits === "0" ? found.match : (found.groups[Number(digits) - 1] ?? ""));
  output.add(part.slice(1 + digits.length));
}
