import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataFolder } from "../src/data-folder.ts";
import { temporary } from "./temporary.ts";

test("a new folder is made for its owner only, also below others that are missing", () => {
  const path = join(temporary(), "a/b/data");
  const folder = openDataFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(folder.warnings).toEqual([]);
  folder.release();
});

test("an empty folder that others may read is closed to them; one with other things in it is left alone, with a warning", () => {
  const empty = join(temporary(), "empty");
  mkdirSync(empty, { mode: 0o755 });
  openDataFolder(empty).release();
  expect(statSync(empty).mode & 0o777).toBe(0o700);

  const used = temporary();
  chmodSync(used, 0o755);
  writeFileSync(join(used, "letter.txt"), "");
  const folder = openDataFolder(used);
  expect(folder.warnings.join()).toContain(`chmod 700 ${used}`);
  expect(statSync(used).mode & 0o777).toBe(0o755);
  folder.release();
});

test("a second holder is refused with the folder, the pid and what to do; after the release it gets the folder", () => {
  const path = temporary();
  const first = openDataFolder(path);
  expect(() => openDataFolder(path)).toThrow(
    `DATA_DIR ${path} is in use by another Jackfield process (pid ${process.pid}). Stop it first`,
  );
  first.release();
  first.release();
  openDataFolder(path).release();
});

test("the lock of a process that was killed with -9 is free at once", async () => {
  const path = temporary();
  const hold = `const D = require(${JSON.stringify(require.resolve("libsql"))});
    const lock = new D(${JSON.stringify(join(path, "lock"))}); lock.exec("BEGIN EXCLUSIVE"); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", hold], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  expect(() => openDataFolder(path)).toThrow(/in use by another Jackfield process/);
  child.kill("SIGKILL");
  await once(child, "close");
  openDataFolder(path).release();
});

test("a place that cannot be a folder is refused with what to do", () => {
  const file = join(temporary(), "file");
  writeFileSync(file, "");
  expect(() => openDataFolder(file)).toThrow(/DATA_DIR .* cannot be used: .* Choose a folder/);
  expect(() => openDataFolder(join(file, "below"))).toThrow(/DATA_DIR/);
});
