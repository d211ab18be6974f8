import { parseArgs } from "node:util";
import { type Command, type ExitCode, UsageError } from "../command.ts";

/** Starts a process of a deployment; it ends with the process. */
export const start: Command = {
  summary: "Start the server.",
  usage: `jackfield start [--server | --worker]

Answers requests and does what is due. Where processes share a MongoDB and a Redis (MONGODB_URL, REDIS_URL), these can be apart:
  --server   answers requests, and leaves what is due to workers
  --worker   does what is due, and answers /healthz, /readyz and /metrics only

Reads its configuration from environment variables; see README.md.`,
  async run(args): Promise<ExitCode> {
    const { values } = parseArgs({ args: [...args], options: { server: { type: "boolean" }, worker: { type: "boolean" } } });
    if (values.server && values.worker) throw new UsageError("`start` takes --server or --worker; without either it is both.");
    const role = values.server ? "server" : values.worker ? "worker" : "both";
    // The other commands must not pay for loading the server.
    const { run } = await import("@jackfield/server");
    await run(process.env, role);
    return 0;
  },
};
