import { existsSync, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { formatProblem, type Problem } from "@jackfield/manifest";
import { type Command, type Io, UsageError } from "../command.ts";
import { plural } from "../validate/format.ts";

const usage = `jackfield dev NAME|FOLDER

Starts the server with the connector's folder, checks the manifest on each save and takes it over when it has no error; pages that show
the connector show it anew. Try the sign-in there, against the provider itself. NAME is a folder under ./connectors.

The server keeps its data in ./data, or in DATA_DIR, like \`jackfield start\`; other variables hold as well.`;

/** Serves a connector while it is being written. Ends with the process. */
export const dev: Command = {
  summary: "Write a connector and see it at once.",
  usage,
  async run(args, io) {
    const [argument, ...more] = args;
    if (argument === undefined || more.length > 0) throw new UsageError("`dev` takes the name or the folder of one connector.");
    const folder = folderOf(argument);
    const name = basename(folder);
    // The other commands must not pay for loading the server.
    const { run } = await import("@jackfield/server");
    const server = await run({ CONNECTORS_DIR: dirname(folder), ...process.env });
    io.out(`\n  Connector     ${server.url}/connectors/${name}\n\n`);
    const file = join(folder, "connector.yaml");
    const take = async (): Promise<void> => {
      const problems = await server.preview(name, await readFile(file, "utf8"), file);
      report(name, problems, io);
    };
    await take();
    return onSave(folder, take, io);
  },
};

function folderOf(argument: string): string {
  const folder = [resolve(argument), resolve("connectors", argument)].find((path) => existsSync(join(path, "connector.yaml")));
  if (folder === undefined) throw new UsageError(`There is no connector.yaml in ${argument} or connectors/${argument}.`);
  return folder;
}

function report(name: string, problems: readonly Problem[], io: Io): void {
  // As the other commands show it: from where the author is.
  for (const problem of problems) {
    io.out(`${formatProblem({ ...problem, file: relative(process.cwd(), problem.file) }, { colour: io.colour })}\n\n`);
  }
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const counts = `${plural(errors, "error")}, ${plural(problems.length - errors, "warning")}`;
  const outcome = errors > 0 ? "not taken over" : "taken over";
  io.out(`${new Date().toLocaleTimeString()}  ${name}: ${counts}; ${outcome}\n`);
}

/** Editors write a file in several steps. */
const settleMs = 80;

/** Calls `take` after each save, one after the other, for as long as the process lives. */
function onSave(folder: string, take: () => Promise<void>, io: Io): Promise<never> {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const again = () => {
    running = running.then(take).catch((error: unknown) => {
      io.error(`${error instanceof Error ? error.message : String(error)}\n`);
    });
  };
  watch(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(again, settleMs);
  });
  return new Promise(() => {});
}
