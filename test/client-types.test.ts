import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jackfield } from "../packages/cli/test/command-line.ts";
import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import type { Ran } from "./harness/command.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { until } from "./harness/wait.ts";

/*
 * `jackfield client types`, and what the compiler makes of them. The programs are compiled by the real compiler against the built client,
 * in a folder of their own, and those of the documents are run.
 */

jest.setTimeout(180_000);
afterAll(cleanup);

const root = process.cwd();

/** Runs the command with just these of its variables. */
async function types(env: Readonly<Record<string, string>>, ...args: string[]) {
  for (const name of ["CONNECTORS_DIR", "JACKFIELD_API_KEY"]) delete process.env[name];
  Object.assign(process.env, env);
  return jackfield("client", "types", ...args);
}

/** A folder as a program has it that uses the client. */
function project(files: Readonly<Record<string, string>>, options: Readonly<Record<string, unknown>> = {}): string {
  const folder = temporary();
  mkdirSync(join(folder, "node_modules/@jackfield"), { recursive: true });
  symlinkSync(join(root, "packages/client"), join(folder, "node_modules/@jackfield/client"));
  symlinkSync(join(root, "node_modules/@types"), join(folder, "node_modules/@types"));
  symlinkSync(join(root, "node_modules/undici-types"), join(folder, "node_modules/undici-types"));
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    strict: true,
    noEmitOnError: true,
    types: ["node"],
    ...options,
  };
  const all = { "package.json": '{"type":"module"}', "tsconfig.json": JSON.stringify({ compilerOptions }), ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Runs the compiler; gives what it says, which is nothing where all is well. */
async function compile(folder: string): Promise<string> {
  const { code, out, error } = await ended(
    spawn(process.execPath, [join(root, "node_modules/typescript/bin/tsc")], { cwd: folder }),
  );
  return code === 0 ? "" : `${out}${error}` || `exit status ${code}`;
}

function ended(child: ReturnType<typeof spawn>): Promise<Ran> {
  const said = { out: "", error: "" };
  child.stdout?.on("data", (chunk) => (said.out += chunk));
  child.stderr?.on("data", (chunk) => (said.error += chunk));
  afterwards(() => child.kill("SIGKILL"));
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...said })));
}

const manifest = `manifest: 1
name: every-kind
title: Every */ kind
base_url: https://api.example.com
auth:
  none: { type: none }
actions:
  try_all:
    title: "Try */ all"
    input:
      name: { required: true }
      size: { type: number, required: true, min: 1 }
      preset: { required: true, default: anything }
      sometimes: { required: true, visible_if: "input.flag" }
      flag: { type: boolean }
      colour: { type: select, options: [{ label: Red, value: red }, { label: Seven, value: 7 }] }
      place: { type: select, options: places }
      tags: { list: true }
      day: { type: date }
      body: { type: object }
      upload: { type: file }
      site: { type: url }
    request: { method: POST, path: /x, body: { name: "{{ input.name }}" } }
  ping: { title: Ping, request: { path: /ping } }
options:
  places: { request: { path: /places }, items: body.places }
`;

