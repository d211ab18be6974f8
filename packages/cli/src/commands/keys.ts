import { parseArgs } from "node:util";
import type { Rotation } from "@jackfield/server";
import { type Command, type ExitCode, UsageError } from "../command.ts";
import { operate } from "../operation.ts";
import { plural } from "../validate/format.ts";

const usage = `jackfield keys rotate [--json]

Seals everything with the active master key. Give it the variables of the servers: MASTER_KEYS, the new key first, and MONGODB_URL or
DATA_DIR. Servers go on working; every one of them must have been started with these MASTER_KEYS before. Where the keys are in the file
DATA_DIR/keys, it makes the new key itself, and no server may run meanwhile. What was begun and did not come to its end goes on when it is run
again. docs/operating.md tells how a key is replaced, step by step.

--json   print {active, made, sealed, removable, needed: [{key, where}], broken: [{workspace, connector, id, field}]}

Exit status 1: it could not begin, or something is not sealed with the active key.`;

/** What is done with master keys. */
export const keys: Command = {
  summary: "Replace the master key: seal everything with the new one.",
  usage,
  async run(args, io): Promise<ExitCode> {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    if (positionals.length !== 1 || positionals[0] !== "rotate") throw new UsageError("`keys` takes `rotate`.");
    // The other commands must not pay for loading the server.
    const { readConfig, rotateKeys } = await import("@jackfield/server");
    return operate(io, async (progress) => {
      const config = readConfig(process.env);
      const rotation = await rotateKeys(config, (done, total) => progress(`${done} of ${total} sealed anew`));
      io.progress?.("");
      io.out(values.json ? `${JSON.stringify(rotation, null, 2)}\n` : told(rotation, config.masterKeys === undefined));
      return rotation.needed.length + rotation.broken.length > 0 ? 1 : 0;
    });
  },
};

const still = {
  store: "A server seals with it still: start every server with the active key first in MASTER_KEYS, then run this again.",
  broken: "It is named by what cannot be opened, if by nothing else.",
  spool:
    "An answer of a provider waits on this machine's disk to be stored, which takes a server minutes at most: then run this again.",
} as const;

function told({ active, made, sealed, removable, needed, broken }: Rotation, inFile: boolean): string {
  const place = inFile ? "the file keys in DATA_DIR" : "MASTER_KEYS";
  const why = (where: "store" | "spool") => still[where === "store" && broken.length > 0 ? "broken" : where];
  const lines = [
    ...(made ? [`Made the key ${active}.`] : []),
    `Sealed ${plural(sealed, "text")} anew. The active key is ${active}.`,
    ...needed.map(({ key, where }) => `The key ${key} is still needed. ${why(where)}`),
    ...broken.map(
      ({ connector, id, field }) => `Cannot be opened, and is left as it is: ${field} of ${[connector, id].join(" ").trim()}.`,
    ),
    ...(removable.length === 0
      ? []
      : [
          `May be removed from ${place}: ${removable.join(", ")}. Backups from before need ${removable.length === 1 ? "it" : "them"}.`,
        ]),
  ];
  return `${lines.join("\n")}\n`;
}
