import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { commands } from "../src/run.ts";
import { eachInFolder, jackfield } from "./command-line.ts";

const good = `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth: { none: { type: none } }
`;

const folder = eachInFolder();

const write = (path: string, text: string) => folder.write(path, text);

test("a good manifest is 0", async () => {
  const file = write("acme/connector.yaml", good);
  expect(await jackfield("validate", file)).toEqual({ code: 0, out: "1 manifest: 0 errors, 0 warnings\n", error: "" });
});

test("a manifest with an error is 1, and the problem is shown with its place", async () => {
  const file = write("acme/connector.yaml", good.replace("title", "titel"));
  const { code, out } = await jackfield("validate", file);
  expect(code).toBe(1);
  expect(out).toContain(
    `${file}:3:1  error  unknown_key  titel is not a key here. Did you mean \`title\`?\n    3 | titel: Acme\n      | ^^^^^\n`,
  );
});

test("of a folder every manifest below it is checked, with its folder's name", async () => {
  write("acme/connector.yaml", good);
  write("deep/other/connector.yaml", good);
  write("node_modules/x/connector.yaml", "broken");
  const { code, out } = await jackfield("validate", folder.path, "--json");
  const { files } = JSON.parse(out) as { files: { file: string; problems: { code: string }[] }[] };
  expect(code).toBe(1);
  expect(files.map(({ file, problems }) => [file, problems.map((problem) => problem.code)])).toEqual([
    [join(folder.path, "acme/connector.yaml"), []],
    [join(folder.path, "deep/other/connector.yaml"), ["name_not_folder"]],
  ]);
});

test("--json gives exactly the keys that programs rely on", async () => {
  const file = write("connector.yaml", good.replace("https", "http"));
  const { out } = await jackfield("validate", "--json", file);
  expect(JSON.parse(out)).toEqual({
    files: [
      {
        file,
        problems: [
          {
            code: "url_not_https",
            severity: "error",
            path: "base_url",
            line: 4,
            column: 11,
            message: "The URL does not begin with https://.",
            hint: "Use https.",
          },
        ],
      },
    ],
  });
});

test("warnings alone are 0", async () => {
  const text = good.replace("{ type: none }", "{ type: none, fields: [{ name: site }] }");
  const { code, out } = await jackfield("validate", write("connector.yaml", text));
  expect([code, out.includes("warning  unused_field")]).toEqual([0, true]);
});

test.each([
  [["validate"], "at least one file"],
  [["validate", "/does/not/exist"], "There is no file or folder /does/not/exist."],
  [["validate", "--jsn", "x"], "--jsn"],
  [["schema", "x"], "takes manifest or test"],
  [["vaildate"], "Did you mean `validate`?"],
  [["frobnicate"], "is not a command."],
])("%j is wrong usage", async (args, words) => {
  const { code, error } = await jackfield(...args);
  expect([code, error.includes(words)]).toEqual([2, true]);
});

test("a folder without a manifest is wrong usage", async () => {
  const { code, error } = await jackfield("validate", folder.path);
  expect([code, error.includes("There is no connector.yaml below")]).toEqual([2, true]);
});

test("--help tells what there is", async () => {
  const { code, out } = await jackfield("--help");
  expect(code).toBe(0);
  for (const name of Object.keys(commands)) {
    expect(out).toContain(`  ${name}`);
    expect(await jackfield(name, "--help")).toMatchObject({ code: 0, error: "" });
  }
  expect((await jackfield()).code).toBe(2);
});

test("schema prints the JSON Schema", async () => {
  const { code, out } = await jackfield("schema");
  expect([code, (JSON.parse(out) as { title: string }).title]).toEqual([0, "Jackfield connector manifest"]);
  const test = await jackfield("schema", "test");
  expect([test.code, (JSON.parse(test.out) as { title: string }).title]).toEqual([0, "Jackfield connector test"]);
});

test.each([
  ["stdout", ["validate", "--json"], "https", 0],
  ["stdout", ["validate", "--json"], "http", 1],
  ["stdout", ["validate"], "http", 1],
  ["stderr", ["validate", "--jsn"], "https", 2],
] as const)(
  "when nobody reads %s, %j ends quietly, with the exit status that it would have",
  async (unread, args, scheme, code) => {
    const file = write("connector.yaml", good.replace("https", scheme));
    const child = spawn(process.execPath, [join(__dirname, "../bin/jackfield.js"), ...args, file], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Long before the process has anything to say.
    child[unread].destroy();
    let said = "";
    const other = unread === "stdout" ? child.stderr : child.stdout;
    other.on("data", (part: Buffer) => {
      said += String(part);
    });
    expect([await once(child, "close"), said]).toEqual([[code, null], ""]);
  },
);

test("--version tells the version", async () => {
  expect(await jackfield("--version")).toMatchObject({ code: 0, out: expect.stringMatching(/^jackfield \d+\.\d+\.\d+\n$/) });
});
