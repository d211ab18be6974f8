import { afterwards, cleanup } from "./harness/cleanup.ts";
import { connect, oauthManifest, saveApp } from "./harness/connect.ts";
import { Product } from "./harness/product.ts";
import { startProvider } from "./harness/provider.ts";
import { startMongodb, startRedis, withServers } from "./harness/services.ts";
import { newDeployment } from "./harness/shape.ts";
import { until } from "./harness/wait.ts";
import { freePort } from "./tools/services.mjs";

/* Servers and workers apart: what each of them does, what they wait for at the start, and what they say of what they need. */

jest.setTimeout(240_000);
afterEach(cleanup);

/** A deployment's first process, with a Redis of its own where one is given. */
function product(
  env: Readonly<Record<string, string>>,
  role?: "server" | "worker",
  connectors?: Readonly<Record<string, string>>,
) {
  const made = new Product({
    env: { ...newDeployment(), LOG_LEVEL: "info", ...env },
    ...(role === undefined ? {} : { role }),
    ...(connectors === undefined ? {} : { connectors }),
  });
  afterwards(() => made.end("SIGKILL"));
  return made;
}

withServers("servers and workers", () => {
  test("a server leaves what is due to the worker, which refreshes it, and shows no page and no API itself", async () => {
    const provider = await startProvider();
    await provider.set({ access_token_ttl: 8 });
    const server = product({}, "server", { acme: oauthManifest(provider, { name: "acme" }) });
    await server.start();
    await saveApp(server, provider, "acme");
    const { id } = await connect(server, "acme");
    const { expires_at } = (await server.get(`/v1/connections/${id}`)).json;
    const refreshed = async () => {
      const { items } = (await server.get(`/v1/connections/${id}/events?type=refreshed`)).json;
      return items.length > 0;
    };
    await until("the end of the token", () => Date.now() > Date.parse(expires_at));
    expect(await refreshed()).toBe(false);
    const worker = server.peer({ role: "worker" });
    await worker.start();
    await until("the worker's refresh", refreshed);
    for (const path of ["/healthz", "/readyz"]) expect((await worker.get(path)).status).toBe(200);
    for (const path of ["/", "/v1/platform", "/v1/connections", "/openapi.json", "/sandbox", "/sign-in"])
      expect((await worker.get(path)).status).toBe(404);
    expect(worker.output).not.toMatch(/Sign-in link|Admin key/);
    expect(await worker.end("SIGTERM")).toBe(0);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  test("the start waits for MongoDB and Redis, says for which, and goes on when they are there", async () => {
    const [redis, mongodb] = [await startRedis(), await startMongodb()];
    await redis.stop();
    await mongodb.stop();
    const waiting = product({
      MONGODB_URL: `${mongodb.url}/waits`,
      REDIS_URL: redis.url.replace("redis://", "redis://:secret-of-redis@"),
    });
    const started = waiting.start();
    started.catch(() => {});
    await until("the wait for MongoDB", () => waiting.output.includes(`waiting for MongoDB at ${new URL(mongodb.url).host}`));
    await mongodb.start();
    await until("the wait for Redis", () => waiting.output.includes(`waiting for Redis at ${new URL(redis.url).host}`), {
      timeout: 60_000,
    });
    expect(waiting.output).not.toContain("secret-of-redis");
    await waiting.end("SIGKILL");
    await started.catch(() => {});
  });

  test("a start that waited for too long ends with what to do, and one that is not let in does not wait", async () => {
    const port = await freePort();
    const late = product({ REDIS_URL: `redis://:hidden@127.0.0.1:${port}`, START_TIMEOUT: "1" });
    await expect(late.start()).rejects.toThrow(`Redis at 127.0.0.1:${port} did not answer within 1 s`);
    expect(late.output).not.toContain("hidden");
    const redis = await startRedis();
    const refused = product({ REDIS_URL: redis.url.replace("redis://", "redis://somebody:hidden@") });
    await expect(refused.start()).rejects.toThrow(`Redis at ${new URL(redis.url).host} cannot be used`);
    expect(refused.output).not.toContain("hidden");
    expect(refused.output).not.toContain("waiting for Redis");
  });

  test("it tells which of what it needs is down: without Redis it is degraded and serves, without MongoDB it is not ready", async () => {
    const [redis, mongodb] = [await startRedis(), await startMongodb()];
    const one = product({ MONGODB_URL: `${mongodb.url}/ready`, REDIS_URL: redis.url });
    await one.start();
    const state = async () => {
      const { status, json } = await one.get("/readyz");
      return { status, ...json };
    };
    expect(await state()).toEqual({ status: "ok", checks: { store: "ok", queue: "ok" } });
    expect((await one.get("/readyz")).status).toBe(200);
    await redis.stop("SIGKILL");
    await until("the loss of Redis", async () => (await state()).status === "degraded");
    const degraded = await one.get("/readyz");
    expect([degraded.status, degraded.json]).toEqual([200, { status: "degraded", checks: { store: "ok", queue: "down" } }]);
    expect((await one.get("/v1/connections")).status).toBe(200);
    await mongodb.stop("SIGKILL");
    const down = await until("the loss of MongoDB", async () => {
      const answer = await one.get("/readyz");
      return answer.status === 503 ? answer : undefined;
    });
    expect(down.json.checks).toEqual({ store: "down", queue: "down" });
    await mongodb.start();
    await redis.start();
    await until("both to be back", async () => (await state()).status === "ok", { timeout: 60_000 });
    const lost = one.output.split("\n").filter((line) => line.includes("Redis is out of reach"));
    expect(lost).toHaveLength(1);
  });
});
