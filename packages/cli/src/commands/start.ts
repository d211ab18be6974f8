import { type Command, type ExitCode, UsageError } from "../command.ts";

/** Starts the server; it ends with the process. */
export const start: Command = {
  summary: "Start the server.",
  usage: "jackfield start\n\nReads its configuration from environment variables; see README.md.",
  async run(args): Promise<ExitCode> {
    if (args.length > 0) throw new UsageError("`start` takes no arguments; it is configured with environment variables.");
    // The other commands must not pay for loading the server.
    const { run } = await import("@jackfield/server");
    await run(process.env);
    return 0;
  },
};