/** Each line behind a @ts-expect-error must be refused, and every other line must not be. */
const program = `
import { Jackfield, JackfieldError, type Connection, type ErrorCode } from "@jackfield/client";
import type { Connectors } from "./connectors.js";

const jackfield = new Jackfield<Connectors>({ url: "https://connect.example.com", api_key: "key" });
const kinds = jackfield.connection("every-kind", "con_1");
const full = {
  name: "n", size: 1, preset: "p", sometimes: "s", flag: true, colour: 7, place: "here", tags: ["a"] as const, day: "2026-01-31",
  body: { any: [1] }, upload: { data: "aGk=" }, site: "https://example.com",
} as const;

export async function good(): Promise<void> {
  await kinds.run("try_all", full);
  await kinds.run("try_all", { name: "n", size: 1 }, { workflow: "w", signal: AbortSignal.timeout(1), timeout: 1 });
  await kinds.run("try_all", { name: "n", size: 1, flag: undefined, upload: { file: "fil_1", name: "a.txt" } });
  await kinds.run("ping");
  await kinds.run("ping", {}, { idempotencyKey: "k" });
  await jackfield.actions.run("con_1", "list_files", { limit: 5 });
  await jackfield.actions.run("con_1", "list_files");
  await jackfield.connection("con_1").run("try_all", { name: "n", size: 1 });
  const { output, step } = await jackfield.connection("sandbox", "con_2").run("read_file", { file_id: "f" });
  const unknown: unknown = output;
  const attempts: number = step.attempts;
  for await (const { label } of jackfield.connections.list({ status: "needs_reauth" })) label?.at(0);
  for await (const item of kinds.stream("ping")) void item;
  const connection: Connection = await jackfield.call("getConnection", { params: { id: "con_1" } });
  const answer: Response = await kinds.fetch("/x", { method: "POST", body: "b" });
  const code = (error: JackfieldError): boolean => error.code === "needs_reauth" || error.code === "unreachable";
  const known: ErrorCode = "input_invalid";
  void [unknown, attempts, connection, answer, code, known];
  const loose = new Jackfield({ url: new URL("https://connect.example.com"), apiKey: "key" });
  await loose.connection("anything", "con_1").run("any_action", { any: "input" });
  await loose.actions.run("con_1", "any_action");
}

export async function wrong(): Promise<void> {
  // @ts-expect-error no such connector
  jackfield.connection("every-kinds", "con_1");
  // @ts-expect-error no such action
  await kinds.run("try_none");
  // @ts-expect-error an action of another connector
  await kinds.run("list_files");
  // @ts-expect-error an action of none of them
  await jackfield.actions.run("con_1", "list_flies");
  // @ts-expect-error without its input
  await kinds.run("try_all");
  // @ts-expect-error without one that must be given
  await kinds.run("try_all", { name: "n" });
  // @ts-expect-error a text for a number
  await kinds.run("try_all", { name: "n", size: "1" });
  // @ts-expect-error no such input
  await kinds.run("try_all", { name: "n", size: 1, nmae: "n" });
  // @ts-expect-error no such choice
  await kinds.run("try_all", { name: "n", size: 1, colour: "blue" });
  // @ts-expect-error one for a list
  await kinds.run("try_all", { name: "n", size: 1, tags: "a" });
  // @ts-expect-error a file without its data
  await kinds.run("try_all", { name: "n", size: 1, upload: { name: "n" } });
  // @ts-expect-error an action that takes nothing
  await kinds.run("ping", { name: "n" });
  // @ts-expect-error a number for a text, of any connector
  await jackfield.actions.run("con_1", "read_file", { file_id: 1 });
  // @ts-expect-error what a provider answers is not known
  (await kinds.run("ping")).output.length;
  // @ts-expect-error no such status
  jackfield.connections.list({ status: "fine" });
  // @ts-expect-error no such operation
  await jackfield.call("getConnections", {});
  // @ts-expect-error without its parameter
  await jackfield.call("getConnection", {});
  // @ts-expect-error without a key
  new Jackfield({ url: "https://connect.example.com" });
  // @ts-expect-error no such code
  const code: ErrorCode = "no_such_code";
  void code;
}
`;

