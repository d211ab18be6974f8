import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nearest } from "@jackfield/manifest";
import { type Command, type ExitCode, type Io, UsageError } from "./command.ts";
import { client } from "./commands/client.ts";
import { dev } from "./commands/dev.ts";
import { doctor } from "./commands/doctor.ts";
import { importCommand } from "./commands/import.ts";
import { keys } from "./commands/keys.ts";
import { newCommand } from "./commands/new.ts";
import { requests } from "./commands/requests.ts";
import { schema } from "./commands/schema.ts";
import { start } from "./commands/start.ts";
import { store } from "./commands/store.ts";
import { test } from "./commands/test.ts";
import { validate } from "./commands/validate.ts";

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as { version: string };

/** Every command there is, by name. */
export const commands: Readonly<Record<string, Command>> = {
  start,
  doctor,
  new: newCommand,
  dev,
  validate,
  requests,
  test,
  schema,
  import: importCommand,
  client,
  keys,
  store,
};

/** Runs the command line. Never throws on wrong usage: that is printed, and the exit status is 2. */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.out(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    io.out(`jackfield ${version}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const near = nearest(name, Object.keys(commands));
    io.error(`\`${name}\` is not a command.${near ? ` Did you mean \`${near}\`?` : ""}\n\n${overview()}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    io.out(`${command.summary}\n\n${command.usage}\n`);
    return 0;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    io.error(`${error.message}\n\n${command.usage}\n`);
    return 2;
  }
}

function overview(): string {
  const widest = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(widest)}   ${summary}`);
  return `jackfield COMMAND\n\n${lines.join("\n")}\n\n\`jackfield COMMAND --help\` tells more.\n`;
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const { code } = error as { code?: unknown };
  return typeof code === "string" && code.startsWith("ERR_PARSE_ARGS");
}
