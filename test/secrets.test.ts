import { join } from "node:path";
import { createSealer } from "@jackfield/engine";
import { Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { awkward, begin, connect, draft, keyedManifest, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { docsOf, filesBelow, keptBy, masterKeyOf, tamper } from "./harness/inside.ts";
import { Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";

jest.setTimeout(120_000);

/** What the app had before: the secret that was rotated, and the client that was replaced. */
const previousSecret = "previous:/+% & =?canary-previous-secret";
const formerSecret = "former:/+% & =?canary-former-secret";

const apiKey = "canary/api+key=of&the?user%20:1234567890";

let provider: Provider;
let product: Product;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey(apiKey);
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      posted: oauthManifest(provider, { name: "posted", authentication: "client_secret_post" }),
      keyed: keyedManifest(provider, "keyed"),
    },
  });
  await provider.set({ par: "offered", dpop: true });
  await saveApp(product, provider, "acme", { id: "a-former-client", secret: formerSecret });
  await connect(product, "acme", { as: "eve" });
  await saveApp(product, provider, "acme", { secret: previousSecret });
  await saveApp(product, provider, "acme");
  await saveApp(product, provider, "posted", { authentication: "client_secret_post" });
});
afterAll(cleanup);
beforeEach(async () => {
  await provider.reset();
  // With keys of connections there is one more secret to look for.
  await provider.set({ par: "offered", dpop: true });
});

/** The private keys that tokens are bound to: only who has the master key can read them. */
async function proofKeys(): Promise<string[]> {
  const { id: active, key } = masterKeyOf(product);
  const sealer = createSealer({ active, get: () => key }, Buffer.alloc);
  return (await docsOf(product, "connections")).flatMap(({ workspace, connector, id, sealed_credential: sealed }) => {
    if (!sealed) return [];
    const { proof_key } = sealer.open({ workspace, connector, id, field: "credential" }, sealed) as {
      proof_key?: { d: string };
    };
    return proof_key === undefined ? [] : [proof_key.d];
  });
}

const secretsSoFar = async () => {
  const { access_tokens, refresh_tokens, codes } = await provider.issued();
  const bound = await proofKeys();
  // As text, as it stands in the JSON Web Key, and as the bytes that it is.
  const bytes = bound.map((key) => Buffer.from(key, "base64url").toString("hex"));
  return [
    ...access_tokens,
    ...refresh_tokens,
    ...codes,
    awkward.secret,
    previousSecret,
    formerSecret,
    apiKey,
    ...bound,
    ...bytes,
  ];
};

test("the search finds a secret in every form that it knows", () => {
  const secret = awkward.secret;
  const form = new URLSearchParams({ a: secret }).toString();
  for (const text of [
    secret,
    form,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
    Buffer.from(`someone:${secret}`).toString("base64"),
    Buffer.from(`x:${form.slice(2)}`).toString("base64url"),
    JSON.stringify({ secret }),
  ])
    expect(findSecrets([secret], [["here", Buffer.from(`before ${text} after`)]])).not.toEqual([]);
  expect(findSecrets([secret], [["here", Buffer.from("nothing at all")]])).toEqual([]);
});

