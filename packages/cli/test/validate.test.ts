import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { showsColour } from "../src/command.ts";
import { run } from "../src/run.ts";
import { eachInFolder, jackfield } from "./command-line.ts";

const good = (name = "acme") => `manifest: 1
name: ${name}
title: Acme
base_url: https://api.acme.example
auth: { none: { type: none } }
`;

const folder = eachInFolder();

const write = (path: string, text: string) => folder.write(path, text);

const validate = (...args: string[]) => jackfield("validate", ...args);

/** The command as a process, which starts threads. */
function inProcess(...args: string[]) {
  const bin = join(__dirname, "../bin/jackfield.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, "validate", ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("for GitHub, every problem is a workflow command with its place, and the exit status stays", async () => {
  const file = write("connector.yaml", good().replace("https", "http"));
  expect(await validate("--format", "github", file)).toEqual({
    code: 1,
    out: `::error file=${file},line=4,col=11,title=url_not_https::The URL does not begin with https://. Use https.\n1 manifest: 1 error, 0 warnings\n`,
    error: "",
  });
  const warned = write("warned.yaml", good().replace("{ type: none }", "{ type: none, fields: [{ name: site }] }"));
  const { code, out } = await validate("--format", "github", warned);
  expect(code).toBe(0);
  expect(out).toMatch(/^::warning file=\S+,line=5,col=\d+,title=unused_field::\S/m);
});

test("what would end a workflow command or one of its properties is escaped", async () => {
  const file = write("a,b:c%d/connector.yaml", good().replace("Acme", "Acme\n50%: { a, b }"));
  const { out } = await validate("--format", "github", file);
  const [command = ""] = out.split("\n");
  expect(command).toContain(`file=${folder.path}/a%2Cb%3Ac%25d/connector.yaml,line=4,`);
  expect(command).toMatch(/::50%25 is not a key here\./);
});

test.each(["text", "json"])("the format %s is printed as it is without --format github", async (format) => {
  const file = write("connector.yaml", good().replace("title", "titel"));
  const named = await validate("--format", format, file);
  expect(named).toEqual(await validate(...(format === "json" ? ["--json"] : []), file));
  expect([named.code, named.out.includes("unknown_key"), named.out.includes("::error")]).toEqual([1, true, false]);
});

test.each([
  [["--format", "xml"], "There is no format `xml`: choose text, json, github."],
  [["--format", "toString"], "There is no format `toString`"],
  [["--format", "github", "--json"], "--json and --format github exclude each other."],
])("%j is wrong usage", async (args, words) => {
  const { code, out, error } = await validate(...args, write("connector.yaml", good()));
  expect([code, out, error.startsWith(words)]).toEqual([2, "", true]);
});

test("a thousand manifests are checked by threads, and reported in the order of their folders", () => {
  const names = Array.from({ length: 1000 }, (_, number) => `acme${String(number).padStart(4, "0")}`);
  for (const [number, name] of names.entries()) {
    write(`${name}/connector.yaml`, number % 100 === 7 ? good(name).replace("title", "titel") : good(name));
  }
  const { status, stdout, stderr } = inProcess("--json", folder.path);
  const { files } = JSON.parse(stdout) as { files: { file: string; problems: { code: string }[] }[] };
  expect([status, stderr]).toEqual([1, ""]);
  expect(files.map(({ file }) => file)).toEqual(names.map((name) => join(folder.path, name, "connector.yaml")));
  const wrong = files.flatMap(({ problems }, number) => (problems.length > 0 ? [[number, problems[0]?.code]] : []));
  expect(wrong).toEqual(Array.from({ length: 10 }, (_, hundred) => [hundred * 100 + 7, "unknown_key"]));
});

test("in threads, too, a manifest extends the one beside it, and a file that cannot be read is wrong usage", () => {
  for (let number = 0; number < 60; number++) write(`acme${number}/connector.yaml`, good(`acme${number}`));
  write("acme/connector.yaml", good());
  write("acme-mail/connector.yaml", "manifest: 1\nname: acme-mail\ntitle: Acme Mail\nextends: acme\n");
  expect(inProcess(folder.path)).toEqual({ status: 0, stdout: "62 manifests: 0 errors, 0 warnings\n", stderr: "" });
  // A file that is there and cannot be read, whoever asks.
  const { status, stderr } = inProcess(folder.path, "/proc/self/mem");
  expect([status, stderr.split("\n")[0]]).toEqual([2, "/proc/self/mem cannot be read."]);
});

test("how far it is, is told on a terminal only, and only when it takes a while", async () => {
  for (let number = 0; number < 40; number++) write(`acme${number}/connector.yaml`, good(`acme${number}`));
  const lines: string[] = [];
  const io = { out: () => {}, error: () => {}, colour: false, progress: (line: string) => void lines.push(line) };
  const now = jest.spyOn(performance, "now");
  let clock = 0;
  now.mockImplementation(() => clock);
  expect(await run(["validate", folder.path], io)).toBe(0);
  expect(lines).toEqual([]);
  now.mockImplementation(() => (clock += 60));
  expect(await run(["validate", folder.path], io)).toBe(0);
  now.mockRestore();
  expect(lines[0]).toMatch(/^\d+ of 40 manifests$/);
  expect(lines.length).toBeLessThan(40);
  expect(lines.at(-1)).toBe("");
  expect(inProcess(folder.path).stderr).toBe("");
});

test("colours are shown on a terminal only, and not with NO_COLOR", () => {
  const shown = [
    showsColour({ isTTY: true }, undefined),
    showsColour({ isTTY: true }, ""),
    showsColour({ isTTY: true }, "1"),
    showsColour({}, undefined),
  ];
  expect(shown).toEqual([true, true, false, false]);
  const file = write("connector.yaml", good().replace("title", "titel"));
  expect(inProcess(file).stdout).not.toContain("\u001b");
});
