import type { ChildProcess } from "node:child_process";
import { type Server, services, startServer } from "../tools/services.mjs";
import { afterwards, temporary } from "./cleanup.ts";

/** A server that a suite may stop, kill and start again; it goes away with the test file. */
export interface OwnServer {
  /** Stays the same however often it is started. */
  readonly url: string;
  readonly pid: number;
  /** Starts it again, with what it had stored. */
  start(): Promise<void>;
  /** Ends the process, by default in order, and waits until it is gone. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Holds the process and lets it go on: it neither answers nor refuses meanwhile. */
  pause(): void;
  resume(): void;
}

/** `describe`, or where the server cannot be had here, `describe.skip`. */
export const withRedis = executable("redis") === "" ? describe.skip : describe;
export const withMongodb = executable("mongodb") === "" ? describe.skip : describe;
export const withServers = executable("redis") === "" || executable("mongodb") === "" ? describe.skip : describe;

/** The instances that all suites of a run share, or "": use a key prefix or a database of your own, and never empty them. */
export const sharedRedis = process.env[services.redis.url] ?? "";
export const sharedMongodb = process.env[services.mongodb.url] ?? "";

/** A Redis that keeps nothing: started again it is empty. */
export const startRedis = (options: readonly string[] = []) => startOwn("redis", options);

export const startMongodb = () => startOwn("mongodb");

function executable(name: "redis" | "mongodb"): string {
  return process.env[services[name].variable] ?? "";
}

async function startOwn(name: "redis" | "mongodb", options: readonly string[] = []): Promise<OwnServer> {
  const server: Server = { ...services[name], args: (...start) => [...services[name].args(...start), ...options] };
  const folder = temporary();
  const file = executable(name);
  let { child, port, url } = await startServer(server, file, folder);
  const own: OwnServer = {
    url,
    get pid() {
      return child.pid ?? 0;
    },
    async start() {
      ({ child } = await startServer(server, file, folder, port));
    },
    stop: (signal = "SIGTERM") => ended(child, signal),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
  afterwards(() => own.stop("SIGKILL"));
  return own;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}