describe("from manifests", () => {
  const connectors = temporary();
  beforeAll(() => {
    mkdirSync(join(connectors, "every-kind"));
    writeFileSync(join(connectors, "every-kind/connector.yaml"), manifest);
  });
  const made = (...args: string[]) => types({ CONNECTORS_DIR: connectors }, ...args);

  test("the compiler takes every good call and refuses every wrong one", async () => {
    const written = await made("connectors/sandbox", connectors);
    expect([written.code, written.error]).toEqual([0, ""]);
    const folder = project({ "connectors.ts": written.out, "program.ts": program });
    expect(await compile(folder)).toBe("");
    // Nor does a page or a worker, which knows nothing of Node.
    const page = project({ "connectors.ts": written.out, "program.ts": program }, { lib: ["es2023", "dom"], types: [] });
    expect(await compile(page)).toBe("");
  });

  test("with --samples an output has the type of what the connector's test shows", async () => {
    const written = await made("--samples", "connectors/sandbox", connectors);
    const reading = `
import { Jackfield } from "@jackfield/client";
import type { Connectors } from "./connectors.js";
const jackfield = new Jackfield<Connectors>({ url: "https://connect.example.com", api_key: "key" });
const sandbox = jackfield.connection("sandbox", "con_1");
for (const { name, size } of (await sandbox.run("list_files")).output) console.log(name.length, size.toFixed());
for await (const { name } of sandbox.stream("list_files")) console.log(name.length);
// @ts-expect-error it has no such key
console.log((await sandbox.run("read_file", { file_id: "f" })).output.mane);
// @ts-expect-error without a test nothing is known
console.log((await jackfield.connection("every-kind", "con_1").run("ping")).output.name);
`;
    expect(await compile(project({ "connectors.ts": written.out, "program.ts": reading }))).toBe("");
  });

  test("a file is written, found to be as it should, and found to be out of date", async () => {
    const file = join(temporary(), "made/connectors.ts");
    expect(await made("--out", file)).toMatchObject({ code: 0, out: `${file}: 1 connector\n` });
    expect(readFileSync(file, "utf8")).toBe((await made()).out);
    expect(await made("--out", file)).toMatchObject({ code: 0, out: `${file}: 1 connector, unchanged\n` });
    expect(await made("--out", file, "--check")).toMatchObject({ code: 0 });
    writeFileSync(file, "old");
    expect(await made("--out", file, "--check")).toMatchObject({ code: 1, error: expect.stringContaining("not up to date") });
    expect(readFileSync(file, "utf8")).toBe("old");
    const { code, out } = await made("--out", file, "--json");
    expect([code, JSON.parse(out)]).toEqual([
      0,
      { file, changed: true, connectors: [{ name: "every-kind", actions: ["try_all", "ping"] }], types: null },
    ]);
  });

  test("a manifest with errors writes nothing, and wrong usage says how it is right", async () => {
    const broken = temporary();
    mkdirSync(join(broken, "bad"));
    writeFileSync(join(broken, "bad/connector.yaml"), "manifest: 1\nname: bad\n");
    const file = join(broken, "out.ts");
    const failed = await made(broken, "--out", file);
    expect([failed.code, existsSync(file)]).toEqual([1, false]);
    expect(failed.error).toContain("missing_key");
    for (const [args, words] of [
      [["--check"], "needs `--out`"],
      [["--used"], "needs `--url`"],
      [["--samples", "--url", "http://localhost:1"], "`--samples` needs manifests"],
      [["--connectors", "every-kinf"], "Did you mean `every-kind`?"],
      [["--out", broken], "is a folder"],
      [[join(broken, "none")], "There is no file or folder"],
      [["--url", "http://localhost:1", connectors], "Give either manifests or `--url`"],
      [["--url", "http://localhost:1"], "JACKFIELD_API_KEY"],
    ] as const) {
      const ran = await made(...args);
      expect([ran.code, ran.error]).toEqual([2, expect.stringContaining(words)]);
    }
  });
});

