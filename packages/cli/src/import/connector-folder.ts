import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes `FOLDER/NAME/connector.yaml`. Gives its path, or undefined if the folder is there already: nothing is overwritten. */
export async function writeConnector(folder: string, name: string, text: string): Promise<string | undefined> {
  const own = join(folder, name);
  if (await stat(own).catch(() => undefined)) return undefined;
  await mkdir(own, { recursive: true });
  const file = join(own, "connector.yaml");
  await writeFile(file, text, { flag: "wx" });
  return file;
}
