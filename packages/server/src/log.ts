import type { Log } from "@jackfield/engine";
import { pino, stdSerializers } from "pino";
import type { LogLevel } from "./config.ts";

/** A log on standard output: JSON lines for machines, short lines for a terminal. */
export function createLog(level: LogLevel): Log {
  const destination = process.stdout.isTTY ? { write: writeShort } : pino.destination({ fd: 1, sync: true });
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
  return (lineLevel, message, fields = {}) => logger[lineLevel](fields, message);
}

function writeShort(line: string): void {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  process.stdout.write(`${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${[msg, ...rest].join(" ")}\n`);
}
