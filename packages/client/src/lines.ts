import { Unreachable } from "./errors.ts";

/** The lines of a body as they come, without their ends. Leaving the loop ends the answer. Throws `Unreachable`, or the signal's reason. */
export async function* linesOf(
  body: ReadableStream<Uint8Array> | null,
  signal?: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split(/\r?\n/);
      rest = done ? "" : (lines.pop() ?? "");
      yield* lines;
      if (done) return;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cutOff("An answer broke off before its end.", cause);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export function cutOff(detail: string, cause?: unknown): Unreachable {
  const problem = {
    type: "about:blank",
    code: "unreachable",
    status: 0,
    title: "Jackfield could not be reached.",
    detail,
    hint: "Ask again.",
    audience: "operator",
    request_id: "",
  } as const;
  return new Unreachable(problem, { cause });
}
