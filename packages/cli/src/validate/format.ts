import { formatProblem, listedProblem, type Problem } from "@jackfield/manifest";
import type { Io } from "../command.ts";
import type { Checked } from "./check.ts";

type Print = (checked: readonly Checked[], io: Io) => void;

/** How problems are printed, by the name that `--format` takes. */
export const formats = { text: printText, json: printJson, github: printGithub } as const satisfies Record<string, Print>;

export type Format = keyof typeof formats;

export const isFormat = (name: string): name is Format => Object.hasOwn(formats, name);

function printText(checked: readonly Checked[], io: Io): void {
  for (const problem of problemsOf(checked)) io.out(`${formatProblem(problem, { colour: io.colour })}\n\n`);
  io.out(summary(checked));
}

function printJson(checked: readonly Checked[], io: Io): void {
  const files = checked.map(({ file, problems }) => ({
    file,
    problems: problems.map(listedProblem),
  }));
  io.out(`${JSON.stringify({ files }, null, 2)}\n`);
}

/** Workflow commands of GitHub Actions, which are shown beside the lines of a change. */
function printGithub(checked: readonly Checked[], io: Io): void {
  for (const { severity, file, line, column, code, message, hint } of problemsOf(checked)) {
    const place = `file=${property(file)},line=${line},col=${column},title=${property(code)}`;
    io.out(`::${severity} ${place}::${data(hint === "" ? message : `${message} ${hint}`)}\n`);
  }
  io.out(summary(checked));
}

const data = (text: string) => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");

const problemsOf = (checked: readonly Checked[]) => checked.flatMap(({ problems }) => problems);

function summary(checked: readonly Checked[]): string {
  const errors = plural(countOf(checked, "error"), "error");
  const warnings = plural(countOf(checked, "warning"), "warning");
  return `${plural(checked.length, "manifest")}: ${errors}, ${warnings}\n`;
}

export function countOf(checked: readonly Checked[], severity: Problem["severity"]): number {
  return problemsOf(checked).filter((problem) => problem.severity === severity).length;
}

/** `1 error`, `2 errors`. */
export const plural = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
