import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compile, formatProblem } from "@jackfield/manifest";
import { parseDocument } from "yaml";
import { type ExitCode, type Io, UsageError } from "../command.ts";
import { importCurl } from "./curl.ts";
import { yamlText } from "./manifest-text.ts";
import { withAction } from "./with-action.ts";

/** Makes an action of a curl command, from the arguments or from stdin. */
export async function runCurl(args: readonly string[], io: Io): Promise<ExitCode> {
  const { values, positionals } = parseArgs({
    args: ownArguments(args),
    options: { into: { type: "string" }, name: { type: "string" } },
    allowPositionals: true,
  });
  const command = positionals.length > 0 ? positionals.join(" ") : await standardInput();
  return values.into === undefined ? print(command, values.name, io) : add(command, values.into, values.name, io);
}

/** The command may be given in one argument, or as it is: then its own options follow `curl`. */
function ownArguments(args: readonly string[]): string[] {
  const start = args.indexOf("curl");
  if (start < 0) return [...args];
  const words = args.slice(start).map((word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`));
  return [...args.slice(0, start), "--", words.join(" ")];
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError("Give the curl command in quotes, or on stdin.");
  let text = "";
  for await (const part of process.stdin) text += String(part);
  if (text.trim() === "") throw new UsageError("Give the curl command in quotes, or on stdin.");
  return text;
}

function print(command: string, name: string | undefined, io: Io): ExitCode {
  const { id, action, origin, notes } = importCurl(command, (url) => ({ path: url.pathname }), name);
  io.out(`# base_url: ${origin}\n${yamlText({ actions: { [id]: action } })}`);
  for (const { key, message } of notes) io.error(`${key}: ${message}\n`);
  return 0;
}

/** Adds the action to a manifest, whose text stays as it is. Nothing is written if it would not be valid. */
async function add(command: string, folder: string, name: string | undefined, io: Io): Promise<ExitCode> {
  const file = folder.endsWith(".yaml") ? folder : join(folder, "connector.yaml");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read.`, { cause: error });
  });
  const before = compile(text, { file }).problems.filter(({ severity }) => severity === "error");
  if (before.length > 0) throw new UsageError(`${file} has errors already; \`jackfield validate ${file}\` shows them.`);
  const { base_url: base = "" } = (parseDocument(text).toJS() ?? {}) as { base_url?: string };
  const { id, action, notes } = importCurl(command, (url) => placeOf(url, base), name);
  const { text: changed, id: own } = withAction(text, id, action);
  const problems = compile(changed, { file }).problems.filter(({ severity }) => severity === "error");
  for (const problem of problems) io.error(`${formatProblem(problem, { colour: false })}\n\n`);
  for (const { key, message } of notes) io.error(`${key}: ${message}\n`);
  if (problems.length > 0) {
    io.error(`${file} stays as it was.\n`);
    return 1;
  }
  await writeFile(file, changed);
  io.out(`${file}: actions.${own}\n`);
  return 0;
}

/** Below `base_url`, of which holes may be anything, the path is what follows; elsewhere the whole URL. */
function placeOf(url: URL, base: string): Record<string, unknown> {
  const literal = base.split(/\{\{.*?\}\}/);
  const pattern = literal.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^/]+");
  const own = new RegExp(`^${pattern}(?=/|$)`).exec(`${url.origin}${url.pathname}`);
  if (base !== "" && own) return { path: `${url.origin}${url.pathname}`.slice(own[0].length) || "/" };
  return { url: `${url.origin}${url.pathname}` };
}
