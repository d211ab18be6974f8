import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { cleanup } from "./harness/cleanup.ts";
import { connect, keyedManifest, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { send } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { scaleOut } from "./harness/shape.ts";
import { pause, until } from "./harness/wait.ts";

jest.setTimeout(120_000);

/** A fleet keeps nothing in its data folders that a second process could harm. */
const embedded = scaleOut ? test.skip : test;

let provider: Provider;
const connectors = () => ({
  acme: oauthManifest(provider, { name: "acme" }),
  keyed: keyedManifest(provider, "keyed"),
});

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey("key-for-durability");
});
afterAll(cleanup);
beforeEach(() => provider.reset());

const newKeyed = (product: Product, owner: string) =>
  product.post("/v1/connections", { connector: "keyed", owner, fields: { api_key: "key-for-durability" } });

describe("kill -9 at random moments", () => {
  test("loses no connection that was answered for, and the store opens each time", async () => {
    const product = await startProduct({ connectors: connectors() });
    const answered: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      let stop = false;
      const worker = async (name: number) => {
        for (let turn = 0; !stop; turn += 1) {
          const answer = await newKeyed(product, `owner-${round}-${name}-${turn}`).catch(() => undefined);
          if (answer === undefined) return;
          expect([200, 201]).toContain(answer.status);
          answered.push(answer.json.id);
        }
      };
      const work = Promise.all([1, 2, 3, 4].map(worker));
      await pause(100 + Math.random() * 500);
      await product.end("SIGKILL");
      stop = true;
      await work;
      await product.start();
    }
    expect(answered.length).toBeGreaterThan(8);
    for (const id of answered) {
      const connection = await look(product, id);
      expect(connection).toMatchObject({ id, status: "connected", label: "Ada Lovelace's key" });
    }
    expect((await step(product, answered.at(-1) ?? "", "list_items")).status).toBe(200);
  });

  test("leaves connections usable that were just being refreshed", async () => {
    await provider.set({ keep_refresh_token: true });
    const product = await startProduct({ connectors: connectors() });
    await saveApp(product, provider, "acme");
    const ids: string[] = [];
    for (const as of ["ada", "alan", "eve"] as const) ids.push((await connect(product, "acme", { as })).id);
    for (let round = 0; round < 5; round += 1) {
      const cut = Promise.all(
        ids.map(async (id) => {
          for (let turn = 0; turn < 50; turn += 1) {
            const answer = await product.post(`/v1/connections/${id}/refresh`).catch(() => undefined);
            if (answer === undefined) return;
            expect(answer.status).toBe(200);
          }
        }),
      );
      await pause(30 + Math.random() * 250);
      await product.end("SIGKILL");
      await cut;
      await product.start();
      for (const id of ids) {
        const answer = await step(product, id, "list_items");
        expect(answer.status).toBe(200);
        expect((await look(product, id)).status).toBe("connected");
      }
    }
  });
});

describe("the first start and the second", () => {
  test("the first prints an address, an admin key and a one-time sign-in link; the second keeps the key and prints none", async () => {
    const product = await startProduct({ connectors: connectors() });
    const first = product.output;
    expect(first).toContain(product.url);
    expect(product.adminKey).not.toBe("");
    expect(first).toContain(product.adminKey);
    expect(product.signInLink.startsWith(product.url)).toBe(true);
    expect((await product.get("/v1/connections")).status).toBe(200);
    const { id } = (await newKeyed(product, "somebody")).json;

    expect(await product.end("SIGTERM")).toBe(0);
    const second = await product.start();
    expect(second).toContain(product.url);
    expect(second).not.toContain(product.adminKey);
    expect((await product.get("/v1/connections")).status).toBe(200);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("what is secret in the data folder is readable by nobody else", async () => {
    const product = await startProduct({});
    expect(statSync(product.dataDir).mode & 0o077).toBe(0);
    for (const name of readdirSync(product.dataDir)) {
      const status = statSync(join(product.dataDir, name));
      if (status.isFile()) expect([name, status.mode & 0o077]).toEqual([name, 0]);
    }
  });

  test("ADMIN_API_KEY fixes the first admin's key, and it is not printed", async () => {
    const key = "the-operators-own-key-0123456789abcdef";
    const product = await startProduct({ env: { ADMIN_API_KEY: key } });
    expect((await product.send("GET", "/v1/connections", undefined, { key })).status).toBe(200);
    expect(product.output).not.toContain(key);
  });

  embedded("a second process on the same data folder is refused with what to do, and the first goes on", async () => {
    const product = await startProduct({});
    const child = spawn(process.execPath, ["packages/cli/bin/jackfield.js", "start"], {
      env: { PATH: process.env.PATH, PORT: "0", DATA_DIR: product.dataDir },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    expect(output).toContain(product.dataDir);
    expect(output).not.toMatch(/^\s+at /m);
    expect((await product.get("/v1/connections")).status).toBe(200);
  });

  test("everything that is wrong with the configuration is told at once, with the variable and the cure", async () => {
    const child = spawn(process.execPath, ["packages/cli/bin/jackfield.js", "start"], {
      env: {
        PATH: process.env.PATH,
        PORT: "high",
        PUBLIC_URL: "ftp://x",
        ALLOW_PRIVATE_NETWORKS: "everything",
        MASTER_KEYS: "a:c2VjcmV0",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    for (const name of ["PORT", "PUBLIC_URL", "ALLOW_PRIVATE_NETWORKS", "MASTER_KEYS"]) expect(output).toContain(name);
    expect(output).not.toContain("c2VjcmV0");
    expect(output).not.toMatch(/^\s+at /m);
  });
});

describe("SIGTERM", () => {
  test("lets a running step finish, takes nothing new, and ends with status 0", async () => {
    const product = await startProduct({ connectors: connectors() });
    const { id } = (await newKeyed(product, "somebody")).json;
    const slow = step(product, id, "slow", { ms: 2000 });
    await until("the step to run", async () => (await provider.log("/keyed/slow")).length > 0);
    const gone = product.end("SIGTERM");
    await pause(300);
    const late = await send(`${product.url}/v1/connections`, { headers: { authorization: `Bearer ${product.adminKey}` } }).catch(
      () => undefined,
    );
    if (late) expect(late.status).toBe(503);
    const answer = await slow;
    expect(answer.status).toBe(200);
    expect(answer.json.output).toEqual({ slept: true });
    expect(await gone).toBe(0);
  });

  test("lets a running refresh finish and stores what it brought", async () => {
    const product = await startProduct({ connectors: connectors() });
    await saveApp(product, provider, "acme");
    const { id } = await connect(product, "acme");
    await provider.set({ token_delay_ms: 1500 });
    const refreshing = product.post(`/v1/connections/${id}/refresh`);
    await until("the token request", async () => (await provider.log("/token")).length > 1);
    expect(await product.end("SIGTERM")).toBe(0);
    expect((await refreshing).status).toBe(200);
    await provider.set({ token_delay_ms: 0 });
    await product.start();
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });
});
