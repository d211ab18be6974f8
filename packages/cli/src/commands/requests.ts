import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Preview, PreviewOptions } from "@jackfield/engine";
import { type Answered, type Connector, formatProblem } from "@jackfield/manifest";
import { type Command, type Io, UsageError } from "../command.ts";
import { compileFile, manifestAt } from "../manifest-file.ts";

const usage = `jackfield requests FILE|FOLDER [options]

Shows every request that a manifest makes, as it would be sent; nothing is sent. What is not given stands as a placeholder such as
<client_secret> or <fields.site>, and as fields-site.invalid where only a host fits. Headers that every request has are left out.

--auth ID                  one way to connect; default: all, and options, actions and triggers with the first
--environment NAME         default: the manifest's first
--field NAME=VALUE         what the user enters, also as accountId for account_id; an empty value leaves it out, @FILE reads it from a file that is there
--client-id TEXT           the app
--client-secret TEXT
--app NAME=VALUE           what else the admin enters with the app; also @FILE
--redirect-uri URL
--scope NAME               may be repeated; default: the required scopes
--state TEXT
--code TEXT
--code-verifier TEXT
--callback NAME=VALUE      what was captured of the callback
--access-token TEXT
--refresh-token TEXT
--token NAME=VALUE         what was captured of the token's answer; raw.PATH for parts of the whole answer
--connection NAME=VALUE    what was captured after connecting
--input [ID.]NAME=VALUE    what an action, option or trigger is given; without ID all of them
--now TIME                 ISO 8601; default: now
--json                     print [{kind, name, method, url, headers, body}]
--curl                     print curl commands`;

const pairs = { type: "string", multiple: true } as const;
const single = { type: "string" } as const;
const options = {
  auth: single,
  environment: single,
  field: pairs,
  "client-id": single,
  "client-secret": single,
  app: pairs,
  "redirect-uri": single,
  scope: pairs,
  state: single,
  code: single,
  "code-verifier": single,
  callback: pairs,
  "access-token": single,
  "refresh-token": single,
  token: pairs,
  connection: pairs,
  input: pairs,
  now: single,
  json: { type: "boolean" },
  curl: { type: "boolean" },
} as const;

/** Prints the requests that a manifest makes. */
export const requests: Command = {
  summary: "Show every request that a manifest makes, without sending any.",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) throw new UsageError("`requests` needs one file or folder.");
    if (values.json && values.curl) throw new UsageError("Give `--json` or `--curl`, not both.");
    const { connector, problems } = await compileFile(await manifestAt(path));
    if (connector === undefined) {
      for (const problem of problems) io.error(`${formatProblem(problem, { colour: false })}\n\n`);
      return 1;
    }
    refuseUnknown("auth", values.auth, connector.auth);
    refuseUnknown("environment", values.environment, connector.environments);
    const { known, unknown } = sortedFields(connector, pairsOf("field", values.field));
    const explicit = given(values);
    const captured = capturesIn(connector, unknown);
    // The other commands must not pay for loading the engine.
    const { previewRequests } = await import("@jackfield/engine");
    const preview = await previewRequests(connector, {
      ...explicit,
      fields: withFiles(known),
      callback: { ...captured, ...explicit.callback },
      token: { ...captured, ...explicit.token },
      connection: { ...captured, ...explicit.connection },
    });
    (values.json ? printJson : values.curl ? printCurl : printText)(preview, io);
    for (const name of Object.keys(unknown)) {
      if (!Object.keys(captured).some((one) => bare(one) === bare(name))) io.error(`There is no field ${name}.\n`);
    }
    for (const { kind, name, message } of preview.problems) io.error(`${kind} ${name} cannot be shown: ${message}\n`);
    return preview.problems.length > 0 ? 1 : 0;
  },
};

function refuseUnknown(what: string, name: string | undefined, known: Readonly<Record<string, unknown>>): void {
  if (name === undefined || Object.hasOwn(known, name)) return;
  throw new UsageError(`There is no ${what} ${name}; there is ${Object.keys(known).join(", ")}.`);
}

const bare = (name: string) => name.replace(/[_-]/g, "").toLowerCase();

