import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Log } from "@jackfield/engine";
import { Redis } from "ioredis";
import { openBullmqQueue, type RemoteQueue } from "../packages/server/src/queue/bullmq.ts";
import { askRedis } from "../packages/server/src/queue/redis.ts";
import { certificateFiles } from "./harness/certificate.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { type OwnServer, startRedis, withRedis } from "./harness/services.ts";
import { until } from "./harness/wait.ts";
import { freePort } from "./tools/services.mjs";

/* The queue in Redis when workers are killed, and Redis is emptied, restarted, held, or gone; and Redis in its other forms. */

jest.setTimeout(120_000);
afterEach(cleanup);

const prefix = "jackfield:test";
const kind = "refresh";

interface Joined {
  readonly queue: RemoteQueue;
  readonly log: string[];
}

async function joined(url: string): Promise<Joined> {
  const log: string[] = [];
  const note: Log = (level, message, fields) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const queue = await openBullmqQueue({ url, facts: await askRedis(url), prefix, log: note, clock: Date.now });
  afterwards(() => queue.close());
  return { queue, log };
}

/** A queue with one worker for the jobs, and what has run. */
async function working(url: string): Promise<Joined & { readonly ran: string[] }> {
  const one = await joined(url);
  const ran: string[] = [];
  one.queue.work(kind, { concurrency: 4 }, async (id) => void ran.push(id));
  return { ...one, ran };
}

async function admin(redis: OwnServer): Promise<Redis> {
  const client = new Redis(redis.url);
  client.on("error", () => {});
  afterwards(() => client.disconnect());
  return client;
}

