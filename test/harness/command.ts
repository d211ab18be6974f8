import { spawn } from "node:child_process";
import { join } from "node:path";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

/** Runs a command of the built `jackfield` in a process of its own; `watch` is told what it has said on stderr, and may kill it. */
export function jackfield(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  watch: (error: string, kill: () => void) => void = () => {},
): Promise<Ran> {
  const child = spawn(process.execPath, [join(process.cwd(), "packages/cli/bin/jackfield.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, ...env },
  });
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.error += chunk;
    watch(said.error, () => void child.kill("SIGKILL"));
  });
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...said })));
}
