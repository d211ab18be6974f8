import { parseArgs } from "node:util";
import type { Moved } from "@jackfield/server";
import { type Command, type ExitCode, UsageError } from "../command.ts";
import { operate } from "../operation.ts";

const usage = `jackfield store copy --to mongodb|embedded [--json]

Copies everything that is stored: from DATA_DIR to MONGODB_URL, or back. No server may run with either meanwhile. The target must be empty,
or hold what an earlier run that did not come to its end has brought there: then it goes on. At the end every table is compared by
count and checksum. The source is left as it is. docs/operating.md tells how a deployment moves, step by step.

--to     mongodb, or embedded
--json   print {written, contents: {TABLE: {count, checksum}}, differences: [{table, source, target}]}

Exit status 1: it could not begin, or the two sides differ.`;

/** What is done with a store as a whole. */
export const store: Command = {
  summary: "Copy everything from the data folder to MongoDB, or back.",
  usage,
  async run(args, io): Promise<ExitCode> {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { to: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    if (positionals.length !== 1 || positionals[0] !== "copy") throw new UsageError("`store` takes `copy`.");
    const { to } = values;
    if (to !== "mongodb" && to !== "embedded") throw new UsageError("`--to` takes mongodb or embedded.");
    // The other commands must not pay for loading the server.
    const { moveStore, readStores } = await import("@jackfield/server");
    return operate(io, async (progress) => {
      const moved = await moveStore(readStores(process.env), to, (step, table, done, total) =>
        progress(`${step} ${table}: ${done} of ${total}`),
      );
      io.progress?.("");
      const { written, contents, differences } = moved;
      io.out(values.json ? `${JSON.stringify({ written, contents, differences }, null, 2)}\n` : told(moved, to));
      return differences.length > 0 ? 1 : 0;
    });
  },
};

function told({ contents, written, differences, keyFile }: Moved, to: "mongodb" | "embedded"): string {
  const rows = Object.entries(contents).filter(([, { count }]) => count > 0);
  const table = rows.map(
    ([name, { count, checksum }]) => `  ${name.padEnd(16)}${String(count).padStart(10)}  ${checksum.slice(0, 16)}`,
  );
  if (differences.length > 0) {
    const lines = differences.map(
      ({ table: name, source, target }) =>
        `  ${name.padEnd(16)}${source.count} records (${source.checksum.slice(0, 16)}) became ${target.count} (${target.checksum.slice(0, 16)})`,
    );
    return ["The copy is not the same:", ...lines, "Empty the target, and begin again.", ""].join("\n");
  }
  const done = written === 0 ? "Everything was copied before" : "Everything is copied";
  return [`${done}; count and checksum of each table are the same:`, ...table, "", ...next(to, keyFile), ""].join("\n");
}

/** What opens the copied secrets, and never the key itself. */
function next(to: "mongodb" | "embedded", keyFile: string | undefined): readonly string[] {
  if (to === "embedded")
    return ["Start one server with this DATA_DIR, without MONGODB_URL and REDIS_URL, and with the MASTER_KEYS of before."];
  if (keyFile === undefined) return ["Start the servers with this MONGODB_URL and with the MASTER_KEYS of before."];
  return [
    `Start the servers with this MONGODB_URL and with the keys of ${keyFile} (each line is id:base64, the first is the active key), unless`,
    "MASTER_KEYS was set before:",
    "",
    `  export MASTER_KEYS="$(grep -v '^#' ${JSON.stringify(keyFile)} | paste -sd, -)"`,
  ];
}
