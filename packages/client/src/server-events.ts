import { linesOf } from "./lines.ts";

/** One message of a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** The messages of a stream, one after the other. Throws as `linesOf`. */
export async function* serverEvents(
  body: ReadableStream<Uint8Array> | null,
  signal?: AbortSignal,
): AsyncGenerator<ServerEvent, void, undefined> {
  let event = "message";
  let data: string[] = [];
  for await (const line of linesOf(body, signal)) {
    const [, name, value = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
    if (line !== "") continue;
    if (data.length > 0) yield { event, data: data.join("\n") };
    event = "message";
    data = [];
  }
}