/** Values by the names of fields, which may be spelled in another way (`accountId`), and the names that are no field's. */
function sortedFields({ auth }: Connector, given: Readonly<Record<string, string>>) {
  const declared = Object.values(auth).flatMap(({ fields }) => fields.map(({ name }) => name));
  const known: Record<string, string> = {};
  const unknown: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const field = declared.includes(name) ? name : declared.find((one) => bare(one) === bare(name));
    if (field === undefined) unknown[name] = value;
    else known[field] = value;
  }
  return { known, unknown };
}

/** Of values that are no field's, those that are captured while connecting, by the names of the captures. */
function capturesIn({ auth }: Connector, given: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.values(auth).flatMap((one) => [
    ...("callback" in one ? Object.keys(one.callback.capture) : []),
    ...("token" in one && one.token !== undefined && "capture" in one.token ? tokenCaptures(one.token) : []),
    ...one.after_connect.flatMap(({ capture }) => Object.keys(capture)),
  ]);
  const found = names.map((name) => [name, Object.entries(given).find(([other]) => bare(other) === bare(name))?.[1]] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const tokenCaptures = ({ capture, then }: Answered) => [capture, ...then.map((one) => one.capture)].flatMap(Object.keys);

type Values = { readonly [Name in keyof typeof options]?: string | string[] | boolean | undefined };

function given(values: Values): PreviewOptions {
  const text = (name: keyof typeof options) => values[name] as string | undefined;
  const map = (name: keyof typeof options) => pairsOf(name, values[name] as string[] | undefined);
  const now = text("now") === undefined ? undefined : Date.parse(text("now") ?? "");
  if (Number.isNaN(now)) throw new UsageError("`--now` must be a time such as 2026-01-31T12:00:00Z.");
  return {
    auth: text("auth"),
    environment: text("environment"),
    client_id: text("client-id"),
    client_secret: text("client-secret"),
    app: withFiles(map("app")),
    redirect_uri: text("redirect-uri"),
    scopes: values.scope as string[] | undefined,
    state: text("state"),
    code: text("code"),
    code_verifier: text("code-verifier"),
    callback: map("callback"),
    access_token: text("access-token"),
    refresh_token: text("refresh-token"),
    token: map("token"),
    connection: map("connection"),
    input: inputs(map("input")),
    ...(now === undefined ? {} : { clock: () => now }),
  };
}

function pairsOf(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new UsageError(`\`--${option} ${text}\` must be NAME=VALUE.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** A key does not fit on a command line. */
function withFiles(given: Readonly<Record<string, string>>): Record<string, string> {
  const read = (value: string) =>
    value.startsWith("@") && existsSync(value.slice(1)) ? readFileSync(value.slice(1), "utf8") : value;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(value)]));
}

/** `name` counts for all, `action.name` for one. */
function inputs(given: Readonly<Record<string, string>>): Record<string, Record<string, string>> {
  const all: Record<string, Record<string, string>> = {};
  for (const [path, value] of Object.entries(given)) {
    const dot = path.indexOf(".");
    const id = dot < 0 ? "" : path.slice(0, dot);
    all[id] = { ...all[id], [path.slice(dot + 1)]: value };
  }
  return all;
}

function printJson({ requests }: Preview, io: Io): void {
  // The order of the keys is part of what programs and people compare.
  const listed = requests.map(({ kind, name, method, url, headers, body }) => ({ kind, name, method, url, headers, body }));
  io.out(`${JSON.stringify(listed, null, 2)}\n`);
}

function printText({ requests }: Preview, io: Io): void {
  const bold = (text: string) => (io.colour ? `\u001b[1m${text}\u001b[22m` : text);
  const shown = requests.map(({ kind, name, method, url, headers, body }) => {
    const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`);
    return [bold(`# ${kind} ${name}`), `${method} ${url}`, ...lines, ...(body === null ? [] : ["", body])].join("\n");
  });
  io.out(`${shown.join("\n\n")}\n`);
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

function printCurl({ requests }: Preview, io: Io): void {
  const shown = requests.map(({ kind, name, method, url, headers, body }) => {
    const lines = Object.entries(headers).map(([header, value]) => `-H ${quoted(`${header}: ${value}`)}`);
    const data = body === null ? [] : [`--data-raw ${quoted(body)}`];
    const command = [`curl -X ${method} ${quoted(url)}`, ...lines, ...data].join(" \\\n  ");
    return kind === "authorization" ? `# ${kind} ${name}: open in a browser\n# ${url}` : `# ${kind} ${name}\n${command}`;
  });
  io.out(`${shown.join("\n\n")}\n`);
}
