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

const open = async (admitted: () => boolean) => {
  const response = new SlowResponse();
  return { response, stream: await createStreams().open(response as unknown as ServerResponse, async () => admitted()) };
};

test("a stream does not begin when the key was revoked while the request was read", async () => {
  const response = new SlowResponse();
  const opened = createStreams().open(response as unknown as ServerResponse, async () => false);
  await expect(opened).rejects.toMatchObject({ code: "unauthenticated" });
  expect(response.headersSent).toBe(false);
});

test("a stream beats while nothing happens, and ends with the beat after its session has run out", async () => {
  let admitted = true;
  const { response } = await open(() => admitted);
  await jest.advanceTimersByTimeAsync(20_000);
  expect([response.text, response.writableEnded]).toEqual([": still here\n\n", false]);
  admitted = false;
  await jest.advanceTimersByTimeAsync(20_000);
  expect([response.text, response.writableEnded]).toEqual([": still here\n\n", true]);
});

test("a stream that has ended writes nothing more, however slowly it is read", async () => {
  const { response, stream } = await open(() => true);
  stream.close();
  await jest.advanceTimersByTimeAsync(100_000);
  stream.send("change", {});
  stream.close();
  expect(response.text).toBe("");
});

test("a stream that is not read is ended before it fills the memory", async () => {
  const { response, stream } = await open(() => true);
  const closed = jest.fn();
  stream.onClose(closed);
  for (let events = 0; events < 100; events += 1) stream.send("change", { text: "x".repeat(100_000) });
  expect([response.destroyed, closed.mock.calls.length]).toEqual([true, 1]);
  expect(response.text.length).toBeLessThan(1_200_000);
});

test("a stream whose reader has left before it began leaves nothing behind", async () => {
  const response = new SlowResponse();
  response.destroy();
  const streams = createStreams();
  const admitted = jest.fn(async () => true);
  const stream = await streams.open(response as unknown as ServerResponse, admitted);
  const closed = jest.fn();
  stream.onClose(closed);
  expect(closed).toHaveBeenCalledTimes(1);
  admitted.mockClear();
  await jest.advanceTimersByTimeAsync(100_000);
  await streams.closeUnadmitted();
  expect(admitted).not.toHaveBeenCalled();
});

test("a key that was revoked while its stream began ends it", async () => {
  const response = new SlowResponse();
  const answers = [true, false];
  const stream = createStreams().open(response as unknown as ServerResponse, async () => answers.shift() ?? false);
  await stream;
  expect([response.headersSent, response.writableEnded]).toEqual([true, true]);
});

test("a stream goes on while nobody can tell whether its reader may still read", async () => {
  let admitted = async () => true;
  const { response } = await open(() => true);
  const doubtful = new SlowResponse();
  const streams = createStreams();
  await streams.open(doubtful as unknown as ServerResponse, () => admitted());
  admitted = async () => Promise.reject(new Error("the store is away"));
  await streams.closeUnadmitted();
  await jest.advanceTimersByTimeAsync(20_000);
  expect([doubtful.text, doubtful.writableEnded]).toEqual([response.text, false]);
  admitted = async () => false;
  await jest.advanceTimersByTimeAsync(20_000);
  expect(doubtful.writableEnded).toBe(true);
});