test("a bundler takes of the client what is used, and it brings nothing else along", async () => {
  const folder = project({
    "nothing.js": 'import "@jackfield/client";',
    "error.js": 'export { NeedsReauth } from "@jackfield/client";',
    "all.js": 'export * from "@jackfield/client";',
  });
  const bundle = `
    import { build } from "vite";
    const made = {};
    for (const name of ["nothing", "error", "all"]) {
      const lib = { entry: ${JSON.stringify(folder)} + "/" + name + ".js", formats: ["es"] };
      const options = { root: ${JSON.stringify(folder)}, logLevel: "silent", configFile: false, build: { write: false, lib } };
      const [{ output }] = await build(options);
      made[name] = { code: output[0].code, imports: output[0].imports };
    }
    console.log(JSON.stringify(made));`;
  const { out, error } = await ended(spawn(process.execPath, ["--input-type=module", "-e", bundle], { cwd: root }));
  expect(error).toBe("");
  const made = JSON.parse(out);
  expect(made.nothing.code.trim()).toBe("");
  expect(made.error.code).toContain("needs_reauth");
  expect(made.error.code).not.toContain("/v1/");
  expect(made.all.code).toContain("/v1/");
  expect(made.all.imports).toEqual([]);
});

describe("from a server", () => {
  let product: Product;
  const shown = (...args: string[]) => types({ JACKFIELD_API_KEY: product.adminKey }, "--url", product.url, ...args);

  beforeAll(async () => {
    product = await startProduct({ connectors: { "every-kind": manifest } });
  });

  test("the types are those of the manifests, of all connectors, some, or those in use", async () => {
    const here = await types({}, "connectors", join(product.connectorsDir, "every-kind"));
    expect((await shown()).out).toBe(here.out);
    expect((await shown("--connectors", "every-kind")).out).not.toContain("sandbox");
    await product.post("/v1/connections", { connector: "sandbox" });
    const used = JSON.parse((await shown("--used", "--json")).out);
    expect(used.connectors.map(({ name }: { name: string }) => name)).toEqual(["sandbox"]);
  });

  test("a server that is not there, or does not know the key, is told of without a stack", async () => {
    const ask = (url: string) => types({ JACKFIELD_API_KEY: "wrong" }, "--url", url);
    expect(await ask(product.url)).toMatchObject({ code: 1, error: expect.stringMatching(/API key[^\n]*\n$/) });
    expect(await ask("http://127.0.0.1:1")).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^GET \/v1\/connectors: [^\n]+\n$/),
    });
  });

  test("the program of docs/client.md and that of the README compile and do what they say", async () => {
    const blocks = (file: string) =>
      [...readFileSync(file, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
    const written = await shown();
    // What the page calls api.example.com is the Sandbox here.
    const page = blocks("docs/client.md").join("\n").replaceAll("https://api.example.com/v1", `${product.url}/sandbox/api`);
    const readme = blocks("README.md").join("\n");
    expect(readme).toContain("@jackfield/client");
    const folder = project({ "connectors.ts": written.out, "page.ts": page, "readme.ts": readme });
    expect(await compile(folder)).toBe("");

    const env = { PATH: process.env.PATH, JACKFIELD_URL: product.url, JACKFIELD_API_KEY: product.adminKey };
    const child = spawn(process.execPath, ["page.js"], { cwd: folder, env });
    let printed = "";
    child.stdout.on("data", (chunk) => (printed += chunk));
    const end = ended(child);
    const url = await until("the program to ask for a sign-in", () => {
      if (child.exitCode !== null) throw new Error(printed);
      return /^Open (\S+)$/m.exec(printed)?.[1];
    });
    const browser = new Browser();
    const chosen = await browser.press(await browser.open(url), ["person", "person_ada"]);
    await browser.press(chosen, ["decision", "allow"]);
    const { code, out, error } = await end;
    expect([code, error]).toEqual([0, ""]);
    for (const part of ["sandbox Sandbox", "Connected: Ada's Sandbox", "The provider said:", "person_ada", "Jackfield 0."])
      expect(out).toContain(part);

    const id = (await product.post("/v1/connections", { connector: "sandbox" })).json.id;
    const program = await ended(spawn(process.execPath, ["readme.js"], { cwd: folder, env: { ...env, CONNECTION: id } }));
    expect([program.code, program.out]).toEqual([0, expect.stringContaining("sign in again")]);
  });
});
