import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConnectionRecord, createSealer, type KeyRing, masterKeyOf, untold } from "@jackfield/engine";
import { openSharedStore } from "../packages/server/src/store/open.ts";
import type { HostStore } from "../packages/server/src/store/port.ts";
import { openStore } from "../packages/server/src/store/sqlite.ts";
import { cleanup, temporary } from "./harness/cleanup.ts";
import { type Ran, start } from "./harness/command.ts";
import { connect, draft, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { withMongodb } from "./harness/services.ts";
import { database, scaleOut } from "./harness/shape.ts";
import { until } from "./harness/wait.ts";

jest.setTimeout(240_000);

let provider: Provider;
const manifests = () => ({ acme: oauthManifest(provider, { name: "acme" }) });
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(cleanup);

const secrets = { k1: randomBytes(32), k2: randomBytes(32) } as const;
type Key = keyof typeof secrets;
const written = (...ids: readonly Key[]) => ids.map((id) => `${id}:${secrets[id].toString("base64")}`).join(",");
const ringOf = (active: Key): KeyRing => ({ active, get: (id) => secrets[id as Key] });

/** A product that is started again and again, with other keys each time. */
class Deployment {
  readonly dataDir = join(temporary(), "data");
  readonly #env: Readonly<Record<string, string>>;
  adminKey = "";
  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
  }

  async start(keys: string | undefined): Promise<Product> {
    const env = { ...this.#env, ...(keys === undefined ? {} : { MASTER_KEYS: keys }) };
    const product = await startProduct({ connectors: manifests(), dataDir: this.dataDir, env });
    this.adminKey ||= product.adminKey;
    product.adminKey = this.adminKey;
    return product;
  }

  rotation(keys: string | undefined) {
    const env = { ...this.#env, DATA_DIR: this.dataDir, ...(keys === undefined ? {} : { MASTER_KEYS: keys }) };
    return start(["keys", "rotate", "--json"], env);
  }

  rotate(keys: string | undefined): Promise<Ran> {
    return this.rotation(keys).ended;
  }

  async withStore<T>(work: (store: HostStore) => Promise<T>): Promise<T> {
    const url = this.#env.MONGODB_URL;
    const store =
      url === undefined ? openStore(join(this.dataDir, "jackfield.db"), { beside: true }) : await openSharedStore(url);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }
}

/** Connections of somebody who is not here, sealed with the first key. */
async function fill(store: HostStore, count: number): Promise<void> {
  const sealer = createSealer(ringOf("k1"), randomBytes);
  const made = Array.from({ length: count }, (_, n): ConnectionRecord => {
    const id = `con_filled_${n}`;
    const place = { workspace: "default", connector: "acme", id } as const;
    const at = new Date().toISOString();
    return {
      ...untold,
      ...place,
      ...{ owner: "somebody", auth: "oauth", environment: "production", status: "draft", name: null, description: null },
      ...{ label: null, unique_id: null, identity: `draft/${id}`, fields: {}, created_at: at, updated_at: at },
      sealed_fields: sealer.seal({ ...place, field: "fields" }, { n }),
      sealed_credential: sealer.seal({ ...place, field: "credential" }, { access_token: `${n}` }),
    };
  });
  for (let from = 0; from < made.length; from += 500) await store.tables.connections.put(made.slice(from, from + 500));
}

/** Everything that has a secret: connections, an app with a former client, an event endpoint, a flow. */
async function furnish(product: Product): Promise<readonly string[]> {
  await saveApp(product, provider, "acme", { id: `former-${product.url}` });
  const ids = [(await connect(product, "acme")).id];
  await saveApp(product, provider, "acme", { id: `client-${product.url}` });
  for (const as of ["alan", "eve"] as const) ids.push((await connect(product, "acme", { as })).id);
  expect((await product.post("/v1/event_endpoints", { url: `${provider.issuer}/hook`, disabled: true })).status).toBe(201);
  const { id } = await draft(product, "acme");
  expect((await product.post(`/v1/connections/${id}/authorize`)).status).toBe(200);
  return ids;
}

/** Refreshes and signs in again and again until it is told to end; gives what was answered. */
function busy(product: Product, ids: readonly string[]) {
  let ending = false;
  const refreshes = ids.map(async (id) => {
    const statuses: number[] = [];
    do statuses.push((await product.post(`/v1/connections/${id}/refresh`)).status);
    while (!ending);
    return statuses;
  });
  const signIns = (async () => {
    const made: string[] = [];
    do {
      const { id } = await draft(product, "acme");
      expect((await product.post(`/v1/connections/${id}/authorize`)).status).toBe(200);
      made.push(id);
    } while (!ending);
    return made.map(() => 200);
  })();
  return async () => {
    ending = true;
    return (await Promise.all([...refreshes, signIns])).flat();
  };
}

const withEmbedded = scaleOut ? describe.skip : describe;

const shapes = [
  ["the embedded store", withEmbedded, 4000, () => ({})],
  ["MongoDB", withMongodb, 150, (name: string) => ({ MONGODB_URL: database(name) })],
] as const;

for (const [name, suite, size, envOf] of shapes)
  suite(`with ${name}`, () => {
    test("a master key is replaced while the server runs, though the rotation is killed, and then nobody needs the old one", async () => {
      const deployment = new Deployment(envOf("replaced"));
      const old = await deployment.start(written("k1"));
      const ids = await furnish(old);
      await old.end("SIGTERM");
      await deployment.withStore((store) => fill(store, size));

      const second = await deployment.start(written("k2", "k1"));
      const end = busy(second, ids);
      const first = deployment.rotation(written("k2", "k1"));
      await deployment.withStore(async (store) => {
        const key = async () => masterKeyOf((await store.connections.get("con_filled_0"))?.sealed_fields ?? "");
        await until("something to be sealed anew", async () => (await key()) === "k2", { every: 5, timeout: 120_000 });
      });
      first.kill();
      expect((await first.ended).signal).toBe("SIGKILL");
      expect(await deployment.withStore((store) => store.isSealedWith("k1"))).toBe(true);

      const run = await deployment.rotate(written("k2", "k1"));
      expect([run.code, JSON.parse(run.out)]).toEqual([
        0,
        { active: "k2", made: false, sealed: expect.any(Number), removable: ["k1"], needed: [], broken: [] },
      ]);
      expect(JSON.parse(run.out).sealed).toBeGreaterThan(0);
      expect(run.error).toMatch(/^\d+ of \d+ sealed anew$/m);
      expect(new Set(await end())).toEqual(new Set([200]));
      expect(await deployment.withStore((store) => store.isSealedWith("k1"))).toBe(false);
      expect(JSON.parse((await deployment.rotate(written("k2", "k1"))).out)).toMatchObject({ sealed: 0, removable: ["k1"] });
      await second.end("SIGTERM");

      const third = await deployment.start(written("k2"));
      for (const id of ids) {
        expect((await step(third, id, "list_items")).status).toBe(200);
        expect((await third.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
      }
      await connect(third, "acme", { as: "ada" });
      await third.end("SIGTERM");
      await deployment.withStore(async (store) => {
        const sealer = createSealer({ active: "k2", get: (id) => (id === "k2" ? secrets.k2 : undefined) }, randomBytes);
        for (const n of [0, size - 1]) {
          const record = await store.connections.get(`con_filled_${n}`);
          const place = { workspace: "default", connector: "acme", id: `con_filled_${n}` };
          expect(sealer.open({ ...place, field: "fields" }, record?.sealed_fields ?? "")).toEqual({ n });
          expect(sealer.open({ ...place, field: "credential" }, record?.sealed_credential ?? "")).toEqual({
            access_token: `${n}`,
          });
        }
      });
    });

    test("a wrong key, a missing one, and one that the running server does not know are refused, and nothing is changed", async () => {
      const deployment = new Deployment(envOf("refused"));
      const product = await deployment.start(written("k1"));
      const ids = await furnish(product);
      const wrong = `k2:${secrets.k2.toString("base64")},k1:${randomBytes(32).toString("base64")}`;
      const refused = [
        [
          written("k2", "k1"),
          /No server was started with the master key "k2" yet.*Start every one of them with these MASTER_KEYS first/,
        ],
        [wrong.split(",").toReversed().join(","), /The master key "k1" is not the key that the store was sealed with/],
      ] as const;
      for (const [keys, why] of refused) {
        const run = await deployment.rotate(keys);
        expect([run.code, run.out, run.error]).toEqual([1, "", expect.stringMatching(why)]);
      }
      await product.end("SIGTERM");
      const again = await deployment.start(written("k2", "k1"));
      const run = await deployment.rotate(written("k2"));
      expect([run.code, run.error]).toEqual([
        1,
        expect.stringContaining('sealed with the master key "k1", which is not in the key ring'),
      ]);
      expect((await step(again, ids[0] ?? "", "list_items")).status).toBe(200);
      await again.end("SIGTERM");
    });
  });

(scaleOut ? test.skip : test)(
  "a key of the data folder's file is replaced while no server runs, and a run that was killed makes no further one",
  async () => {
    const deployment = new Deployment();
    const product = await deployment.start(undefined);
    const ids = await furnish(product);
    const file = join(deployment.dataDir, "keys");
    const before = readFileSync(file, "utf8");
    const running = await deployment.rotate(undefined);
    expect([running.code, running.error]).toEqual([1, expect.stringMatching(/in use.*is replaced while no server runs/)]);
    expect(readFileSync(file, "utf8")).toBe(before);
    await product.end("SIGTERM");

    const run = JSON.parse((await deployment.rotate(undefined)).out);
    const old = before.split(":")[0] ?? "";
    expect(run).toMatchObject({ made: true, removable: [old] });
    expect(readFileSync(file, "utf8")).toMatch(new RegExp(`^${run.active}:\\S+\n${old}:`));
    // As a run that was killed leaves it: the new key is there, and the texts are sealed with the old one.
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean).toReversed();
    writeFileSync(file, `${lines.join("\n")}\n`);
    expect(JSON.parse((await deployment.rotate(undefined)).out)).toMatchObject({
      made: false,
      active: old,
      removable: [run.active],
    });

    writeFileSync(file, `${lines[0]}\n`);
    const again = await deployment.start(undefined);
    for (const id of ids) expect((await step(again, id, "list_items")).status).toBe(200);
    await again.end("SIGTERM");
  },
);

(scaleOut ? test.skip : test)(
  "an answer that waits on the disk is stored under the active key, and not at all where its key is gone",
  async () => {
    const deployment = new Deployment();
    const product = await deployment.start(written("k1"));
    const [id = ""] = await furnish(product);
    await product.end("SIGTERM");
    const spool = join(deployment.dataDir, "spool");
    const keep = (version: number) => {
      const sealer = createSealer(ringOf("k1"), randomBytes);
      const place = { workspace: "default", connector: "acme", id, field: "credential" } as const;
      const credential = { access_token: `spooled-${version}`, token_type: "bearer" };
      const patch = { sealed_credential: sealer.seal(place, credential), credential_version: version + 1 };
      mkdirSync(spool, { recursive: true });
      writeFileSync(
        join(spool, `${id}.${version}.json`),
        JSON.stringify({ connection: id, version, writes: [{ patch, events: [] }] }),
      );
    };
    const stored = () => deployment.withStore(async (store) => store.connections.get(id));
    const version = async () => (await stored())?.credential_version ?? 0;
    const before = await version();

    keep(before);
    const both = await deployment.start(written("k2", "k1"));
    await until("the answer to be stored", async () => (await version()) === before + 1);
    expect((await stored())?.sealed_credential).toMatch(new RegExp(`^v1\\.${Buffer.from("k2").toString("base64url")}\\.`));
    await until("its file to be gone", () => readdirSync(spool).length === 0);
    await both.end("SIGTERM");

    expect(JSON.parse((await deployment.rotate(written("k2", "k1"))).out).removable).toEqual(["k1"]);
    keep(before + 1);
    const run = await deployment.rotate(written("k2", "k1"));
    expect([run.code, JSON.parse(run.out)]).toMatchObject([1, { removable: [], needed: [{ key: "k1", where: "spool" }] }]);
    const alone = await deployment.start(written("k2"));
    await until("it to be told", () => alone.output.includes("cannot be opened and stays where it is"));
    expect(await version()).toBe(before + 1);
    expect(existsSync(join(spool, `${id}.${before + 1}.json`))).toBe(true);
    expect((await look(alone, id)).status).toBe("connected");
    await alone.end("SIGTERM");
  },
);
