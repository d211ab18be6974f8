import { createHeap } from "../src/queue/heap.ts";
import { createInProcessQueue } from "../src/queue/in-process.ts";
import { queueContract } from "./contract/queue.ts";

queueContract("in process", async (log) => createInProcessQueue({ log }));

test("a heap gives its entries in order, however they came", () => {
  const heap = createHeap<number>((a, b) => a < b);
  const numbers = Array.from({ length: 500 }, (_, n) => (n * 7919) % 503);
  heap.replace(numbers.slice(0, 200));
  for (const number of numbers.slice(200)) heap.push(number);
  expect(heap.size).toBe(500);
  const popped = Array.from({ length: 500 }, () => heap.pop());
  expect(popped).toEqual([...numbers].sort((a, b) => a - b));
  expect([heap.pop(), heap.peek(), heap.size]).toEqual([undefined, undefined, 0]);
});

test("a queue that is only waiting keeps no process alive", async () => {
  const queue = createInProcessQueue({ log: () => {} });
  queue.work("refresh", { concurrency: 1 }, async () => {});
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  await queue.put({ kind: "refresh", id: "a", due: Date.now() + 3_600_000 });
  expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before);
  await queue.close();
});
