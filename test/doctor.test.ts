import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { examine as examineHere, type Finding } from "@jackfield/server";
import { Redis } from "ioredis";
import Database from "libsql";
import { MongoClient } from "mongodb";
import { findSecrets } from "./harness/canary.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { startMongodb, startRedis, withMongodb, withRedis } from "./harness/services.ts";

jest.setTimeout(120_000);

const root = process.cwd();

/** Runs the command in a process of its own, with these variables and no others. */
async function run(env: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, [join(root, "packages/cli/bin/jackfield.js"), "doctor", ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
  });
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.error += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...said };
}

async function examine(env: Readonly<Record<string, string>>) {
  const { code, out, error } = await run(env, "--json");
  if (error !== "") throw new Error(error);
  const { findings, problems, warnings } = JSON.parse(out) as { findings: Finding[]; problems: number; warnings: number };
  return { code, problems, warnings, findings, of: (check: string) => findings.filter((finding) => finding.check === check) };
}

let product: Product;
/** What a stopped process left. */
let left: string;

beforeAll(async () => {
  product = await startProduct();
  left = join(temporary(), "left");
  const other = await startProduct({ dataDir: left });
  await other.end("SIGTERM");
});
afterAll(cleanup);

/** A copy of what a stopped process left, to be damaged. */
function folder(): string {
  const path = join(temporary(), "data");
  mkdirSync(path, { mode: 0o700 });
  for (const name of readdirSync(left)) {
    const from = join(left, name);
    if (!statSync(from).isFile()) continue;
    copyFileSync(from, join(path, name));
    chmodSync(join(path, name), 0o600);
  }
  return path;
}

function change(path: string, sql: string): void {
  const store = new Database(join(path, "jackfield.db"));
  store.exec(sql);
  store.close();
}

const key = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

test("a deployment that runs is found to be well, and goes on running", async () => {
  const env = { DATA_DIR: product.dataDir, PORT: new URL(product.url).port };
  for (let turn = 0; turn < 2; turn += 1) {
    const { code, findings, of } = await examine(env);
    expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
    expect(code).toBe(0);
    expect(of("data_folder")[0]?.says).toContain(`in use by process ${product.pid}`);
    expect(of("keys")[0]?.says).toContain("is the active key");
    expect(of("public_url")[0]?.says).toContain(`${product.url} leads to Jackfield`);
  }
  expect((await product.get("/readyz")).status).toBe(200);
  expect((await product.get("/v1/connectors")).status).toBe(200);
});

test("people get a line for each check, and the cure below it", async () => {
  const path = folder();
  chmodSync(path, 0o755);
  const { code, out } = await run({ DATA_DIR: path });
  expect(code).toBe(0);
  expect(out).toMatch(/^ok {7}configuration {2}Every variable that is set can be used\.$/m);
  expect(out).toMatch(
    new RegExp(`^warning  data_folder    ${path} is open to other users of this machine\\.\n +→ Run: chmod 700 ${path}$`, "m"),
  );
  expect(out).toMatch(/^0 problems, 1 warning$/m);
});

test("all problems of the configuration come at once, and nothing is looked at that follows from it", async () => {
  const { code, findings, problems } = await examine({ PORT: "high", MASTER_KEYS: "x", PUBLIC_URL: "ftp://x" });
  expect(code).toBe(1);
  expect(problems).toBe(3);
  expect(findings.map(({ check, level, says }) => [check, level, says.split(" ")[0]])).toEqual([
    ["configuration", "problem", "PORT"],
    ["configuration", "problem", "PUBLIC_URL"],
    ["configuration", "problem", "MASTER_KEYS"],
  ]);
});