interface Stubborn {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Another process that takes jobs and does not end them, once it is there, or is over. */
async function stubborn(url: string, env: Readonly<Record<string, string>> = {}): Promise<Stubborn> {
  let output = "";
  const child = spawn(process.execPath, [join(__dirname, "harness/queue-worker.mjs"), url, prefix], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, ...env },
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  afterwards(() => child.kill("SIGKILL"));
  await until("the other process", () => output.includes("ready") || child.exitCode !== null);
  return { child, output: () => output };
}

withRedis("the queue in Redis", () => {
  test("gives the job that a killed worker held to another one", async () => {
    const redis = await startRedis();
    const other = await stubborn(redis.url);
    const { queue, ran } = await working(redis.url);
    for (let n = 0; !other.output().includes("began"); n += 1) {
      await queue.put({ kind, id: `job-${n}`, due: 0 });
      await until("one of the two", () => ran.includes(`job-${n}`) || other.output().includes(`began job-${n}`));
    }
    const held = /began (\S+)/.exec(other.output())?.[1] ?? "";
    expect(ran).not.toContain(held);
    other.child.kill("SIGKILL");
    await until("the job to run again", () => ran.includes(held), { timeout: 60_000 });
    expect(ran.filter((id) => id === held)).toHaveLength(1);
  });

  test("runs jobs again that are put after it was emptied, while workers wait for some", async () => {
    const redis = await startRedis();
    const { queue, ran } = await working(redis.url);
    await queue.put({ kind, id: "before", due: 0 });
    await until("the first job", () => ran.length === 1);
    await queue.put({ kind, id: "lost", due: Date.now() + 60_000 });
    await (await admin(redis)).flushall();
    expect((await queue.waiting())[kind]).toBe(0);
    await queue.put({ kind, id: "soon", due: Date.now() + 300 });
    await until("a job with a time", () => ran.includes("soon"));
    await queue.put({ kind, id: "lost", due: 0 });
    await until("the lost job", () => ran.includes("lost"));
  });

  test("takes a job that was put while its namesake ran and everything was emptied", async () => {
    const redis = await startRedis();
    const { queue } = await joined(redis.url);
    const ends: (() => void)[] = [];
    queue.work(kind, { concurrency: 4 }, () => new Promise<void>((resolve) => void ends.push(resolve)));
    await queue.put({ kind, id: "a", due: 0 });
    await until("the job", () => ends.length === 1);
    await (await admin(redis)).flushall();
    ends[0]?.();
    await queue.put({ kind, id: "a", due: 0 });
    await until("the job again", () => ends.length === 2);
    ends[1]?.();
  });

  test("goes on by itself when Redis comes back empty, and has said that it was away once", async () => {
    const redis = await startRedis();
    const { queue, ran, log } = await working(redis.url);
    await queue.put({ kind, id: "before", due: 0 });
    await until("the first job", () => ran.length === 1);
    await redis.stop("SIGKILL");
    await until("the loss", () => log.length > 0);
    await expect(queue.ping()).rejects.toThrow();
    await expect(queue.waiting()).rejects.toThrow();
    // Nobody is kept waiting, and nobody is told a hundred times.
    for (let n = 0; n < 100; n += 1) await queue.put({ kind, id: `lost-${n}`, due: 0 });
    await queue.remove(kind, "lost-1");
    await redis.start();
    await until("Redis to be back", () =>
      queue.ping().then(
        () => true,
        () => false,
      ),
    );
    await queue.put({ kind, id: "after", due: 0 });
    await until("a job afterwards", () => ran.includes("after"));
    await queue.put({ kind, id: "later", due: Date.now() + 200 });
    await until("a job with a time", () => ran.includes("later"));
    expect(log.filter((line) => line.startsWith("warn Redis is out of reach"))).toHaveLength(1);
    expect(log.filter((line) => line.startsWith("info Redis is back"))).toHaveLength(1);
    expect(log.length).toBeLessThan(6);
  });

  test("keeps nobody waiting while Redis holds its connections and does not answer", async () => {
    const redis = await startRedis();
    const { queue, ran } = await working(redis.url);
    await queue.put({ kind, id: "before", due: 0 });
    await until("the first job", () => ran.length === 1);
    redis.pause();
    afterwards(() => redis.resume());
    // The first one finds out; a request that waited for each would take minutes.
    for (let n = 0; n < 200; n += 1) await queue.put({ kind, id: `held-${n}`, due: 0 }).catch(() => {});
    await expect(queue.ping()).rejects.toThrow();
    redis.resume();
    await until("an answer", () =>
      queue.ping().then(
        () => true,
        () => false,
      ),
    );
    await queue.put({ kind, id: "after", due: 0 });
    await until("a job afterwards", () => ran.includes("after"));
  });

  test("closes when Redis is gone, after the job that runs", async () => {
    const redis = await startRedis();
    const { queue } = await joined(redis.url);
    let [end, ended] = [() => {}, false];
    queue.work(kind, { concurrency: 1 }, async () => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      ended = true;
    });
    let began = false;
    queue.work("test", { concurrency: 1 }, async () => {
      began = true;
    });
    await queue.put({ kind, id: "a", due: 0 });
    await queue.put({ kind: "test", id: "b", due: 0 });
    await until("the jobs", () => began && String(end) !== "() => {}");
    await redis.stop("SIGKILL");
    const closed = queue.close();
    end();
    await closed;
    expect(ended).toBe(true);
  });

  test("lets in a user that may touch the deployment's keys alone, and says why another one is not let in", async () => {
    const redis = await startRedis();
    const { host } = new URL(redis.url);
    await (await admin(redis)).call("ACL", "SETUSER", "fleet", "on", ">p%40ss", "~jackfield:*", "+@all", "-@dangerous", "+info");
    const { queue, ran } = await working(`redis://fleet:p%2540ss@${host}`);
    await queue.put({ kind, id: "a", due: 0 });
    await until("the job", () => ran.length === 1);
    const refused = await askRedis(`redis://fleet:wrong-one@${host}`).catch((error: Error) => error.message);
    expect(refused).toMatch(/WRONGPASS/);
    expect(refused).not.toContain("wrong-one");
  });

  test("is spoken to over TLS where its URL says so, if its certificate is trusted", async () => {
    const { certificate, key } = certificateFiles();
    const port = await freePort();
    const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
    const redis = await startRedis(["--tls-port", `${port}`, ...files, "--tls-auth-clients", "no"]);
    const url = `rediss://127.0.0.1:${port}`;
    const stranger = await stubborn(url);
    expect(stranger.output()).toContain("self-signed certificate");
    expect(stranger.child.exitCode).not.toBe(0);
    const trusting = await stubborn(url, { NODE_EXTRA_CA_CERTS: certificate });
    const { queue } = await joined(redis.url);
    await queue.put({ kind, id: "a", due: 0 });
    await until("the job", () => trusting.output().includes("began a"));
  });

  test("works in a cluster", async () => {
    const redis = await startRedis(["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"]);
    const client = await admin(redis);
    await client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    await until("the cluster", async () => String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok"));
    expect((await askRedis(redis.url)).cluster).toBe(true);
    const { queue, ran } = await working(redis.url);
    for (const id of ["a", "b", "c"]) await queue.put({ kind, id, due: Date.now() + 50 });
    await until("the jobs", () => ran.length === 3);
    await queue.put({ kind: "deliver", id: "a", due: Date.now() + 60_000 });
    expect((await queue.waiting()).deliver).toBe(1);
    await queue.remove("deliver", "a");
    expect((await queue.waiting()).deliver).toBe(0);
  });
});
