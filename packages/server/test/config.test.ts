import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, ConfigError, readConfig, variables } from "../src/config.ts";

const key = () => randomBytes(32).toString("base64");

function problems(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("nothing set gives the embedded default on this machine", () => {
  expect(readConfig({})).toEqual({
    role: "both",
    startTimeout: 120,
    host: "127.0.0.1",
    port: 3000,
    publicUrl: undefined,
    mongodbUrl: undefined,
    redisUrl: undefined,
    tokenTimeout: 30,
    dataDir: resolve("./data"),
    connectorsDir: undefined,
    masterKeys: undefined,
    adminApiKey: undefined,
    allowPrivateNetworks: [],
    egressProxy: undefined,
    allowPasswordGrant: true,
    sandbox: undefined,
    logLevel: "info",
    eventRetentionDays: 90,
    metricsOpen: undefined,
    metricsToken: undefined,
    otlpEndpoint: undefined,
    otlpTracesEndpoint: undefined,
    maxTokenAge: undefined,
    maxIdleDays: undefined,
    warnings: [],
  });
  expect(Object.isFrozen(readConfig({}))).toBe(true);
});

test("a variable that is empty counts as unset", () => {
  const env = Object.fromEntries(Object.values(variables).map(({ name }) => [name, " "]));
  expect(readConfig({ ...env, MONGODB_URL: "", NODE_TLS_REJECT_UNAUTHORIZED: "" })).toEqual(readConfig({}));
});

test("everything can be set", () => {
  const [first, second] = [key(), key()];
  const config = readConfig({
    HOST: "0.0.0.0",
    PORT: "0",
    PUBLIC_URL: "https://Connect.Example.com:443/",
    DATA_DIR: "/var/lib/jackfield",
    CONNECTORS_DIR: "/etc/connectors",
    MASTER_KEYS: `k2:${first}, k1:${second}`,
    ADMIN_API_KEY: "a-key-that-is-long-enough-to-be-one",
    ALLOW_PRIVATE_NETWORKS: "127.0.0.0/8, ::1/128,10.1.2.3",
    ALLOW_PASSWORD_GRANT: "0",
    SANDBOX: "Off",
    LOG_LEVEL: "DEBUG",
    EVENT_RETENTION_DAYS: "7",
    METRICS_OPEN: "off",
    METRICS_TOKEN: "the-scrapers-token",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector.example.com/some/where",
    MAX_TOKEN_AGE: "3600",
    MAX_IDLE_DAYS: "90",
  });
  expect(config).toMatchObject({
    host: "0.0.0.0",
    port: 0,
    publicUrl: "https://connect.example.com",
    dataDir: "/var/lib/jackfield",
    connectorsDir: "/etc/connectors",
    allowPrivateNetworks: ["127.0.0.0/8", "::1/128", "10.1.2.3/32"],
    allowPasswordGrant: false,
    sandbox: false,
    logLevel: "debug",
    eventRetentionDays: 7,
    metricsOpen: false,
    metricsToken: "the-scrapers-token",
    otlpEndpoint: "http://collector:4318",
    otlpTracesEndpoint: "https://collector.example.com/some/where",
    maxTokenAge: 3600,
    maxIdleDays: 90,
    warnings: [],
  } satisfies Partial<Config>);
  expect(config.masterKeys?.map(({ id, key: bytes }) => [id, bytes.toString("base64")])).toEqual([
    ["k2", first],
    ["k1", second],
  ]);
});

test("all problems come at once, each with its variable and a cure", () => {
  const found = problems({
    PORT: "high",
    PUBLIC_URL: "ftp://x",
    MASTER_KEYS: "a:c2VjcmV0",
    ADMIN_API_KEY: "short",
    ALLOW_PRIVATE_NETWORKS: "everything",
    ALLOW_PASSWORD_GRANT: "perhaps",
    SANDBOX: "maybe",
    LOG_LEVEL: "loud",
    EVENT_RETENTION_DAYS: "0",
    METRICS_TOKEN: "se cret",
    OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
    MONGODB_URL: "postgres://x",
    REDIS_URL: "http://x",
    START_TIMEOUT: "soon",
    EGRESS_PROXY: "socks5://x",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
  });
  expect(found.map((text) => text.split(/[ =]/)[0])).toEqual([
    "PORT",
    "PUBLIC_URL",
    "MONGODB_URL",
    "REDIS_URL",
    "START_TIMEOUT",
    "MASTER_KEYS",
    "ADMIN_API_KEY",
    "ALLOW_PRIVATE_NETWORKS",
    "EGRESS_PROXY",
    "ALLOW_PASSWORD_GRANT",
    "SANDBOX",
    "LOG_LEVEL",
    "EVENT_RETENTION_DAYS",
    "METRICS_TOKEN",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "NODE_TLS_REJECT_UNAUTHORIZED",
  ]);
  for (const text of found) expect(text).toMatch(/\. ?(Give|Unset|`openssl)|Give|makes (a good )?one/);
});

test("the proxy for outgoing requests is an http or https origin, whose password no message repeats", () => {
  for (const good of ["http://proxy:3128", "https://proxy.example", "http://me:s%3Acret@[::1]:3128/"])
    expect(readConfig({ EGRESS_PROXY: good }).egressProxy).toBe(good);
  for (const bad of [
    "proxy:3128",
    "http://me:canary@proxy/path",
    "http://me:canary@proxy?a",
    "http://me:%zzcanary@proxy",
    "http://",
  ]) {
    const [found = "", ...others] = problems({ EGRESS_PROXY: bad });
    expect([found.split(" ")[0], others]).toEqual(["EGRESS_PROXY", []]);
    expect(found).not.toContain("canary");
  }
});

const shared = { MONGODB_URL: "mongodb://h/d", REDIS_URL: "rediss://user:p%40ss@h:6380/1", MASTER_KEYS: `k1:${key()}` };

test("a queue that processes share needs a store that they share", () => {
  expect(problems({ REDIS_URL: shared.REDIS_URL })).toEqual([
    expect.stringMatching(/^MONGODB_URL must be set with REDIS_URL.*unset REDIS_URL/),
  ]);
  expect(readConfig(shared).redisUrl).toBe(shared.REDIS_URL);
});

test("servers and workers apart need a store and a queue that they share, and a worker the servers' URL", () => {
  const told = (role: "server" | "worker", env: NodeJS.ProcessEnv) => {
    try {
      readConfig(env, role);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
    }
    return [];
  };
  expect(told("server", {})).toEqual([
    expect.stringMatching(/^MONGODB_URL and REDIS_URL must be set for `jackfield start --server`/),
  ]);
  expect(told("server", { ...shared, REDIS_URL: "" })).toEqual([expect.stringMatching(/^REDIS_URL must be set/)]);
  expect(told("worker", shared)).toEqual([expect.stringMatching(/^PUBLIC_URL must be set for `jackfield start --worker`/)]);
  expect(told("worker", { ...shared, PUBLIC_URL: "https://a.example" })).toEqual([]);
  expect(readConfig(shared, "server").role).toBe("server");
});

test.each(["http://h:6379", "redis://", "redis://:hidden@h/x", "redis://:hidden@h?a=b", "hidden"])(
  "REDIS_URL %j is refused, and not repeated",
  (url) => {
    const [problem] = problems({ ...shared, REDIS_URL: url });
    expect(problem).toMatch(/^REDIS_URL (is not a Redis URL|names more than a Redis)\. /);
    expect(problem).not.toContain("hidden");
  },
);

test("a store that processes share needs keys that they share", () => {
  const url = "mongodb+srv://user:p%40ss@cluster.example/mine?retryWrites=false";
  expect(problems({ MONGODB_URL: url })).toEqual([
    expect.stringMatching(/^MASTER_KEYS must be set with MONGODB_URL.*openssl rand/),
  ]);
  expect(readConfig({ MONGODB_URL: url, MASTER_KEYS: `k1:${key()}` }).mongodbUrl).toBe(url);
});

test.each(["localhost", "http://x", "mongodb://", "mongodb://user:secret pass@x", "mongodb://x/a/b"])(
  "MONGODB_URL %j is refused, and not repeated",
  (url) => {
    const [problem] = problems({ MONGODB_URL: url, MASTER_KEYS: `k1:${key()}` });
    expect(problem).toMatch(/^MONGODB_URL is not a MongoDB URL\. Give mongodb:/);
    expect(problem).not.toMatch(/secret|a\/b/);
  },
);

test("a message never repeats a key", () => {
  const text = [...problems({ MASTER_KEYS: "a:dGhlLXNlY3JldC1rZXk=,b", ADMIN_API_KEY: "se cret-key" })].join("\n");
  expect(text).toContain("MASTER_KEYS");
  expect(text).toContain("ADMIN_API_KEY");
  expect(text).not.toContain("dGhlLXNlY3JldC1rZXk");
  expect(text).not.toContain("se cret");
});

test.each([
  "",
  "a",
  ":x",
  "a:",
  `a:${key()}:b`,
  `a b:${key()}`,
  `a:${key()},a:${key()}`,
  `a:${randomBytes(31).toString("base64")}`,
  `a:${key()}!`,
  ",",
])("MASTER_KEYS=%j is refused, unless it is empty", (text) => {
  expect(problems({ MASTER_KEYS: text })).toHaveLength(text === "" ? 0 : 1);
});

test.each([
  "https://x.example/path",
  "https://x.example/?a",
  "https://x.example/#a",
  "https://u:p@x.example",
  "x.example",
  "//x.example",
  "javascript:1",
])("PUBLIC_URL=%s is refused", (text) => {
  expect(problems({ PUBLIC_URL: text })).toHaveLength(1);
});

test.each(["65536", "-1", "3000.5", "0x10", "1e3"])("PORT=%s is refused", (text) => {
  expect(problems({ PORT: text })).toHaveLength(1);
});

test.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "localhost", "10.0.0.0/8/8", "10.0.0.0/a"])(
  "ALLOW_PRIVATE_NETWORKS=%s is refused",
  (text) => {
    expect(problems({ ALLOW_PRIVATE_NETWORKS: text })).toHaveLength(1);
  },
);

test("what is odd is a warning: plain http for other machines, a short key, a variable of later versions", () => {
  const { warnings } = readConfig({ PUBLIC_URL: "http://connect.example.com", ADMIN_API_KEY: "12345678", STEP_LOG: "on" });
  expect(warnings).toHaveLength(3);
  expect(readConfig({ PUBLIC_URL: "http://localhost:8080" }).warnings).toEqual([]);
});

test("process.env is read in config.ts and main.ts only", () => {
  const source = join(import.meta.dirname, "../src");
  const readers = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && readFileSync(join(source, name), "utf8").includes("process.env"))
    .map((name) => name);
  expect(readers.filter((name) => !["config.ts", "main.ts"].includes(name))).toEqual([]);
});
