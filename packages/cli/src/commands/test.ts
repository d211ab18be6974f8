import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatProblem } from "@jackfield/manifest";
import { type Command, type Io, UsageError } from "../command.ts";
import { difference, fits } from "../connector-test/compare.ts";
import type { Findings, Observation, Path } from "../connector-test/replay.ts";
import { compileFile } from "../manifest-file.ts";

const usage = `jackfield test NAME|FOLDER… [--update] [--json]

Runs the cases of a connector's test.yaml with the real engine, offline: what the provider answers was recorded. NAME is a folder below
connectors/; of a FOLDER, every connector below it is tested.

--update   write what was made into test.yaml: requests, labels, outputs; only what you give stays yours
--json     print {connectors: [{name, file, problems, cases: [{name, passed, troubles, differences}]}]}

Exit status 1: something differs, or a connector has no test.yaml.`;

/** Tests connectors offline. */
export const test: Command = {
  summary: "Test connectors offline, against recorded answers.",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { update: { type: "boolean" }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    if (positionals.length === 0) throw new UsageError("`test` needs at least one name or folder.");
    const folders = (await Promise.all(positionals.map(connectorsAt))).flat();
    const tested: Tested[] = [];
    for (const folder of folders) {
      const one = await testConnector(folder, values.update === true);
      if (values.json !== true) print(one, values.update === true, io);
      tested.push(one);
    }
    const cases = tested.flatMap((one) => one.cases);
    const failed = cases.filter(({ passed }) => !passed).length + tested.filter(({ problems }) => problems.length > 0).length;
    if (values.json === true) io.out(`${JSON.stringify({ connectors: tested.map(asJson) }, null, 2)}\n`);
    else io.out(`${plural(tested.length, "connector")}, ${plural(cases.length, "case")}, ${failed} failed\n`);
    return failed > 0 ? 1 : 0;
  },
};

/** The folders of the connectors that an argument means. */
async function connectorsAt(argument: string): Promise<string[]> {
  for (const folder of [argument, join("connectors", argument)]) {
    if (!(await isFolder(folder))) continue;
    const found = await connectorsBelow(folder);
    if (found.length > 0) return found;
  }
  throw new UsageError(`There is no connector ${argument}.`);
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

async function connectorsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some((entry) => entry.isFile() && entry.name === "connector.yaml")) return [folder];
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."));
  const names = folders.map(({ name }) => name).sort();
  return (await Promise.all(names.map((name) => connectorsBelow(join(folder, name))))).flat();
}

interface TestedCase {
  readonly name: string;
  readonly passed: boolean;
  readonly findings: Findings;
}

interface Tested {
  readonly name: string;
  readonly file: string;
  /** What keeps the test from being run, as it is shown. */
  readonly problems: readonly string[];
  readonly cases: readonly TestedCase[];
  readonly place: (path: Path) => string;
  readonly updated: boolean;
}

/** Runs all cases of one connector. */
export async function testConnector(folder: string, update = false): Promise<Tested> {
  const name = basename(resolve(folder));
  const file = join(folder, "test.yaml");
  const nothing = { name, file, cases: [], place: () => file, updated: false };
  const { connector, problems } = await compileFile({ file: join(folder, "connector.yaml"), folder: name });
  const errors = problems.filter(({ severity }) => severity === "error");
  if (connector === undefined) return { ...nothing, problems: errors.map((problem) => formatProblem(problem)) };
  // The other commands must not pay for loading the engine.
  const [{ TestFile }, { passes, runCase }] = await Promise.all([
    import("../connector-test/test-file.ts"),
    import("../connector-test/run-case.ts"),
  ]);
  const read = await TestFile.read(file);
  if (read === undefined) return { ...nothing, problems: [`${file}: ${name} has no test.yaml.`] };
  const place = (path: Path) => {
    const { line, column } = read.place(path);
    return `${file}:${line}:${column}`;
  };
  if (read.test === undefined)
    return { ...nothing, problems: read.problems.map(({ line, column, message }) => `${file}:${line}:${column}  ${message}`) };
  const cases: TestedCase[] = [];
  for (const [index, given] of read.test.cases.entries()) {
    const findings = await runCase(connector, given, ["cases", index]);
    const { troubles } = findings;
    cases.push({
      name: given.name ?? `${index + 1} (${given.auth ?? Object.keys(connector.auth)[0]})`,
      passed: update ? troubles.length === 0 : passes(findings),
      findings,
    });
  }
  const updated = update && (await read.update(cases.flatMap(writable)));
  return { name, file, problems: [], cases, place, updated };
}

/** Where a case does not come to its end, only its requests are sure. */
function writable({ passed, findings }: TestedCase): readonly Observation[] {
  return passed ? findings.observations : findings.observations.filter(isRequest);
}

const isRequest = ({ path }: Observation) => path.at(-1) === "request";

function print({ file, problems, cases, place, updated }: Tested, updating: boolean, io: Io): void {
  for (const problem of problems) io.out(`${problem}\n\n`);
  if (updated) io.out(`${file} is written.\n`);
  for (const { name, findings } of cases.filter(({ passed }) => !passed)) {
    const head = (path: Path) => `${place(path)}  ${name}: ${pathText(path)}`;
    const show = ({ path, expected, actual }: Observation) => {
      const words = expected === undefined ? notWritten[updating ? "updating" : "testing"] : "differs";
      const lines = difference(expected, actual).map((line) => `  ${painted(line, io)}\n`);
      io.out(`${head(path)} ${words}\n${lines.join("")}\n`);
    };
    const shown = differencesOf(findings).filter((observation) => !updating || !isRequest(observation));
    // Why a case ended comes before all that could then not be done.
    for (const observation of shown.filter(isFailure)) show(observation);
    for (const { path, message } of findings.troubles) io.out(`${head(path)}\n  ${message}\n\n`);
    for (const observation of shown.filter((one) => !isFailure(one))) show(observation);
  }
}

const isFailure = ({ actual }: Observation) => typeof actual === "object" && actual !== null && "error" in actual;

const notWritten = { updating: "would be", testing: "is not written down; run with --update" } as const;

const differencesOf = ({ observations }: Findings) =>
  observations.filter(({ expected, actual }) => expected === undefined || !fits(expected, actual));

function painted(line: string, { colour }: Io): string {
  const code = line.startsWith("-") ? 31 : line.startsWith("+") ? 32 : 0;
  return colour && code !== 0 ? `\u001b[${code}m${line}\u001b[39m` : line;
}

/** The part within its case: `exchanges[0].request`. */
const pathText = (path: Path) =>
  path
    .slice(2)
    .map((step) => (typeof step === "number" ? `[${step + 1}]` : `.${step}`))
    .join("")
    .slice(1);

function asJson({ name, file, problems, cases }: Tested) {
  return {
    name,
    file,
    problems,
    cases: cases.map(({ name, passed, findings }) => ({
      name,
      passed,
      troubles: findings.troubles,
      differences: differencesOf(findings),
    })),
  };
}

const plural = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
