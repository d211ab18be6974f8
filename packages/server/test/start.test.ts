import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { ConfigError, readConfig } from "../src/config.ts";
import { greeting } from "../src/main.ts";
import { startServer } from "../src/server.ts";
import { openStore } from "../src/store/sqlite.ts";
import { keyManifest, startProduct } from "./product.ts";
import { temporary } from "./temporary.ts";

const welcome = { adminKey: "jf_key", signInToken: "token" };

test("the first start shows address, key and link; a later one shows no key", () => {
  const first = greeting({ url: "http://localhost:3000", connectors: 7, welcome }, 123);
  expect(first).toMatch(/^ *Address +http:\/\/localhost:3000$/m);
  expect(first).toMatch(/^ *Admin key +jf_key$/m);
  expect(first).toMatch(/^ *Sign-in link +http:\/\/localhost:3000\/sign-in\?token=token$/m);
  expect(first).toMatch(/^ready in 123 ms, 7 connectors$/m);
  expect(
    greeting({ url: "http://localhost:3000", connectors: 7, welcome: { ...welcome, adminKey: undefined } }, 1),
  ).not.toContain("key");
});

describe("starting", () => {
  const silent = () => {};
  const config = (env: Record<string, string>) => readConfig({ PORT: "0", DATA_DIR: join(temporary(), "data"), ...env });

  test("twice gives a new link each time, of which only the newest works, and makes one key", async () => {
    const same = config({});
    const first = await startServer(same, silent);
    await first.close();
    const second = await startServer(same, silent);
    expect(first.welcome.adminKey).toMatch(/^jf_/);
    expect(second.welcome.adminKey).toBeUndefined();
    const open = (token: string) => fetch(`${second.url}/sign-in?token=${token}`, { redirect: "manual" });
    expect((await open(first.welcome.signInToken)).status).toBe(400);
    expect((await open(second.welcome.signInToken)).status).toBe(303);
    const asked = await fetch(`${second.url}/v1/session`, { headers: { authorization: `Bearer ${first.welcome.adminKey}` } });
    expect(await asked.json()).toMatchObject({ role: "admin", owner: "admin", workspace: "default" });
    await second.close();
  });

  test("keeps what stands in the way of a disconnect for as long as it does, however soon events are forgotten", async () => {
    const dataDir = join(temporary(), "data");
    const connectors = { held: keyManifest("held") };
    const first = await startProduct({ dataDir, connectors });
    const { id } = (
      await first.send("POST", "/v1/connections", { body: { connector: "held", fields: { api_key: "k-0123456789" } } })
    ).json;
    await first.server.close();
    const store = openStore(join(dataDir, "jackfield.db"));
    const used = (workflow: string, days: number) => ({
      connection: id,
      workflow,
      last_used_at: new Date(Date.now() - days * 86_400_000).toISOString(),
      count: 1,
    });
    await store.usage.add([used("monthly", 20), used("given up", 40)]);
    await store.close();
    const second = await startProduct({ dataDir, connectors, env: { EVENT_RETENTION_DAYS: "1" } });
    const refused = await second.send("DELETE", `/v1/connections/${id}`);
    expect(refused.json).toMatchObject({ code: "in_use", workflows: ["monthly"] });
    const { items } = (await second.send("GET", `/v1/connections/${id}/usage`)).json;
    expect(items.map(({ workflow }: { workflow: string }) => workflow)).toEqual(["monthly"]);
    await second.server.close();
  });

  test("with another ADMIN_API_KEY, or with none any more, ends the one before; connections keep their owner", async () => {
    const dataDir = join(temporary(), "data");
    const ask = async (env: Record<string, string>, keys: readonly string[]) => {
      const server = await startServer(config({ DATA_DIR: dataDir, ...env }), silent);
      const statuses = await Promise.all(
        keys.map(
          async (key) => (await fetch(`${server.url}/v1/session`, { headers: { authorization: `Bearer ${key}` } })).status,
        ),
      );
      await server.close();
      return { statuses, made: server.welcome.adminKey };
    };
    const [a, b] = ["the-first-key-0123456789ab", "the-second-key-0123456789ab"];
    expect(await ask({ ADMIN_API_KEY: a }, [a, b])).toEqual({ statuses: [200, 401], made: undefined });
    expect(await ask({ ADMIN_API_KEY: b }, [a, b])).toEqual({ statuses: [401, 200], made: undefined });
    expect(await ask({ ADMIN_API_KEY: a }, [a, b])).toEqual({ statuses: [200, 401], made: undefined });
    expect(await ask({}, [a, b])).toEqual({ statuses: [401, 401], made: expect.stringMatching(/^jf_/) });
  });

  test("on a port in use says so and leaves nothing locked", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const port = String((taken.address() as AddressInfo).port);
    const dataDir = join(temporary(), "data");
    await expect(startServer(config({ PORT: port, DATA_DIR: dataDir }), silent)).rejects.toThrow(
      `Port ${port} is in use. Stop what listens there, or set PORT.`,
    );
    taken.close();
    await (await startServer(config({ DATA_DIR: dataDir }), silent)).close();
  });

  test("on an address of another machine, or in a folder that is in use, says what to change", async () => {
    await expect(startServer(config({ HOST: "192.0.2.1" }), silent)).rejects.toThrow(
      /HOST 192\.0\.2\.1 is not an address of this machine/,
    );
    const same = config({});
    const first = await startServer(same, silent);
    await expect(startServer(same, silent)).rejects.toThrow(/in use by another Jackfield process/);
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    await first.close();
  });

  test("with a configuration that has problems does not begin", () => {
    expect(() => readConfig({ PORT: "x", LOG_LEVEL: "y" })).toThrow(ConfigError);
  });
});

