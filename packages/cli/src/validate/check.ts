// Many manifests are checked by several threads: compiling is all that takes time, and they have nothing to do with each other.

import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Problem } from "@jackfield/manifest";
import { UsageError } from "../command.ts";
import { compileFile, type ManifestFile } from "../manifest-file.ts";

export interface Checked {
  readonly file: string;
  readonly problems: readonly Problem[];
}

/** A part of the files, and the number of the first one. */
export interface Task {
  readonly from: number;
  readonly files: readonly ManifestFile[];
}

/** What became of a task. Where a file cannot be read, the reason. */
export type Outcome = { readonly from: number; readonly checked: readonly Checked[] } | { readonly unreadable: string };

/** Below this number a thread takes longer to start than it saves. */
const fewFiles = 50;
const filesOfTask = 10;
const mostThreads = 4;

/** Checks the files; `done` is told how many have been checked. Throws `UsageError` if one cannot be read. */
export function checkFiles(files: readonly ManifestFile[], done: (count: number) => void): Promise<readonly Checked[]> {
  return files.length > fewFiles ? checkInThreads(files, done) : checkHere(files, done);
}

async function checkHere(files: readonly ManifestFile[], done: (count: number) => void): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const file of files) {
    checked.push(await checkFile(file));
    done(checked.length);
  }
  return checked;
}

export async function checkFile(manifest: ManifestFile): Promise<Checked> {
  return { file: manifest.file, problems: (await compileFile(manifest)).problems };
}

async function checkInThreads(files: readonly ManifestFile[], done: (count: number) => void): Promise<Checked[]> {
  const tasks = tasksOf(files);
  const checked: Checked[] = [];
  let count = 0;
  const workers = Array.from({ length: Math.min(mostThreads, availableParallelism()) }, () => new Worker(workerFile));
  const work = async (worker: Worker) => {
    for (const task of tasks) {
      worker.postMessage(task);
      const [outcome] = (await once(worker, "message")) as [Outcome];
      if ("unreadable" in outcome) throw new UsageError(outcome.unreadable);
      for (const [index, one] of outcome.checked.entries()) checked[outcome.from + index] = one;
      count += outcome.checked.length;
      done(count);
    }
  };
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return checked;
}

const workerFile = fileURLToPath(new URL("./worker.js", import.meta.url));

/** Small parts, so that no thread waits long for the last one. Every thread takes the next part that none has taken. */
function* tasksOf(files: readonly ManifestFile[]): Generator<Task> {
  for (let from = 0; from < files.length; from += filesOfTask) yield { from, files: files.slice(from, from + filesOfTask) };
}
