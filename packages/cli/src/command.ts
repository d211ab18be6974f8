/** Where a command writes to. */
export interface Io {
  out(text: string): void;
  error(text: string): void;
  /** Whether `out` shows colours. */
  readonly colour: boolean;
  /** Replaces the line that tells how far a long command is; an empty text removes it. Absent where nobody watches. */
  progress?(line: string): void;
}

/** Whether a stream shows colours: only a terminal does, and not where `NO_COLOR` is set (https://no-color.org). */
export function showsColour(stream: { readonly isTTY?: boolean }, noColour: string | undefined): boolean {
  return stream.isTTY === true && (noColour === undefined || noColour === "");
}

/** 0: done; 1: problems found; 2: wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** What a command does, for the overview and for `--help`. */
export interface Command {
  readonly summary: string;
  readonly usage: string;
  run(args: readonly string[], io: Io): ExitCode | Promise<ExitCode>;
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}
