import { showsColour } from "./command.ts";
import { run } from "./run.ts";

// Whoever reads may stop early, as `| head` does: what is left unread is no failure, and the exit status stays what it would be.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  colour: showsColour(process.stdout, process.env.NO_COLOR),
  ...(process.stderr.isTTY && { progress: (line: string) => void process.stderr.write(`\r\u001b[K${line}`) }),
});
