import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const undo: (() => unknown)[] = [];

/** Has something undone when the test file is over, the last first. */
export function afterwards(step: () => unknown): void {
  undo.push(step);
}

/** Undoes everything: for `afterAll`. */
export async function cleanup(): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
}

/** A fresh folder that goes away afterwards. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-test-"));
  afterwards(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
