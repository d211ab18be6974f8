import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../src/run.ts";
import { authKinds } from "../src/scaffold/scaffold.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jackfield-new-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function jackfield(...args: string[]) {
  const said = { out: "", error: "" };
  const write = (to: "out" | "error") => (text: string) => {
    said[to] += text;
  };
  return { code: await run(args, { out: write("out"), error: write("error"), colour: false }), ...said };
}

const given = ["--title", 'Acme: "Co" & {{Sons}}', "--base-url", "https://api.acme.example/v1/", "--auth"];

test.each(Object.keys(authKinds))("a connector that begins with %s validates and passes its test", async (kind) => {
  const { code, out } = await jackfield("new", "acme", ...given, kind, "--out", folder);
  expect([code, readdirSync(join(folder, "acme")).sort()]).toEqual([0, ["connector.yaml", "icon.svg", "test.yaml"]]);
  for (const name of ["connector.yaml", "test.yaml", "icon.svg"]) expect(out).toContain(join(folder, "acme", name));
  expect((await jackfield("validate", folder)).out).toBe("1 manifest: 0 errors, 0 warnings\n");
  expect(await jackfield("test", folder)).toMatchObject({
    code: 0,
    out: expect.stringContaining("1 connector, 1 case, 0 failed"),
  });
});

test("editors find the schema, and the test was written down whole", async () => {
  await jackfield("new", "acme", ...given, "oauth2", "--out", folder);
  expect(readFileSync(join(folder, "acme/connector.yaml"), "utf8")).toMatch(
    /^# yaml-language-server: \$schema=\.\.\/connector\.schema\.json\n/,
  );
  expect(JSON.parse(readFileSync(join(folder, "connector.schema.json"), "utf8"))).toHaveProperty("title");
  expect(readFileSync(join(folder, "acme/test.yaml"), "utf8")).toContain("status: connected");
});

test("--yes asks nothing, and the name is made of the title", async () => {
  expect((await jackfield("new", "--title", "My Thing", "--yes", "--out", folder)).code).toBe(0);
  expect(readFileSync(join(folder, "my-thing/connector.yaml"), "utf8")).toContain("base_url: https://api.my-thing.example\n");
  expect((await jackfield("new", "other-thing", "--yes", "--out", folder)).code).toBe(0);
  expect(readFileSync(join(folder, "other-thing/connector.yaml"), "utf8")).toContain("title: Other Thing\n");
});

test("a folder that is there is never overwritten, nor is a schema", async () => {
  mkdirSync(join(folder, "acme"));
  writeFileSync(join(folder, "connector.schema.json"), "mine");
  const { code, error } = await jackfield("new", "acme", "--yes", "--out", folder);
  expect([code, error, readdirSync(join(folder, "acme"))]).toEqual([2, expect.stringContaining("is there already"), []]);
  await jackfield("new", "other", "--yes", "--out", folder);
  expect(readFileSync(join(folder, "connector.schema.json"), "utf8")).toBe("mine");
});

test.each([
  [["new", "acme"], "give --title, --base-url, --auth, or `--yes`"],
  [["new", "acme", "--title", "Acme"], "give --base-url, --auth"],
  [["new", "--yes"], "Give a name or `--title`"],
  [["new", "Acme Co", "--yes"], "`acme-co` can"],
  [["new", "a", "b"], "takes one name"],
  [["new", "acme", "--yes", "--auth", "magic"], "--auth: Choose one of"],
  [["new", "acme", "--yes", "--base-url", "http://acme.example"], "--base-url: Give a URL"],
  [["new", "acme", "--yes", "--base-url", "https://acme.example/?a=1"], "--base-url: Give a URL"],
])("%j is wrong usage, and nothing is written", async (args, words) => {
  const { code, error } = await jackfield(...args, "--out", join(folder, "out"));
  expect([code, error, existsSync(join(folder, "out"))]).toEqual([2, expect.stringContaining(words), false]);
});
