import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { Jackfield, JackfieldError } from "@jackfield/client";
import { formatProblem, nearest } from "@jackfield/manifest";
import { connectorTypes, shownConnector, type TypedConnector, typedConnector } from "../client-types/connectors.ts";
import { outputsIn } from "../client-types/samples.ts";
import { type Command, type ExitCode, type Io, UsageError } from "../command.ts";
import { compileFile, manifestsAt } from "../manifest-file.ts";
import { plural } from "../validate/format.ts";

const usage = `jackfield client types [FILE|FOLDER…] [--samples] [--connectors NAME,…] [--out FILE [--check]] [--json]
jackfield client types --url URL [--used] [--connectors NAME,…] [--out FILE [--check]] [--json]

Writes TypeScript types of connectors' actions, with which @jackfield/client has the compiler check each step: its action's name and its
input. They are made from manifests (of a folder, every connector.yaml below it; default: the folder CONNECTORS_DIR) or from what a running
server shows.

--samples      what an action gives has the type of the answers in the connector's test.yaml; without it, it is unknown
--url          ask this server, with the API key in JACKFIELD_API_KEY
--used         only connectors that the key sees a connection of
--connectors   only these
--out          the file to write; without it, the types are printed
--check        write nothing; exit status 1 where FILE is not what would be written
--json         print {file, changed, connectors: [{name, actions: [id]}], types}; types is null with --out

Exit status 1: a manifest has errors, the server does not give what is needed, or --check found a difference.`;

/** What is done for programs that use @jackfield/client. */
export const client: Command = {
  summary: "Write TypeScript types for calls of connectors' actions.",
  usage,
  async run(args, io): Promise<ExitCode> {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        url: { type: "string" },
        used: { type: "boolean" },
        samples: { type: "boolean" },
        connectors: { type: "string" },
        out: { type: "string" },
        check: { type: "boolean" },
        json: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const [what, ...paths] = positionals;
    if (what !== "types") throw new UsageError("`client` takes `types`.");
    if (values.check && values.out === undefined) throw new UsageError("`--check` needs `--out`: the file to compare with.");
    const known =
      values.url === undefined ? await fromManifests(paths, values, io) : await fromServer(values.url, paths, values, io);
    if (known === undefined) return 1;
    return deliver(chosen(known, values.connectors?.split(",")), values, io);
  },
};

interface Options {
  readonly used?: boolean | undefined;
  readonly samples?: boolean | undefined;
  readonly connectors?: string | undefined;
  readonly out?: string | undefined;
  readonly check?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** The connectors of manifests; undefined, and the problems printed, where one has errors. Throws `UsageError`. */
async function fromManifests(
  paths: readonly string[],
  { used, samples }: Pick<Options, "used" | "samples">,
  io: Io,
): Promise<readonly TypedConnector[] | undefined> {
  if (used) throw new UsageError("`--used` needs `--url`: a server knows what is used.");
  const folder = process.env.CONNECTORS_DIR;
  const given = paths.length === 0 && folder ? [folder] : paths;
  if (given.length === 0) throw new UsageError("Give manifests or folders, or `--url`, or set CONNECTORS_DIR.");
  const files = (await Promise.all(given.map(manifestsAt))).flat();
  const byName = new Map<string, TypedConnector>();
  let errors = 0;
  for (const file of files) {
    const { connector, problems } = await compileFile(file);
    for (const problem of problems.filter(({ severity }) => severity === "error")) {
      errors += 1;
      io.error(`${formatProblem(problem, { colour: false })}\n\n`);
    }
    const outputs = samples ? await outputsIn(dirname(file.file)) : undefined;
    if (connector !== undefined) byName.set(connector.name, typedConnector(connector, outputs));
  }
  if (errors === 0) return [...byName.values()];
  io.error(`${plural(errors, "error")}: no types are written.\n`);
  return undefined;
}

/** What a server shows; undefined, and the reason printed, where it does not. Throws `UsageError`. */
async function fromServer(
  url: string,
  paths: readonly string[],
  { used, samples, connectors }: Pick<Options, "used" | "samples" | "connectors">,
  io: Io,
): Promise<readonly TypedConnector[] | undefined> {
  if (paths.length > 0) throw new UsageError("Give either manifests or `--url`.");
  if (samples) throw new UsageError("`--samples` needs manifests: a server does not have the tests beside them.");
  const jackfield = clientOf(url, process.env.JACKFIELD_API_KEY);
  try {
    const wanted = connectors?.split(",");
    const names = new Set<string>();
    if (used) for await (const { connector } of jackfield.connections.list({ limit: 200 })) names.add(connector);
    else for await (const { name } of jackfield.connectors.list()) names.add(name);
    const found: TypedConnector[] = [];
    for (const name of names)
      if (wanted === undefined || wanted.includes(name)) found.push(shownConnector(await jackfield.connectors.get(name)));
    return found;
  } catch (error) {
    if (!(error instanceof JackfieldError)) throw error;
    io.error(`${error.detail} ${error.hint}\n`);
    return undefined;
  }
}

function clientOf(url: string, key: string | undefined): Jackfield {
  if (key === undefined || key === "") throw new UsageError("Set JACKFIELD_API_KEY to an API key of the server.");
  try {
    return new Jackfield({ url, api_key: key });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/** Those that were asked for. Throws `UsageError` for a name that there is not. */
function chosen(known: readonly TypedConnector[], names: readonly string[] | undefined): readonly TypedConnector[] {
  if (names === undefined) return known;
  return names.map((name) => {
    const found = known.find((connector) => connector.name === name);
    if (found !== undefined) return found;
    const near = nearest(
      name,
      known.map((connector) => connector.name),
    );
    throw new UsageError(`There is no connector \`${name}\`.${near ? ` Did you mean \`${near}\`?` : ""}`);
  });
}

async function deliver(connectors: readonly TypedConnector[], { out, check, json }: Options, io: Io): Promise<ExitCode> {
  const types = connectorTypes(connectors);
  const changed = out === undefined || (await textOf(out)) !== types;
  if (out !== undefined && changed && !check) {
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, types);
  }
  if (json) {
    const list = connectors.map(({ name, actions }) => ({ name, actions: actions.map(({ id }) => id) }));
    const result = { file: out ?? null, changed, connectors: list, types: out === undefined ? types : null };
    io.out(`${JSON.stringify(result, null, 2)}\n`);
  } else if (out === undefined) io.out(types);
  else if (check && changed) io.error(`${out} is not up to date: run \`jackfield client types\` again without --check.\n`);
  else io.out(`${out}: ${plural(connectors.length, "connector")}${changed ? "" : ", unchanged"}\n`);
  return check && changed ? 1 : 0;
}

/** What a file says; undefined: it is not there yet. Throws `UsageError` for a folder. */
async function textOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw new UsageError(`${file} is a folder: name a file, such as ${file}/connectors.ts.`);
  return found === undefined ? undefined : await readFile(file, "utf8");
}
