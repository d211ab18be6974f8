import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../src/run.ts";

/** Runs a command in this process and gives all that it writes. */
export async function jackfield(...args: string[]) {
  const said = { out: "", error: "" };
  const write = (to: "out" | "error") => (text: string) => {
    said[to] += text;
  };
  const code = await run(args, { out: write("out"), error: write("error"), colour: false });
  return { code, ...said };
}

/** A folder for each test of the file, gone afterwards. */
export function eachInFolder() {
  const place = { path: "" };
  beforeEach(() => {
    place.path = mkdtempSync(join(tmpdir(), "jackfield-cli-"));
  });
  afterEach(() => rmSync(place.path, { recursive: true }));
  return {
    get path() {
      return place.path;
    },
    /** Writes a file below it, and gives where. */
    write(path: string, text: string): string {
      const file = join(place.path, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
  };
}
