// The options of curl that say what is sent.

import { UsageError } from "../../command.ts";
import type { Notes } from "../note.ts";
import { wordsOf } from "./words.ts";

/** A curl command, taken apart. */
export interface Command {
  method: string | undefined;
  url: string | undefined;
  readonly headers: [name: string, value: string][];
  /** Parts of the body as they are given, joined by `&`. */
  readonly data: string[];
  readonly form: [name: string, value: string][];
  isGet: boolean;
  isJson: boolean;
  user: string | undefined;
}

type Take = (command: Command, value: string) => void;

const header: Take = ({ headers }, value) => {
  const [name = "", text = ""] = value.split(/[:;](.*)/s);
  if (name.trim() !== "") headers.push([name.trim(), text.trim()]);
};

const data: Take = ({ data: parts }, value) => {
  parts.push(value);
};

const named =
  (name: string): Take =>
  ({ headers }, value) => {
    headers.push([name, value]);
  };

const form: Take = ({ form: parts }, value) => {
  const [name = "", text = ""] = value.split(/=(.*)/s);
  parts.push([name, text]);
};

/** Options with a value. */
const valued: Readonly<Record<string, Take>> = {
  "--request": (command, value) => {
    command.method = value.toUpperCase();
  },
  "--url": (command, value) => {
    command.url = value;
  },
  "--header": header,
  "--data": data,
  "--data-ascii": data,
  "--data-raw": data,
  "--data-binary": data,
  "--data-urlencode": ({ data: parts }, value) => {
    const [name, text] = value.includes("=") ? value.split(/=(.*)/s) : ["", value];
    parts.push(name === "" ? encodeURIComponent(text ?? "") : `${name}=${encodeURIComponent(text ?? "")}`);
  },
  "--json": (command, value) => {
    command.isJson = true;
    command.data.push(value);
  },
  "--form": form,
  "--form-string": form,
  "--user": (command, value) => {
    command.user = value;
  },
  "--oauth2-bearer": ({ headers }, value) => {
    headers.push(["Authorization", `Bearer ${value}`]);
  },
  "--user-agent": named("User-Agent"),
  "--referer": named("Referer"),
  "--cookie": named("Cookie"),
};

const flags: Readonly<Record<string, (command: Command) => void>> = {
  "--get": (command) => {
    command.isGet = true;
  },
  "--head": (command) => {
    command.method = "HEAD";
  },
};

const short: Readonly<Record<string, string>> = {
  X: "--request",
  H: "--header",
  d: "--data",
  F: "--form",
  u: "--user",
  G: "--get",
  I: "--head",
  A: "--user-agent",
  e: "--referer",
  b: "--cookie",
};

/** Options that say how curl itself works: with a value, and without. */
const ownValued = new Set([
  "--output",
  "--max-time",
  "--connect-timeout",
  "--retry",
  "--write-out",
  "--proxy",
  "--max-redirs",
  "--cacert",
  "--resolve",
  "-o",
  "-m",
  "-w",
  "-x",
]);
const ownFlags = new Set(
  [
    "--silent",
    "--show-error",
    "--location",
    "--insecure",
    "--verbose",
    "--include",
    "--compressed",
    "--fail",
    "--globoff",
    "--http1.1",
    "--http2",
    "--no-buffer",
    "--progress-bar",
  ].concat([..."sSLkvifgN#"].map((letter) => `-${letter}`)),
);

/** Takes a command apart. Throws `UsageError` if it is no curl command. */
export function readCommand(text: string, notes: Notes): Command {
  const [name, ...words] = wordsOf(text);
  if (name === undefined || !/(^|\/)curl(\.exe)?$/.test(name)) throw new UsageError("The command must begin with `curl`.");
  const command: Command = {
    method: undefined,
    url: undefined,
    headers: [],
    data: [],
    form: [],
    isGet: false,
    isJson: false,
    user: undefined,
  };
  const rest = words.flatMap(spread);
  for (let at = 0; at < rest.length; at++) {
    if (takeOption(command, rest[at] ?? "", rest[at + 1] ?? "", notes)) at++;
  }
  if (command.url === undefined) throw new UsageError("The command names no URL.");
  return command;
}

/** Takes one word. Gives whether the next one was its value. */
function takeOption(command: Command, word: string, next: string, notes: Notes): boolean {
  if (Object.hasOwn(valued, word)) {
    valued[word]?.(command, next);
    return true;
  }
  if (ownValued.has(word)) return true;
  if (Object.hasOwn(flags, word)) flags[word]?.(command);
  else if (word.startsWith("-") && word !== "-") {
    if (!ownFlags.has(word)) notes.notCarried(word);
  } else command.url ??= word;
  return false;
}

/** `-XPOST` as `--request POST`, `-sSL` as three flags, `--data=x` as two words. */
function spread(word: string): string[] {
  const long = /^(--[a-z0-9.-]+)=(.*)$/s.exec(word);
  if (long) return [long[1] ?? "", long[2] ?? ""];
  if (!/^-[^-]/.test(word)) return [word];
  const letter = word[1] ?? "";
  const name = short[letter] ?? `-${letter}`;
  const rest = word.slice(2);
  if (rest === "") return [name];
  if (Object.hasOwn(valued, name) || ownValued.has(name)) return [name, rest];
  return [name, ...spread(`-${rest}`)];
}