/** `run` in a process of its own, from the built package. */
describe("the process", () => {
  const built = join(import.meta.dirname, "../dist/index.js");
  const children: ChildProcess[] = [];
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  function run(env: Record<string, string>) {
    const child = spawn(process.execPath, ["-e", `import(${JSON.stringify(built)}).then((server) => server.run(process.env))`], {
      env: { PATH: process.env.PATH, PORT: "0", DATA_DIR: join(temporary(), "data"), LOG_LEVEL: "silent", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    const printed = { out: "", error: "" };
    child.stdout.on("data", (chunk) => (printed.out += chunk));
    child.stderr.on("data", (chunk) => (printed.error += chunk));
    const ready = async () => {
      while (!printed.out.includes("ready in")) {
        if (child.exitCode !== null) throw new Error(printed.error);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    return { child, printed, ready, ended: once(child, "close") as Promise<[number | null]> };
  }

  test.each(["SIGTERM", "SIGINT"] as const)("ends with status 0 after %s, and its data folder is free", async (signal) => {
    const dataDir = join(temporary(), "data");
    const first = run({ DATA_DIR: dataDir });
    await first.ready();
    first.child.kill(signal);
    expect((await first.ended)[0]).toBe(0);
    expect(first.printed.error).toBe("");
    const second = run({ DATA_DIR: dataDir });
    await second.ready();
    second.child.kill("SIGTERM");
    expect((await second.ended)[0]).toBe(0);
  });

  test("tells all problems of the configuration at once, without a stack, and ends with status 1", async () => {
    const { ended, printed } = run({ PORT: "high", PUBLIC_URL: "ftp://x", MONGODB_URL: "mongodb://x" });
    expect((await ended)[0]).toBe(1);
    for (const name of ["PORT", "PUBLIC_URL", "MONGODB_URL"]) expect(printed.error).toContain(name);
    expect(printed.error).not.toMatch(/^\s+at /m);
    expect(printed.out).toBe("");
  });

  test("ends with status 1 and one line when it cannot start", async () => {
    const { ended, printed } = run({ DATA_DIR: "/dev/null/data" });
    expect((await ended)[0]).toBe(1);
    expect(printed.error).toMatch(/^DATA_DIR \/dev\/null\/data cannot be used: .*\n$/);
  });
});
