import { type Config, ConfigError, type ProcessRole, readConfig } from "./config.ts";
import { createLog } from "./log.ts";
import { type Server, startServer } from "./server.ts";
import { version } from "./version.ts";

/**
 * Runs a process of a deployment until a signal ends the process: SIGTERM and SIGINT let running work finish, a second one does not. Gives it once it is
 * ready.
 */
export async function run(env: NodeJS.ProcessEnv, role: ProcessRole = "both"): Promise<Server> {
  const began = performance.now();
  const config = configOrExit(env, role);
  const log = createLog(config.logLevel);
  const fail = (error: unknown) => {
    log("error", "the process ends because of an error that nobody handled", { error });
    process.exit(1);
  };
  process.on("unhandledRejection", fail);
  process.on("uncaughtException", fail);
  const { begin, working } = endBySignal();
  try {
    const server = await startServer(config, log, Date.now, working);
    begin(server);
    print(greeting(server, Math.round(performance.now() - began)));
    return server;
  } catch (error) {
    log("debug", "the start failed", { error });
    return exitWith(error);
  }
}

function configOrExit(env: NodeJS.ProcessEnv, role: ProcessRole): Config {
  try {
    return readConfig(env, role);
  } catch (error) {
    if (error instanceof ConfigError) return exitWith(error);
    throw error;
  }
}

/** What people need to do something about it: the message alone. */
function exitWith(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return process.exit(1);
}

/** Plain lines for the person who started it, whatever the log looks like. */
export function greeting(server: Pick<Server, "url" | "connectors" | "welcome">, milliseconds: number): string {
  const lines = [
    `Jackfield ${version}`,
    "",
    `  Address       ${server.url}`,
    ...welcomeLines(server),
    "",
    `ready in ${milliseconds} ms, ${server.connectors} connectors`,
  ];
  return lines.join("\n");
}

function welcomeLines({ url, welcome }: Pick<Server, "url" | "welcome">): string[] {
  if (welcome === undefined) return ["                A worker: it answers /healthz, /readyz and /metrics there."];
  const { adminKey, signInToken } = welcome;
  return [
    ...(adminKey === undefined ? [] : [`  Admin key     ${adminKey}`, "                Keep it: it is shown only this once."]),
    `  Sign-in link  ${url}/sign-in?token=${signInToken}`,
    "                Works once, within 24 hours.",
  ];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A start that has begun to work is ended when it has come to its end, as a refresh may be under way; before that there is nothing to lose. */
function endBySignal(): { readonly begin: (server: Server) => void; readonly working: () => void } {
  let works = false;
  let ending = false;
  let begun: Server | undefined;
  const close = (server: Server) =>
    server.close().then(
      () => process.exit(0),
      (error: unknown) => exitWith(error),
    );
  const end = () => {
    if (ending || !works) process.exit(ending ? 1 : 0);
    ending = true;
    if (begun !== undefined) void close(begun);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  return {
    begin(server) {
      begun = server;
      if (ending) void close(server);
    },
    working() {
      works = true;
    },
  };
}
