import type { Command, ExitCode, Io } from "../command.ts";
import { UsageError } from "../command.ts";
import { runNango } from "../import/nango-command.ts";

type RunSource = (args: readonly string[], io: Io) => Promise<ExitCode>;

/** What can be imported, by name. */
const sources: Readonly<Record<string, RunSource>> = { nango: runNango };

const usage = `jackfield import nango FILE [NAME…] [--out FOLDER] [--json]

Makes manifests from the definitions of another system. What cannot be carried over is reported, never dropped silently.

nango     FILE holds providers as Nango's providers.yaml does, as YAML or JSON; NAMEs choose some of them

--out     write FOLDER/NAME/connector.yaml for each; what is there already stays as it is. Without it, manifests are printed
--json    print {providers: [{provider, name, imported, file, manifest, reason, notes: [{key, message}]}]}

Exit status 1: something could not be imported.`;

/** Makes manifests from definitions of other systems. */
export const importCommand: Command = {
  summary: "Make manifests from other systems' definitions.",
  usage,
  async run(args, io) {
    const [name, ...rest] = args;
    const source = name !== undefined && Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (!source) throw new UsageError(`\`import\` takes one of ${Object.keys(sources).join(", ")}.`);
    return source(rest, io);
  },
};
