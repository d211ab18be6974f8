import { parseArgs } from "node:util";
import type { Finding, Level } from "@jackfield/server";
import type { Command } from "../command.ts";
import { plural } from "../validate/format.ts";

const usage = `jackfield doctor [--json]

Looks at the deployment that the environment variables describe, also while it runs, and changes nothing: configuration, store and its
indexes, data folder, keys, clock, connectors, PUBLIC_URL and certificates. No line holds a secret.

--json   {findings: [{check, level, says, cure}], problems, warnings}; level is ok, warning or problem

The exit status is 1 where there is a problem.`;

/** Looks at a deployment and says what is wrong with it, each with its cure. */
export const doctor: Command = {
  summary: "Find out what is wrong with a deployment.",
  usage,
  async run(args, io) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: "boolean" } } });
    // The other commands must not pay for loading the server.
    const { examine } = await import("@jackfield/server");
    const findings = await examine(process.env);
    const [problems, warnings] = [count(findings, "problem"), count(findings, "warning")];
    if (values.json === true) io.out(`${JSON.stringify({ findings, problems, warnings }, null, 2)}\n`);
    else io.out(`${table(findings, io.colour)}\n\n${plural(problems, "problem")}, ${plural(warnings, "warning")}\n`);
    return problems > 0 ? 1 : 0;
  },
};

const count = (findings: readonly Finding[], level: Level) => findings.filter((finding) => finding.level === level).length;

const colours: Readonly<Record<Level, string>> = { ok: "32", warning: "33", problem: "31" };

function table(findings: readonly Finding[], colour: boolean): string {
  const widest = Math.max(...findings.map(({ check }) => check.length));
  const mark = (level: Level) => (colour ? `\u001b[${colours[level]}m${level.padEnd(7)}\u001b[0m` : level.padEnd(7));
  const indent = " ".repeat(7 + 2 + widest + 2);
  const lines = findings.map(({ check, level, says, cure }) => {
    const text = says.replaceAll("\n", `\n${indent}`);
    return `${mark(level)}  ${check.padEnd(widest)}  ${text}${cure === undefined ? "" : `\n${indent}→ ${cure}`}`;
  });
  return lines.join("\n");
}
