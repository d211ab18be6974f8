import { randomBytes } from "node:crypto";
import type { Log, Queue } from "@jackfield/engine";
import { Redis } from "ioredis";
import { openBullmqQueue } from "../src/queue/bullmq.ts";
import { createHeap } from "../src/queue/heap.ts";
import { createInProcessQueue } from "../src/queue/in-process.ts";
import { askRedis } from "../src/queue/redis.ts";
import { queueContract, until } from "./contract/queue.ts";

queueContract("in process", async (log) => createInProcessQueue({ log }));

const url = process.env.TEST_REDIS_URL ?? "";
const withRedis = url === "" ? describe.skip : describe;

withRedis("in Redis", () => {
  let prefix: string;
  let redis: Redis;
  const open: Queue[] = [];
  const log: string[] = [];

  const join = async (clock: () => number = Date.now) => {
    const note: Log = (level, message, fields) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
    const queue = await openBullmqQueue({ url, facts: await askRedis(url), prefix, log: note, clock });
    open.push(queue);
    return queue;
  };
  /** What is left in Redis of jobs: not their counter, nor the marks that wake workers. */
  const leftOver = async () => {
    const keys = await redis.keys(`${prefix}:*`);
    return keys.filter((key) => !/:(meta|events|id|marker|stalled-check)$/.test(key));
  };

  beforeAll(() => {
    redis = new Redis(url);
  });
  afterAll(() => redis.disconnect());
  beforeEach(() => {
    prefix = `test-${randomBytes(6).toString("hex")}`;
    log.length = 0;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((queue) => queue.close()));
    const keys = await redis.keys(`${prefix}:*`);
    if (keys.length > 0) await redis.del(keys);
  });

  queueContract("BullMQ", async (tell) => {
    const own = `test-${randomBytes(6).toString("hex")}`;
    return openBullmqQueue({ url, facts: await askRedis(url), prefix: own, log: tell, clock: Date.now });
  });

  test("of two processes each job is done by one, and nothing of it is left over", async () => {
    const [one, other] = [await join(), await join()];
    const ran: string[] = [];
    const ids = Array.from({ length: 100 }, (_, n) => `c${n}`);
    await Promise.all([one, other].flatMap((queue) => ids.map((id) => queue.put({ kind: "refresh", id, due: 0 }))));
    for (const queue of [one, other]) queue.work("refresh", { concurrency: 4 }, async (id) => void ran.push(id));
    await until(() => ran.length === ids.length);
    await until(async () => (await leftOver()).length === 0);
    expect(new Set(ran)).toEqual(new Set(ids));
  });

  test("a job that another process puts while it runs here runs once more, and never beside itself", async () => {
    const [worker, other] = [await join(), await join()];
    let [runs, running, most] = [0, 0, 0];
    const waiting: (() => void)[] = [];
    for (const queue of [worker, other])
      queue.work("refresh", { concurrency: 4 }, async () => {
        runs += 1;
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => waiting.push(resolve));
        running -= 1;
      });
    await other.put({ kind: "refresh", id: "a", due: 0 });
    await until(() => waiting.length === 1);
    for (let n = 0; n < 5; n += 1) await (n % 2 === 0 ? worker : other).put({ kind: "refresh", id: "a", due: 0 });
    waiting[0]?.();
    await until(() => waiting.length === 2);
    waiting[1]?.();
    await until(async () => (await leftOver()).length === 0);
    expect([runs, most]).toEqual([2, 1]);
  });

  test("of puts and removals at once from two processes no job is stuck and none is left over", async () => {
    const queues = [await join(), await join()] as const;
    const last = new Map<string, number>();
    for (const queue of queues)
      queue.work("refresh", { concurrency: 4 }, async (id) => {
        last.set(id, Date.now());
      });
    const ids = Array.from({ length: 20 }, (_, n) => `c${n}`);
    const work = ids.flatMap((id, n) =>
      Array.from({ length: 30 }, (_, m) => {
        const queue = queues[(n + m) % 2 === 0 ? 0 : 1];
        const put = () => queue.put({ kind: "refresh", id, due: Date.now() + ((n * m) % 40) });
        return m % 7 === 3 ? queue.remove("refresh", id) : put();
      }),
    );
    await Promise.all(work);
    const settled = Date.now();
    await Promise.all(ids.map((id) => queues[0].put({ kind: "refresh", id, due: Date.now() })));
    await until(() => ids.every((id) => (last.get(id) ?? 0) >= settled));
    await until(async () => (await leftOver()).length === 0);
  });

  test("a worker whose machine is minutes ahead does not run a job before its time", async () => {
    const ahead = 300_000;
    const real = Date.now();
    // The store's clock is behind this machine's by five minutes.
    const clock = () => Date.now() - ahead;
    const queue = await join(clock);
    const ran: number[] = [];
    queue.work("refresh", { concurrency: 1 }, async () => void ran.push(clock()));
    const due = real - ahead + 2_500;
    await queue.put({ kind: "refresh", id: "a", due });
    await until(() => ran.length === 1);
    expect(ran[0]).toBeGreaterThanOrEqual(due);
    await until(async () => (await leftOver()).length === 0);
  });

  test("all keys of a kind are in one slot of a cluster, and begin with the deployment's prefix", async () => {
    const queue = await join();
    queue.work("refresh", { concurrency: 1 }, async () => {});
    await queue.put({ kind: "refresh", id: "a", due: Date.now() + 60_000 });
    const keys = await redis.keys(`${prefix}:*`);
    expect(keys.length).toBeGreaterThan(3);
    for (const key of keys) expect(key).toMatch(new RegExp(`^${prefix}:\\{[a-z]+\\}:`));
  });
});

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
