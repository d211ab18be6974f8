import type { Log } from "@jackfield/engine";
import { pino, stdSerializers } from "pino";
import type { LogLevel } from "./config.ts";

/** A log on standard output: JSON lines for machines, short lines for a terminal. */
export function createLog(level: LogLevel): Log {
  const lines = process.stdout.isTTY ? undefined : gathered();
  const destination = lines ?? { write: writeShort };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err, cause: stdSerializers.err },
    },
    destination,
  );
  return (lineLevel, message, fields = {}) => {
    logger[lineLevel](fields, message);
    // The line that every request leaves may wait for others; who looks for another one finds it.
    if (message !== requestLine) lines?.flushSync();
  };
}

/** What the log says of each request that was answered. */
export const requestLine = "request";

/** Lines of requests are written some at a time: one by one they would cost a busy process more than what they tell of. */
const gatherMs = 50;
const gatherBytes = 8 * 1024;

function gathered(): ReturnType<typeof pino.destination> {
  const destination = pino.destination({ fd: 1, sync: true, minLength: gatherBytes });
  setInterval(() => destination.flushSync(), gatherMs).unref();
  process.once("exit", () => destination.flushSync());
  return destination;
}

function writeShort(line: string): void {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  process.stdout.write(`${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${[msg, ...rest].join(" ")}\n`);
}
