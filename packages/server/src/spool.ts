import { mkdirSync } from "node:fs";
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Spool } from "@jackfield/engine";

const suffix = ".json";

/** A folder that holds a file for each text. Several processes of a machine may share it. Throws `Error` with what to do. */
export function openSpool(folder: string): Spool {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Error(`The folder ${folder} cannot be made. Give in DATA_DIR one that this user may write to.`, { cause });
  }
  const fileOf = (id: string) => join(folder, `${encodeURIComponent(id)}${suffix}`);
  return {
    async put(id, text) {
      const file = fileOf(id);
      const draft = `${file}.${process.pid}.new`;
      const handle = await open(draft, "w", 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      // A rename is whole or not at all; it is on disk once the folder is.
      await rename(draft, file);
      const directory = await open(folder, "r");
      await directory.sync().finally(() => directory.close());
    },
    async list() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(suffix));
      const found = await Promise.all(names.map((name) => read(folder, name)));
      return found.filter((entry) => entry !== undefined);
    },
    remove: (id) => rm(fileOf(id), { force: true }),
  };
}

async function read(folder: string, name: string): Promise<{ readonly id: string; readonly text: string } | undefined> {
  try {
    return { id: decodeURIComponent(name.slice(0, -suffix.length)), text: await readFile(join(folder, name), "utf8") };
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
