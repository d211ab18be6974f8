import { type Matcher, RE2JS } from "re2js";
import { compileRe2 } from "../pattern.ts";
import { type Budget, LimitError } from "./budget.ts";
import { limits } from "./limits.ts";

const compiled = new WeakMap<RegExp, RE2JS>();

/** The regular expression in linear time. Throws an `Error` when RE2 cannot express it. */
export function linear(regex: RegExp): RE2JS {
  let found = compiled.get(regex);
  if (!found) {
    const flags = (regex.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (regex.multiline ? RE2JS.MULTILINE : 0);
    found = compileRe2(regex.source, flags);
    compiled.set(regex, found);
  }
  return found;
}

/** The part of `RegExp` that JSONata uses. Without `flags` and `lastIndex` its loop over matches would never end. */
interface Engine {
  lastIndex: number;
  readonly flags: string;
  readonly source: string;
  exec(text: string): RegExpExecArray | null;
}

/** What JSONata constructs for every regular expression, in place of `RegExp`. */
export function regexEngine(budget: Budget): new (regex: RegExp) => Engine {
  return class implements Engine {
    lastIndex = 0;
    readonly flags: string;
    readonly source: string;
    private readonly program: RE2JS;
    private matcher: Matcher | undefined;
    private text: string | undefined;

    constructor(regex: RegExp) {
      this.program = linear(regex);
      this.flags = regex.flags;
      this.source = regex.source;
    }

    exec(text: string): RegExpExecArray | null {
      budget.check();
      const size = this.program.programSize();
      if (text.length > limits.regexText || (text.length - this.lastIndex) * size > limits.regexWork) {
        throw new LimitError("expression_too_large", "a text is too long for its regular expression");
      }
      if (this.text !== text || !this.matcher) [this.text, this.matcher] = [text, this.program.matcher(text)];
      if (this.lastIndex > text.length || !this.matcher.find(this.lastIndex)) {
        this.lastIndex = 0;
        return null;
      }
      this.lastIndex = this.matcher.end();
      const groups = Array.from({ length: this.program.groupCount() + 1 }, (_, index) => this.matcher?.group(index) ?? undefined);
      return Object.assign(groups, { index: this.matcher.start(), input: text }) as unknown as RegExpExecArray;
    }
  };
}