test("before the first start there is nothing to complain of, and nothing is made", async () => {
  const path = join(temporary(), "new");
  const { code, problems, warnings } = await examine({ DATA_DIR: path, PORT: "1" });
  expect([code, problems, warnings]).toEqual([0, 0, 0]);
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

describe("it finds", () => {
  const cases: readonly (readonly [
    what: string,
    damage: (path: string) => Readonly<Record<string, string>> | undefined,
    check: string,
    level: Finding["level"],
    says: RegExp,
  ])[] = [
    [
      "a store that is none",
      (path) => void writeFileSync(join(path, "jackfield.db"), "no store at all, but long enough ".repeat(200)),
      "store",
      "problem",
      /cannot be opened/,
    ],
    ["a store of a newer version", (path) => void change(path, "PRAGMA user_version = 999"), "store", "problem", /newer version/],
    [
      "a store of an older version",
      (path) => void change(path, "PRAGMA user_version = 3"),
      "store",
      "warning",
      /older version \(3 of/,
    ],
    [
      "an index that is missing",
      (path) => void change(path, "DROP INDEX connections_due"),
      "store",
      "problem",
      /connections_due is missing/,
    ],
    [
      "events of the future",
      (path) =>
        void change(
          path,
          "INSERT INTO events (id, workspace, type, at, doc) VALUES ('e', 'w', 'used', '2999-01-01T00:00:00.000Z', '{}')",
        ),
      "clock",
      "problem",
      /2999.*was set back/,
    ],
    [
      "a key that is another one",
      (path) => ({ MASTER_KEYS: `${readFileSync(join(path, "keys"), "utf8").split(":")[0]}:${key.slice(3)}` }),
      "keys",
      "problem",
      /is not the key that the store was sealed with/,
    ],
    [
      "a key file that is gone",
      (path) => void rmSync(join(path, "keys")),
      "keys",
      "problem",
      /is missing, and the store is sealed with/,
    ],
    [
      "a key file that others can read",
      (path) => void chmodSync(join(path, "keys"), 0o644),
      "keys",
      "problem",
      /can be read by other users/,
    ],
    [
      "records that are sealed with a key that is not there",
      () => ({ MASTER_KEYS: key }),
      "keys",
      "problem",
      /which is not in the key ring/,
    ],
    [
      "a key that nothing is sealed with",
      (path) => ({ MASTER_KEYS: `${readFileSync(join(path, "keys"), "utf8").trim()},${key}` }),
      "keys",
      "warning",
      /Nothing is sealed with "k1"/,
    ],
    [
      "answers that wait to be stored",
      (path) => {
        mkdirSync(join(path, "spool"));
        writeFileSync(join(path, "spool", "con_x.1.json"), "{}");
        return undefined;
      },
      "data_folder",
      "warning",
      /1 refresh that was answered could not be stored/,
    ],
    [
      "a connector with an error",
      () => {
        const connectors = temporary();
        mkdirSync(join(connectors, "bad"));
        writeFileSync(
          join(connectors, "bad", "connector.yaml"),
          "manifest: 1\nname: bad\ntitle: Bad\nbase_url: https://x.example\nauth: { none: { type: none } }\nlabl: x\n",
        );
        return { CONNECTORS_DIR: connectors };
      },
      "connectors",
      "problem",
      /bad\/connector\.yaml.*unknown_key/s,
    ],
    [
      "a file of certificates that holds none",
      () => ({ NODE_EXTRA_CA_CERTS: join(root, "package.json") }),
      "certificates",
      "problem",
      /holds no certificate/,
    ],
    [
      "a public URL that leads nowhere",
      () => ({ PUBLIC_URL: "https://nowhere.invalid" }),
      "public_url",
      "warning",
      /Nothing answers at https:\/\/nowhere\.invalid/,
    ],
    [
      "what is odd about the configuration",
      () => ({ PUBLIC_URL: "http://connect.invalid" }),
      "configuration",
      "warning",
      /plain http/,
    ],
  ];

  test.each(cases)("%s", async (_what, damage, check, level, says) => {
    const path = folder();
    const env = damage(path) ?? {};
    // In this process: the command does nothing but print it.
    const findings = await examineHere({ DATA_DIR: path, PORT: "1", ...env });
    const found = findings.filter((finding) => finding.check === check && says.test(finding.says));
    expect(found.map((finding) => finding.level)).toEqual([level]);
    expect(found[0]?.cure).toBeTruthy();
  });

  test("a public URL that leads to something else", async () => {
    const other: Server = createServer((_request, response) => response.end("<html>Welcome</html>"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    afterwards(() => new Promise((resolve) => other.close(resolve)));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const findings = await examineHere({ DATA_DIR: folder(), PUBLIC_URL: url });
    const [found] = findings.filter(({ check }) => check === "public_url");
    expect(found).toMatchObject({ level: "problem", says: expect.stringContaining("not as Jackfield does") });
  });
});

test("wrong usage is 2", async () => {
  const { code, error } = await run({}, "--loud");
  expect(code).toBe(2);
  expect(error).toContain("jackfield doctor [--json]");
});

test("a MongoDB that does not answer is a problem, and its password is not told, nor any other secret", async () => {
  const secrets = {
    MONGODB_URL: "mongodb://jackfield:canary-password-of-the-store@127.0.0.1:1/jackfield?serverSelectionTimeoutMS=300",
    MASTER_KEYS: key,
    ADMIN_API_KEY: "canary-admin-key-0123456789",
    METRICS_TOKEN: "canary-metrics-token-0123456789",
  };
  const outputs = [];
  for (const args of [[], ["--json"]]) {
    const { code, out, error } = await run({ DATA_DIR: folder(), PORT: "1", ...secrets }, ...args);
    expect(code).toBe(1);
    expect(out).toContain("The store cannot be opened");
    outputs.push(["the output", Buffer.from(out + error)] as const);
  }
  const needles = ["canary-password-of-the-store", key.slice(3), secrets.ADMIN_API_KEY, secrets.METRICS_TOKEN];
  expect(findSecrets(needles, outputs)).toEqual([]);
});

withMongodb("with MongoDB", () => {
  test("it finds what is missing there, and makes none of it", async () => {
    const { url } = await startMongodb();
    const MONGODB_URL = new URL("/doctor", url).href;
    const env = { MONGODB_URL, MASTER_KEYS: key, DATA_DIR: join(temporary(), "data"), PORT: "1" };
    const levelAndWords = async () => (await examine(env)).of("store").map(({ level, says }) => `${level}: ${says}`);
    expect(await levelAndWords()).toEqual(["warning: The database doctor was not used yet."]);

    const running = await startProduct({ env: { MONGODB_URL, MASTER_KEYS: key } });
    const { of, code } = await examine({ ...env, DATA_DIR: running.dataDir });
    expect(code).toBe(0);
    expect(of("store")).toEqual([{ check: "store", level: "ok", says: expect.stringMatching(/^MongoDB \S+: it answers/) }]);
    expect(of("clock")).toEqual([expect.objectContaining({ level: "ok" })]);
    expect(of("keys")[0]?.says).toContain('"k1" is the active key');

    const client = await new MongoClient(MONGODB_URL).connect();
    afterwards(() => client.close());
    await client.db("doctor").collection("connections").dropIndex("identity_1");
    expect(await levelAndWords()).toEqual(["warning: The index identity_1 of connections is missing."]);
    expect(await client.db("doctor").collection("connections").indexExists("identity_1")).toBe(false);
  });
});

withRedis("with Redis", () => {
  test("it tells whether it answers, whom it lets in and what it does when its memory is full", async () => {
    const redis = await startRedis();
    const { host } = new URL(redis.url);
    const about = async (url: string) => {
      const MONGODB_URL = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200";
      const findings = await examineHere({ MONGODB_URL, REDIS_URL: url, MASTER_KEYS: key, DATA_DIR: folder(), PORT: "1" });
      return findings.filter(({ check }) => check === "queue").map(({ level, says }) => `${level}: ${says}`);
    };
    const client = new Redis(redis.url);
    afterwards(() => client.disconnect());
    await client.config("SET", "maxmemory-policy", "noeviction");
    expect(await about(redis.url)).toEqual([
      expect.stringMatching(/^ok: Redis at \S+, version \d+\.\d+\S*: it answers, and drops nothing\.$/),
    ]);
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    expect(await about(redis.url)).toEqual([expect.stringMatching(/^warning: .*allkeys-lru/)]);
    await client.config("SET", "requirepass", "canary-password-of-redis");
    const refused = await about(`redis://:canary-password-that-is-wrong@${host}`);
    expect(refused).toEqual([`problem: Redis at ${host} does not let this user in.`]);
    client.disconnect();
    await redis.stop("SIGKILL");
    expect(await about(redis.url)).toEqual([`problem: Redis at ${host} does not answer.`]);
  });
});
