import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { createStreams } from "../src/http/streams.ts";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** An answer whose reader is slow: it does not close when it has ended. */
class SlowResponse extends EventEmitter {
  headersSent = false;
  writableEnded = false;
  destroyed = false;
  text = "";
  get writableLength(): number {
    return this.text.length;
  }
  writeHead(): void {
    this.headersSent = true;
  }
  flushHeaders(): void {}
  write(text: string): void {
    if (this.writableEnded) throw new Error("write after end");
    this.text += text;
  }
  end(): void {
    this.writableEnded = true;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const open = (admitted: () => boolean) => {
  const response = new SlowResponse();
  return { response, stream: createStreams().open(response as unknown as ServerResponse, admitted) };
};

test("a stream does not begin when the key was revoked while the request was read", () => {
  const response = new SlowResponse();
  expect(() => createStreams().open(response as unknown as ServerResponse, () => false)).toThrow(
    expect.objectContaining({ code: "unauthenticated" }),
  );
  expect(response.headersSent).toBe(false);
});

test("a stream beats while nothing happens, and ends with the beat after its session has run out", () => {
  let admitted = true;
  const { response } = open(() => admitted);
  jest.advanceTimersByTime(20_000);
  expect([response.text, response.writableEnded]).toEqual([": still here\n\n", false]);
  admitted = false;
  jest.advanceTimersByTime(20_000);
  expect([response.text, response.writableEnded]).toEqual([": still here\n\n", true]);
});

test("a stream that has ended writes nothing more, however slowly it is read", () => {
  const { response, stream } = open(() => true);
  stream.close();
  jest.advanceTimersByTime(100_000);
  stream.send("change", {});
  stream.close();
  expect(response.text).toBe("");
});

test("a stream that is not read is ended before it fills the memory", () => {
  const { response, stream } = open(() => true);
  const closed = jest.fn();
  stream.onClose(closed);
  for (let events = 0; events < 100; events += 1) stream.send("change", { text: "x".repeat(100_000) });
  expect([response.destroyed, closed.mock.calls.length]).toEqual([true, 1]);
  expect(response.text.length).toBeLessThan(1_200_000);
});

test("a stream whose reader has left before it began leaves nothing behind", () => {
  const response = new SlowResponse();
  response.destroy();
  const streams = createStreams();
  const admitted = jest.fn(() => true);
  const stream = streams.open(response as unknown as ServerResponse, admitted);
  const closed = jest.fn();
  stream.onClose(closed);
  expect(closed).toHaveBeenCalledTimes(1);
  admitted.mockClear();
  jest.advanceTimersByTime(100_000);
  streams.closeUnadmitted();
  expect(admitted).not.toHaveBeenCalled();
});
