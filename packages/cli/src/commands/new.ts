import { stat } from "node:fs/promises";
import { createInterface, type Interface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { type Command, type ExitCode, UsageError } from "../command.ts";
import { connectorName } from "../import/identifier.ts";
import { type AuthKind, authKinds, writeScaffold } from "../scaffold/scaffold.ts";

const usage = `jackfield new [NAME] [--title TEXT] [--base-url URL] [--auth KIND] [--out FOLDER] [--yes]

Writes a folder with a connector.yaml, a test.yaml and an icon to begin with, and beside it the schemas that editors check them with. What
is not given is asked; an existing folder is never overwritten.

NAME         the folder's name: lower case, digits and single hyphens; default: made of the title
--title      what people see
--base-url   where the API lives
--auth       ${Object.keys(authKinds).join(", ")}
--out        where the folder is made; default: connectors, if there is such a folder, or here
--yes        ask nothing: what is not given has a default`;

interface Answers {
  readonly title: string;
  readonly baseUrl: string;
  readonly auth: AuthKind;
}

/** Begins a connector. */
export const newCommand: Command = {
  summary: "Begin a connector.",
  usage,
  async run(args, io): Promise<ExitCode> {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        title: { type: "string" },
        "base-url": { type: "string" },
        auth: { type: "string" },
        out: { type: "string" },
        yes: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const [given, ...more] = positionals;
    if (more.length > 0) throw new UsageError("`new` takes one name.");
    if (given !== undefined && connectorName(given) !== given) {
      throw new UsageError(`\`${given}\` cannot be a connector's name; \`${connectorName(given)}\` can.`);
    }
    const known = { title: values.title, baseUrl: values["base-url"], auth: values.auth };
    const answers = await (values.yes === true ? byDefault(known, given) : asked(known, given));
    const name = given ?? connectorName(answers.title);
    const out = values.out ?? ((await isFolder("connectors")) ? "connectors" : ".");
    const files = await writeScaffold(out, { name, ...answers });
    if (files === undefined) throw new UsageError(`${out}/${name} is there already.`);
    for (const file of files) io.out(`${file}\n`);
    io.out(
      `\nNext: read the comments in ${files[0]}, then \`jackfield validate ${out}/${name}\` and \`jackfield test ${out}/${name}\`.\n`,
    );
    return 0;
  },
};

type Known = { readonly [A in keyof Answers]: string | undefined };

/** The three questions: how an answer is checked, and what counts without one. */
const questions: {
  readonly [A in keyof Answers]: {
    readonly flag: string;
    readonly text: string;
    check(answer: string): string | undefined;
    preset(known: Known, name: string | undefined): string | undefined;
  };
} = {
  title: {
    flag: "--title",
    text: "What is the service called?",
    check: (answer) => (answer.length <= 100 ? undefined : "A title has at most 100 characters."),
    preset: (_known, name) =>
      name?.replace(/(^|-)([a-z])/g, (_, gap: string, letter: string) => `${gap && " "}${letter.toUpperCase()}`),
  },
  baseUrl: {
    flag: "--base-url",
    text: "Where does its API live?",
    check: (answer) =>
      /^https:\/\/[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(\/[A-Za-z0-9._~/-]*)?$/.test(answer)
        ? undefined
        : "Give a URL that begins with https://, such as https://api.acme.example/v1, without a query.",
    preset: ({ title }, name) => `https://api.${name ?? connectorName(title ?? "acme")}.example`,
  },
  auth: {
    flag: "--auth",
    text: `How do people connect (${Object.keys(authKinds).join(", ")})?`,
    check: (answer) => (Object.hasOwn(authKinds, answer) ? undefined : `Choose one of ${Object.keys(authKinds).join(", ")}.`),
    preset: () => "oauth2",
  },
};

const order = Object.keys(questions) as (keyof Answers)[];

/** Throws `UsageError` for an answer that cannot be. */
function checked(known: Known): Answers {
  for (const key of order) {
    const wrong = questions[key].check(known[key] ?? "");
    if (wrong !== undefined) throw new UsageError(`${questions[key].flag}: ${wrong}`);
  }
  return known as Answers;
}

async function byDefault(known: Known, name: string | undefined): Promise<Answers> {
  let all = known;
  for (const key of order) all = { ...all, [key]: all[key] ?? questions[key].preset(all, name) };
  if (all.title === undefined) throw new UsageError("Give a name or `--title`.");
  return checked(all);
}

async function asked(known: Known, name: string | undefined): Promise<Answers> {
  const missing = order.filter((key) => known[key] === undefined);
  if (missing.length === 0) return checked(known);
  if (!process.stdin.isTTY) {
    throw new UsageError(
      `Without a terminal to ask on, give ${missing.map((key) => questions[key].flag).join(", ")}, or \`--yes\`.`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    let all = known;
    for (const key of missing) all = { ...all, [key]: await ask(terminal, questions[key], questions[key].preset(all, name)) };
    return checked(all);
  } finally {
    terminal.close();
  }
}

/** Asks until the answer can be used. */
async function ask(
  terminal: Interface,
  { text, check }: (typeof questions)[keyof Answers],
  preset: string | undefined,
): Promise<string> {
  const offer = preset === undefined ? "" : ` [${preset}]`;
  for (;;) {
    const typed = (await terminal.question(`${text}${offer} `)).trim() || (preset ?? "");
    const wrong = typed === "" ? "An answer is needed." : check(typed);
    if (wrong === undefined) return typed;
    process.stderr.write(`${wrong}\n`);
  }
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
