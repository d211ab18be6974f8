import { parentPort } from "node:worker_threads";
import { UsageError } from "../command.ts";
import { type Checked, checkFile, type Outcome, type Task } from "./check.ts";

parentPort?.on("message", async ({ from, files }: Task) => {
  parentPort?.postMessage(await outcomeOf(from, files));
});

async function outcomeOf(from: number, files: Task["files"]): Promise<Outcome> {
  const checked: Checked[] = [];
  for (const file of files) {
    try {
      checked.push(await checkFile(file));
    } catch (error) {
      if (error instanceof UsageError) return { unreadable: error.message };
      throw error;
    }
  }
  return { from, checked };
}
