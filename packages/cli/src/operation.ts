import type { ExitCode, Io } from "./command.ts";

/*
 * Long work on a deployment's store. Whoever starts it sees how far it is, and if it cannot be done, why.
 */

const pause = 1000;

/** Tells how far it is: in one line where somebody watches, otherwise in a line of its own each time; once a second at most. */
export type Progress = (line: string) => void;

/** Runs it. What is thrown says what to do: it is printed, and the exit status is 1. */
export async function operate(io: Io, work: (progress: Progress) => Promise<ExitCode>): Promise<ExitCode> {
  const write = io.progress ?? ((line: string) => line !== "" && io.error(`${line}\n`));
  let told = Number.NEGATIVE_INFINITY;
  const progress = (line: string) => {
    const now = performance.now();
    if (now - told < pause) return;
    told = now;
    write(line);
  };
  try {
    return await work(progress);
  } catch (error) {
    write("");
    io.error(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
