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
