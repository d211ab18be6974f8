import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterwards } from "./cleanup.ts";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

/** Starts a command of the built `jackfield` in a process of its own. */
export function start(args: readonly string[], env: Readonly<Record<string, string>>) {
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
  });
  const ended = new Promise<Ran>((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...said })));
  afterwards(() => child.kill("SIGKILL"));
  return { ended, kill: () => void child.kill("SIGKILL") };
}

/** Runs one to its end. */
export const jackfield = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> => start(args, env).ended;
