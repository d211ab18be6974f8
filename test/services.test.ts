import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { sharedRedis, startMongodb, startRedis, withMongodb, withRedis } from "./harness/services.ts";

afterEach(cleanup);

withRedis("the tests' Redis", () => {
  test("comes back empty at the same address after it was killed", async () => {
    const server = await startRedis();
    const redis = new Redis(server.url, { retryStrategy: () => 20 });
    redis.on("error", () => {});
    afterwards(() => redis.disconnect());
    await redis.set("a", "1");
    await server.stop("SIGKILL");
    await server.start();
    expect(await redis.get("a")).toBeNull();
  });

  test("is another one than the suites share", async () => {
    const own = await startRedis();
    expect(own.url).not.toBe(sharedRedis);
    const redis = new Redis(sharedRedis);
    afterwards(() => redis.disconnect());
    expect(await redis.ping()).toBe("PONG");
  });
});

withMongodb("the tests' MongoDB-compatible server", () => {
  test("keeps what was written when it is stopped and started, or killed", async () => {
    const server = await startMongodb();
    const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 20_000 });
    afterwards(() => client.close());
    const records = client.db("test").collection<{ _id: string }>("records");
    await records.insertOne({ _id: "a" });
    await server.stop();
    await server.start();
    await records.insertOne({ _id: "b" });
    await server.stop("SIGKILL");
    await server.start();
    expect((await records.find().toArray()).map(({ _id }) => _id)).toEqual(["a", "b"]);
  });

  test("has no leftover process when the file is over", async () => {
    const { pid } = await startMongodb();
    expect(() => process.kill(pid, 0)).not.toThrow();
    await cleanup();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});
