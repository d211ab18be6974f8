import type { Command, ExitCode, Io } from "../command.ts";
import { UsageError } from "../command.ts";
import { runCurl } from "../import/curl-command.ts";
import { runNango } from "../import/nango-command.ts";
import { runOpenApi } from "../import/openapi-command.ts";

type RunSource = (args: readonly string[], io: Io) => Promise<ExitCode>;

/** What can be imported, by name. */
const sources: Readonly<Record<string, RunSource>> = { openapi: runOpenApi, nango: runNango, curl: runCurl };

const usage = `jackfield import openapi FILE [--operations ID,… | --all] [--name NAME] [--base-url URL] [--out FOLDER] [--json]
jackfield import nango FILE [NAME…] [--out FOLDER] [--json]
jackfield import curl [--into FOLDER] [--name ID] ['curl …']

Makes manifests from other descriptions. What cannot be carried over is reported, never dropped silently.

openapi       a document of OpenAPI 3.0 or 3.1, as JSON or YAML
curl          one action of a curl command, which is given as an argument or on stdin; what looks like a secret is removed
nango         providers in the format of Nango's providers.yaml, as YAML or JSON; NAMEs choose some of them

--operations  the operations that become actions, by operationId; without it, those that there are are listed
--all         every operation becomes an action
--name        the connector's name, or the action's; default: made of the document's title or of the URL
--base-url    where the API lives, if the document does not tell
--out         write FOLDER/NAME/connector.yaml; what is there already stays as it is. Without it, manifests are printed
--into        add the action to FOLDER/connector.yaml; without it, it is printed
--json        nango:   {providers: [{provider, name, imported, file, manifest, reason, notes: [{key, message}]}]}
              openapi: {name, file, manifest, reason, operations: [{id, action}], notes: [{key, message}]}

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