test("after connecting, refreshing, running and failing, no secret stands in the data folder, the logs or any answer", async () => {
  const { former, previous_secret_until } = (await product.get("/v1/connectors/acme/apps/oauth/production")).json;
  expect([former.length, typeof previous_secret_until]).toEqual([1, "string"]);
  const { items } = (await product.get("/v1/connections")).json;
  expect((await product.post(`/v1/connections/${items[0].id}/refresh`)).status).toBe(200);
  const first = await connect(product, "acme");
  const second = await connect(product, "posted");
  const { id: third } = (await product.post("/v1/connections", { connector: "keyed", fields: { api_key: apiKey } })).json;

  for (const { id } of [first, second]) {
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    expect((await product.post(`/v1/connections/${id}/test`)).status).toBe(200);
    await step(product, id, "list_items");
    await step(product, id, "status", { code: 500 });
    await step(product, id, "slow", { ms: "nonsense" });
    await step(product, id, "redirect", { to: "http://127.0.0.2:9/" });
    const leak = await step(product, id, "leak");
    expect(leak.status).toBe(502);
    expect(leak.json.detail).toContain("[redacted]");
    await product.send("GET", `/v1/connections/${id}/proxy/leak`);
    await product.send("GET", `/v1/connections/${id}/proxy/items?limit=1`);
    await product.get(`/v1/connections/${id}/events`);
  }
  await product.send("GET", `/v1/connections/${third}/proxy/leak`);
  await step(product, third, "list_items");
  // A sign-in that fails with the provider's words, one that is denied, and one that is replayed.
  await provider.set({
    token_fail: {
      status: 400,
      body: `{"error":"invalid_request","error_description":"bad ${awkward.secret.replaceAll('"', '\\"')}"}`,
      times: 1,
    },
  });
  await connect(product, "acme", { as: "alan" });
  await connect(product, "acme", { as: "alan", decision: "deny" });
  const { visit, browser } = await connect(product, "acme", { as: "alan" });
  for (const url of [...browser.trail]) if (url.origin === product.url) await browser.send(url).catch(() => undefined);
  expect(visit.answer?.status).toBe(200);
  // A key that the provider does not know and repeats in its answer.
  const wrong = `wrong-${apiKey}`;
  const refused = await product.post("/v1/connections", { connector: "keyed", fields: { api_key: wrong } });
  expect(JSON.stringify(refused.json)).not.toContain(wrong);

  for (const path of [
    "/v1/connections",
    "/v1/connectors",
    "/v1/connectors/acme",
    "/v1/connectors/acme/apps/oauth/production",
    "/v1/connectors/acme/apps/oauth/production/events",
    "/metrics",
    "/v1/platform",
  ])
    await product.get(path);
  await product.end("SIGTERM");
  await product.start();

  const secrets = await secretsSoFar();
  expect(secrets.length).toBeGreaterThan(12);
  expect((await proofKeys()).length).toBeGreaterThanOrEqual(2);
  expect(findSecrets(secrets, await everythingOf(product))).toEqual([]);
  // Nothing of a deployment is built into the pages.
  const pages = [...filesBelow(join(__dirname, "../packages/web/dist"))];
  expect(pages.length).toBeGreaterThan(1);
  expect(findSecrets(secrets, pages)).toEqual([]);
});

