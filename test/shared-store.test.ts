import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { Product } from "./harness/product.ts";
import { sharedMongodb, withMongodb } from "./harness/services.ts";

jest.setTimeout(240_000);

afterAll(cleanup);

const masterKeys = () => `k1:${randomBytes(32).toString("base64")}`;
const freshUrl = () => `${sharedMongodb.replace(/\/$/, "")}/jackfield-${randomUUID()}`;

function process(env: Readonly<Record<string, string>>, dataDir?: string): Product {
  const product = new Product({ env: { SANDBOX: "off", ...env }, ...(dataDir === undefined ? {} : { dataDir }) });
  afterwards(() => product.end("SIGKILL"));
  return product;
}

withMongodb("processes with one MONGODB_URL", () => {
  test("that start at once on an empty database are one deployment: one of them tells an admin key, which all know", async () => {
    const env = { MONGODB_URL: freshUrl(), MASTER_KEYS: masterKeys() };
    const dataDir = join(temporary(), "data");
    const products = [1, 2, 3].map(() => process(env, dataDir));
    await Promise.all(products.map((product) => product.start()));
    const keys = products.map(({ adminKey }) => adminKey).filter((key) => key !== "");
    expect(keys).toHaveLength(1);
    const [key = ""] = keys;
    for (const product of products) {
      const { json } = await product.send("GET", "/v1/api_keys", undefined, { key });
      expect(json.items).toEqual([expect.objectContaining({ name: "First admin", role: "admin", revoked_at: null })]);
    }
    // Each tells a link of its own, and none takes the others' away.
    for (const { signInLink } of products) expect((await fetch(signInLink, { redirect: "manual" })).status).toBe(303);
  });

  test("refuse a key of the same name with other bytes, and one that is missing", async () => {
    const url = freshUrl();
    const first = process({ MONGODB_URL: url, MASTER_KEYS: masterKeys() });
    await first.start();
    await expect(process({ MONGODB_URL: url, MASTER_KEYS: masterKeys() }).start()).rejects.toThrow(/"k1" is not the key/);
    await expect(process({ MONGODB_URL: url, MASTER_KEYS: "" }).start()).rejects.toThrow(/MASTER_KEYS must be set/);
  });
});

test("a start without its server says where it looked, and nothing of the user and the password", async () => {
  const url = "mongodb://anna:canary-pass-word@127.0.0.1:1/mine?serverSelectionTimeoutMS=300";
  const product = process({ MONGODB_URL: url, MASTER_KEYS: masterKeys(), START_TIMEOUT: "1" });
  await expect(product.start()).rejects.toThrow(/127\.0\.0\.1:1/);
  expect(product.output).not.toMatch(/anna|canary/);
});
