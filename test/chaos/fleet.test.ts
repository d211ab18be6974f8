import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { openSharedStore } from "../../packages/server/src/store/open.ts";
import { afterwards, cleanup } from "../harness/cleanup.ts";
import { saveApp } from "../harness/connect.ts";
import { Product } from "../harness/product.ts";
import { startProvider } from "../harness/provider.ts";
import { startMongodb, startRedis, withServers } from "../harness/services.ts";
import { pause } from "../harness/wait.ts";
import { unleash } from "./chaos.ts";
import { Crowd, manifest, stored } from "./crowd.ts";
import { providerFaults, Reaper } from "./faults.ts";
import { Gate } from "./gate.ts";
import { type Fault, seedOfRun } from "./storm.ts";

/* Three servers and three workers over one store and one queue, all of which die, sleep and come back while the provider fails. */

const servers = 3;
const workers = 3;
const size = 200;
/** How long an access token lives, in seconds. */
const lifetime = 60;
/**
 * `TOKEN_TIMEOUT`, in seconds: a lease lasts a third longer, and an answer that cannot be asked for again is waited for four times as long.
 */
const tokenTimeout = 4;
const longerThanLease = 8_000;
const storeAway = 10_000;
const lasts = 60_000;
const calm = 150_000;
const workflows = 3;
/** Milliseconds that a workflow waits between two connections. */
const rest = 100;
/** An answer that a running process was given longer ago, in milliseconds, is stored, or kept on its disk. */
const storedWithin = 5_000;
const clockOff = 5 * 60_000;

jest.setTimeout(600_000);
afterAll(cleanup);

withServers("a fleet of three servers and three workers", () => {
  test("sends no refresh token twice and loses no token but one whose answer was lost, whatever ends, sleeps or fails", async () => {
    const seed = seedOfRun();
    const provider = await startProvider();
    const gate = await Gate.open(provider.issuer);
    const [redis, mongodb] = await Promise.all([startRedis(), startMongodb()]);
    const first = new Product({
      connectors: { acme: manifest(gate, provider.issuer) },
      role: "server",
      env: {
        MONGODB_URL: `${mongodb.url}/chaos`,
        REDIS_URL: redis.url,
        MASTER_KEYS: `chaos:${randomBytes(32).toString("base64")}`,
        TOKEN_TIMEOUT: String(tokenTimeout),
        LOG_LEVEL: "info",
      },
    });
    afterwards(() => first.end("SIGKILL"));
    await first.start();
    const wrongClock = { NODE_OPTIONS: `--import ${join(__dirname, "clock.mjs")}`, CLOCK_OFF_MS: String(clockOff) };
    const serving = [first, ...Array.from({ length: servers - 1 }, () => first.peer({ role: "server" }))];
    const working = Array.from({ length: workers }, (_, index) =>
      first.peer({ role: "worker", env: index === 0 ? wrongClock : {} }),
    );
    const processes = [...serving, ...working];
    await Promise.all(processes.slice(1).map((process) => process.start()));
    await saveApp(first, provider, "acme");
    const crowd = new Crowd(gate, serving);
    const reaper = new Reaper(gate, { sleep: longerThanLease, storedWithin });
    let stops = 0;
    const services: Fault[] = [
      {
        name: "Redis is started again, empty",
        async strike() {
          await redis.stop("SIGKILL");
          await redis.start();
        },
      },
      {
        name: "MongoDB is away",
        async strike() {
          stops += 1;
          await mongodb.stop();
          await pause(storeAway);
          await mongodb.start();
        },
      },
    ];
    await unleash({
      ...{ name: "Fleet", seed, provider, gate, crowd, size, lifetime, workflows, rest, lasts, calm, processes },
      tracks: [
        {
          faults: [
            reaper.killing("a worker", working),
            reaper.killing("a server", serving),
            reaper.stopping("a worker", working),
            reaper.stopping("a server", serving),
          ],
          gap: 1_500,
        },
        { faults: providerFaults(gate, longerThanLease), gap: 2_000 },
        { faults: services, gap: 12_000 },
      ],
      losses: () => reaper.kills + stops * processes.length,
      async remains() {
        const store = await openSharedStore(`${mongodb.url}/chaos`);
        const records = await stored(store, crowd);
        await store.close();
        return { records, jobs: await queued(redis.url) };
      },
    });
  });
});

/** The connections that a refresh is queued for. */
async function queued(url: string): Promise<string[]> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const suffix = ":{refresh}:meta";
  const [meta] = await connection.keys(`*${suffix}`);
  if (meta === undefined) throw new Error("there is no queue of refreshes");
  const queue = new Queue("{refresh}", { connection, prefix: meta.slice(0, -suffix.length) });
  const jobs = await queue.getJobs(["wait", "delayed", "active", "prioritized"]);
  await queue.close();
  connection.disconnect();
  return jobs.map(({ data }) => data.id);
}