test("the admin's key and the sign-in link are printed once and stored nowhere", async () => {
  const browser = new Browser();
  await browser.open(product.signInLink);
  await product.get("/v1/connections");
  const session = [...browser.cookies(product.url).values()].filter((value) => value.length >= 12);
  expect(session).not.toEqual([]);
  const link = product.signInLink.split(/[/?=#]/).at(-1) ?? "";
  expect(link.length).toBeGreaterThan(20);
  expect(findSecrets([product.adminKey, link, ...session], await keptBy(product))).toEqual([]);
  const logs = product.output.split("\n").filter((line) => line.startsWith("{"));
  expect(findSecrets([product.adminKey, link, ...session], [["the logs", Buffer.from(logs.join("\n"))]])).toEqual([]);
});

test("a client secret is written and never read: the answer says only that it is set", async () => {
  const path = "/v1/connectors/acme/apps/oauth/production";
  const { json } = await product.get(path);
  expect(json).toMatchObject({ client_id: `${awkward.id}-acme`, secret_set: true });
  expect(Object.keys(json)).not.toContain("client_secret");
  // Saving the ID alone keeps the secret.
  await product.put(path, { client_id: `${awkward.id}-acme` });
  expect((await connect(product, "acme")).connection.status).toBe("connected");
});

describe("a sealed record", () => {
  const readDoc = async (id: string) => (await docsOf(product, "connections")).find((doc) => doc.id === id) ?? {};
  const writeDoc = (id: string, change: Record<string, unknown>) => tamper(product, "connections", { id }, change);
  const refusedAsBroken = async (id: string) => {
    const answer = await step(product, id, "list_items");
    return { status: answer.status, code: answer.json.code };
  };
  const broken = { status: 500, code: "seal_broken" };

  test("does not open in the place of another connection's", async () => {
    const ada = await connect(product, "acme");
    const alan = await connect(product, "acme", { as: "alan" });
    const [one, two] = [ada.connection.id, alan.connection.id];
    const [first, second] = [(await readDoc(one)).sealed_credential, (await readDoc(two)).sealed_credential];
    expect(typeof first).toBe("string");
    await provider.forget();
    await writeDoc(one, { sealed_credential: second });
    await writeDoc(two, { sealed_credential: first });
    expect(await refusedAsBroken(one)).toEqual(broken);
    expect(await refusedAsBroken(two)).toEqual(broken);
    expect(await provider.log()).toEqual([]);
    await writeDoc(one, { sealed_credential: first });
    await writeDoc(two, { sealed_credential: second });
    for (const id of [one, two]) expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("does not open after any one of its characters was changed", async () => {
    const { connection } = await connect(product, "acme");
    const sealed = String((await readDoc(connection.id)).sealed_credential);
    await provider.forget();
    const positions = [
      0,
      1,
      2,
      3,
      4,
      sealed.length - 1,
      ...Array.from({ length: 60 }, (_, n) => Math.floor((n * sealed.length) / 60)),
    ];
    for (const position of positions) {
      const other = sealed[position] === "A" ? "B" : "A";
      await writeDoc(connection.id, { sealed_credential: sealed.slice(0, position) + other + sealed.slice(position + 1) });
      expect({ position, ...(await refusedAsBroken(connection.id)) }).toEqual({ position, ...broken });
    }
    for (const cut of ["", "v1", "v1...", sealed.slice(0, -4), `${sealed}AAAA`, `${sealed}.AAAA`, "\u0000", "{}"]) {
      await writeDoc(connection.id, { sealed_credential: cut });
      expect((await refusedAsBroken(connection.id)).status).toBeGreaterThanOrEqual(400);
    }
    expect(await provider.log()).toEqual([]);
    await writeDoc(connection.id, { sealed_credential: sealed });
    expect((await step(product, connection.id, "list_items")).status).toBe(200);
  });

  test("of one field does not open as another's", async () => {
    const { id } = (await product.post("/v1/connections", { connector: "keyed", fields: { api_key: apiKey } })).json;
    const sealed = String((await readDoc(id)).sealed_fields);
    const { connection } = await connect(product, "acme");
    const kept = (await readDoc(connection.id)).sealed_credential;
    await writeDoc(connection.id, { sealed_credential: sealed });
    expect(await refusedAsBroken(connection.id)).toEqual(broken);
    await writeDoc(connection.id, { sealed_credential: kept });
  });

  test("of an app does not open as another app's, and nothing is sent", async () => {
    const secretOf = async (connector: string) =>
      (await docsOf(product, "apps")).find((doc) => doc.connector === connector)?.sealed_secret;
    const own = await secretOf("acme");
    const { id } = await draft(product, "acme");
    const url = await begin(product, id);
    await provider.forget();
    await tamper(product, "apps", { connector: "acme" }, { sealed_secret: await secretOf("posted") });
    await new Browser().signIn(url);
    expect((await product.get(`/v1/connections/${id}`)).json).toMatchObject({ error: { code: "seal_broken" } });
    expect(await provider.tokenRequests()).toEqual([]);
    await tamper(product, "apps", { connector: "acme" }, { sealed_secret: own });
  });

  test("opens again after a restart, and not with another master key", async () => {
    const { connection } = await connect(product, "acme");
    const [, kid = ""] = String((await readDoc(connection.id)).sealed_credential).split(".");
    const id = Buffer.from(kid, "base64url").toString();
    await product.end("SIGTERM");
    const withKeys = (keys: string) => {
      const other = new Product({
        dataDir: product.dataDir,
        connectors: { acme: oauthManifest(provider, { name: "acme" }) },
        env: { MASTER_KEYS: keys },
      });
      afterwards(() => other.end("SIGKILL"));
      other.adminKey = product.adminKey;
      return other;
    };
    const bytes = Buffer.alloc(32, 7).toString("base64");
    // A key of another name: the start is refused, and says which key is missing.
    await expect(withKeys(`new:${bytes}`).start()).rejects.toThrow(
      new RegExp(`"${id}", which is not in the key ring.*MASTER_KEYS`),
    );
    // A key of the same name with other bytes is not taken for the right one.
    await expect(withKeys(`${id}:${bytes}`).start()).rejects.toThrow(new RegExp(`"${id}" is not the key`));
    await product.start();
    expect((await step(product, connection.id, "list_items")).status).toBe(200);
  });
});
