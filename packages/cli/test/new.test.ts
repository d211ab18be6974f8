import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { authKinds } from "../src/scaffold/scaffold.ts";
import { eachInFolder, jackfield } from "./command-line.ts";

const folder = eachInFolder();

const given = ["--title", 'Acme: "Co" & {{Sons}}', "--base-url", "https://api.acme.example/v1/", "--auth"];

test.each(Object.keys(authKinds))("a connector that begins with %s validates and passes its test", async (kind) => {
  const { code, out } = await jackfield("new", "acme", ...given, kind, "--out", folder.path);
  expect([code, readdirSync(join(folder.path, "acme")).sort()]).toEqual([0, ["connector.yaml", "icon.svg", "test.yaml"]]);
  const written = ["acme/connector.yaml", "acme/test.yaml", "acme/icon.svg", "connector.schema.json", "test.schema.json"];
  expect(out.split("\n\n")[0]?.split("\n")).toEqual(written.map((name) => join(folder.path, name)));
  expect((await jackfield("validate", folder.path)).out).toBe("1 manifest: 0 errors, 0 warnings\n");
  expect(await jackfield("test", folder.path)).toMatchObject({
    code: 0,
    out: expect.stringContaining("1 connector, 1 case, 0 failed"),
  });
});

test("editors find the schema, and the test was written down whole", async () => {
  await jackfield("new", "acme", ...given, "oauth2", "--out", folder.path);
  expect(readFileSync(join(folder.path, "acme/connector.yaml"), "utf8")).toMatch(
    /^# yaml-language-server: \$schema=\.\.\/connector\.schema\.json\n/,
  );
  expect(readFileSync(join(folder.path, "acme/test.yaml"), "utf8")).toMatch(
    /^# yaml-language-server: \$schema=\.\.\/test\.schema\.json\n/,
  );
  expect(JSON.parse(readFileSync(join(folder.path, "connector.schema.json"), "utf8"))).toHaveProperty("properties.auth");
  expect(JSON.parse(readFileSync(join(folder.path, "test.schema.json"), "utf8"))).toHaveProperty("properties.cases");
  expect(readFileSync(join(folder.path, "acme/test.yaml"), "utf8")).toContain("status: connected");
});

test("--yes asks nothing, and the name is made of the title", async () => {
  expect((await jackfield("new", "--title", "My Thing", "--yes", "--out", folder.path)).code).toBe(0);
  expect(readFileSync(join(folder.path, "my-thing/connector.yaml"), "utf8")).toContain(
    "base_url: https://api.my-thing.example\n",
  );
  // What fits most APIs is offered first, and taken where nobody chooses.
  expect(Object.keys(authKinds)[0]).toBe("oauth2");
  expect(readFileSync(join(folder.path, "my-thing/connector.yaml"), "utf8")).toContain("grant: authorization_code\n");
  expect((await jackfield("new", "other-thing", "--yes", "--out", folder.path)).code).toBe(0);
  expect(readFileSync(join(folder.path, "other-thing/connector.yaml"), "utf8")).toContain("title: Other Thing\n");
});

test("a folder that is there is never overwritten, nor is a schema", async () => {
  mkdirSync(join(folder.path, "acme"));
  writeFileSync(join(folder.path, "connector.schema.json"), "mine");
  const { code, error } = await jackfield("new", "acme", "--yes", "--out", folder.path);
  expect([code, error, readdirSync(join(folder.path, "acme"))]).toEqual([2, expect.stringContaining("is there already"), []]);
  await jackfield("new", "other", "--yes", "--out", folder.path);
  expect(readFileSync(join(folder.path, "connector.schema.json"), "utf8")).toBe("mine");
});

test.each([
  [["new", "acme"], "give --title, --base-url, --auth, or `--yes`"],
  [["new", "acme", "--title", "Acme"], "give --base-url, --auth"],
  [["new", "--yes"], "Give a name or `--title`"],
  [["new", "Acme Co", "--yes"], "`acme-co` can"],
  [["new", "a", "b"], "takes one name"],
  [["new", "acme", "--yes", "--auth", "magic"], "--auth: Choose one of"],
  [["new", "acme", "--yes", "--base-url", "http://acme.example"], "--base-url: Give a URL that begins with https://"],
  [["new", "acme", "--yes", "--base-url", "https://acme.example/?a=1"], "--base-url: Give a URL"],
])("%j is wrong usage, and nothing is written", async (args, words) => {
  const { code, error } = await jackfield(...args, "--out", join(folder.path, "out"));
  expect([code, error, existsSync(join(folder.path, "out"))]).toEqual([2, expect.stringContaining(words), false]);
});
