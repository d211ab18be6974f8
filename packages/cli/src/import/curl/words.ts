// A command as a shell takes it apart.

import { parse } from "shell-quote";
import { UsageError } from "../../command.ts";

/** The words of one command. Throws `UsageError` for several commands. */
export function wordsOf(command: string): string[] {
  const joined = command.replace(/\\\r?\n/g, " ").trim();
  const entries = parse(withPlainQuotes(joined), (name) => `$${name}`);
  const words: string[] = [];
  for (const entry of entries) {
    if (typeof entry === "string") words.push(entry);
    else if ("pattern" in entry) words.push(entry.pattern);
    else if ("op" in entry) throw new UsageError(`The command holds \`${entry.op}\`; give one curl command alone, in quotes.`);
  }
  return words;
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "0": "\0",
  a: "\x07",
  b: "\b",
};

/** Browsers write `$'…'` where a text holds control characters or quotes. */
function withPlainQuotes(command: string): string {
  return command.replace(/(^|\s)\$'((?:[^'\\]|\\[\s\S])*)'/g, (_, before: string, inner: string) => {
    const plain = inner.replace(/\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([\s\S]))/gi, (__, u?: string, x?: string, other = "") =>
      u !== undefined || x !== undefined ? String.fromCharCode(Number.parseInt(u ?? x ?? "0", 16)) : (escapes[other] ?? other),
    );
    return `${before}'${plain.replaceAll("'", `'"'"'`)}'`;
  });
}
