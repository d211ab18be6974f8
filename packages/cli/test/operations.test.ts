import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { eachInFolder, jackfield } from "./command-line.ts";

const folder = eachInFolder();
const kept = { ...process.env };
beforeEach(() => {
  for (const name of ["MASTER_KEYS", "MONGODB_URL", "REDIS_URL"]) delete process.env[name];
  process.env.DATA_DIR = join(folder.path, "data");
});
afterAll(() => {
  process.env = kept;
});

test.each([
  [["keys"], "`keys` takes `rotate`."],
  [["keys", "turn"], "`keys` takes `rotate`."],
  [["store"], "`store` takes `copy`."],
  [["store", "copy"], "`--to` takes mongodb or embedded."],
  [["store", "copy", "--to", "paper"], "`--to` takes mongodb or embedded."],
])("%j is wrong usage", async (args, why) => {
  const { code, error } = await jackfield(...args);
  expect([code, error.split("\n")[0]]).toEqual([2, why]);
});

test("where there is no store, none is made", async () => {
  mkdirSync(join(folder.path, "data"));
  const { code, out, error } = await jackfield("keys", "rotate");
  expect([code, out, error]).toEqual([1, "", `There is no store in DATA_DIR ${process.env.DATA_DIR}.\n`]);
  process.env.MONGODB_URL = "mongodb://127.0.0.1:1/x";
  expect((await jackfield("store", "copy", "--to", "mongodb")).error).toContain("There is no store in DATA_DIR");
});

test("what is wrong with the environment is told without a stack, and no URL is repeated", async () => {
  process.env.MONGODB_URL = "mongodb:/ada:secret@x";
  for (const args of [
    ["keys", "rotate"],
    ["store", "copy", "--to", "mongodb"],
  ]) {
    const { code, error } = await jackfield(...args);
    expect(code).toBe(1);
    expect(error).toContain("MONGODB_URL is not a MongoDB URL");
    expect(error).not.toMatch(/secret|^\s+at /m);
  }
});
