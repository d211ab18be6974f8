import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { problemDocument, toJackfieldError } from "./problem.ts";
import { requestId } from "./request-id.ts";

export const jsonLines = ["application/x-ndjson", "application/jsonl"] as const;

/** Where lines go. */
export interface Reader {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Ends when the reader goes away. */
  readonly signal: AbortSignal;
  readonly media: (typeof jsonLines)[number];
}

/**
 * Writes values as lines of JSON, so many at once as `lines` gives, and asks for the next only when these have left. What goes wrong before
 * the first is thrown; what goes wrong later is the last line, `{ error }` with the problem: without it or a line that says that all is
 * there, a reader knows that something is missing.
 */
export async function writeJsonLines(
  { request, response, signal, media }: Reader,
  lines: AsyncGenerator<readonly unknown[], void, undefined>,
): Promise<void> {
  const write = async (values: readonly unknown[]): Promise<void> => {
    const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
    if (!response.write(text)) await once(response, "drain", { signal });
  };
  let next = await lines.next();
  response.writeHead(200, { "Content-Type": media, "X-Accel-Buffering": "no" });
  // Who reads should know that it has begun, also where the first page has no items.
  response.flushHeaders();
  try {
    for (; next.done !== true; next = await lines.next()) if (next.value.length > 0) await write(next.value);
    response.end();
  } catch (thrown) {
    if (signal.aborted) return void response.destroy();
    const error = toJackfieldError(thrown);
    response.end(`${JSON.stringify({ error: problemDocument(error, requestId(request)) })}\n`);
    if (error.code === "internal") throw thrown;
  } finally {
    await lines.return();
  }
}
