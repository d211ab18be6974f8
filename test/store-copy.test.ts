import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectionEvent } from "@jackfield/engine";
import { openSharedStore } from "../packages/server/src/store/open.ts";
import { openStore } from "../packages/server/src/store/sqlite.ts";
import { cleanup, temporary } from "./harness/cleanup.ts";
import { jackfield, start as startCommand } from "./harness/command.ts";
import { connect, events, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { withMongodb } from "./harness/services.ts";
import { database, scaleOut } from "./harness/shape.ts";
import { until } from "./harness/wait.ts";

jest.setTimeout(300_000);
afterAll(cleanup);

(scaleOut ? describe.skip : withMongodb)("a deployment that moves to MongoDB and back", () => {
  let url: string;
  let elsewhere: string;
  let provider: Provider;
  beforeAll(async () => {
    url = database("moved");
    elsewhere = database("elsewhere");
    provider = await startProvider();
  });
  const start = (dataDir: string, env: Readonly<Record<string, string>> = {}) =>
    startProduct({ connectors: { acme: oauthManifest(provider, { name: "acme" }) }, dataDir, env });
  const copying = (to: string, dataDir: string, target = url) =>
    startCommand(["store", "copy", "--to", to, "--json"], { DATA_DIR: dataDir, MONGODB_URL: target });
  const copy = (...values: Parameters<typeof copying>) => copying(...values).ended;

  const many = 2000;
  /** Older than all that the test does, so that the last of these follows upon it. */
  const yesterday = new Date(Date.now() - 86_400_000).toISOString();
  const log = (id: string, count: number) =>
    Array.from(
      { length: count },
      (_, n): ConnectionEvent => ({
        ...{ id: `evt_${n}`, connection: id, workspace: "default", connector: "acme", owner: "o" },
        ...{ at: yesterday, type: "used", actor: "system", action: `${n}` },
      }),
    );

  /** The connection with all that is known of it, from outside. */
  async function seen(product: Product, id: string) {
    const { last_used_at: _, ...connection } = await look(product, id);
    return {
      connection,
      log: (await events(product, id)).filter(({ type }) => type !== "used").map((each) => JSON.stringify(each)),
    };
  }

  test("takes everything along, though the copy is killed; nobody has to connect again", async () => {
    const dataDir = join(temporary(), "data");
    const embedded = await start(dataDir);
    const { adminKey } = embedded;
    await saveApp(embedded, provider, "acme", { id: `moving-${process.pid}` });
    const { id } = await connect(embedded, "acme");
    const before = await seen(embedded, id);

    const held = await copy("mongodb", dataDir);
    expect([held.code, held.out, held.error]).toEqual([1, "", expect.stringContaining("is in use by another Jackfield process")]);
    await embedded.end("SIGTERM");
    const store = openStore(join(dataDir, "jackfield.db"));
    await store.tables.events.put(log(id, many));
    await store.close();

    const first = copying("mongodb", dataDir);
    const target = await openSharedStore(url);
    await until("events to be copied", async () => (await target.tables.events.count()) > 0, { every: 5, timeout: 120_000 });
    first.kill();
    expect((await first.ended).signal).toBe("SIGKILL");
    expect(await target.tables.events.count()).toBeLessThan(many);
    await target.close();
    const keys = readFileSync(join(dataDir, "keys"), "utf8").trim();
    const env = { MONGODB_URL: url, MASTER_KEYS: keys };
    await expect(start(join(temporary(), "data"), env)).rejects.toThrow(/A copy into this store has not come to its end/);
    const whole = await copy("mongodb", dataDir);
    expect(whole.error).toMatch(/^(reading|copying|comparing) \w+: \d+ of \d+$/m);
    expect(whole.error).not.toContain(keys.split(":")[1]);
    expect([whole.code, JSON.parse(whole.out)]).toMatchObject([0, { differences: [], contents: { connections: { count: 1 } } }]);
    expect(JSON.parse((await copy("mongodb", dataDir)).out)).toMatchObject({ written: 0, differences: [] });

    const fleet = [await start(join(temporary(), "data"), env), await start(join(temporary(), "data"), env)];
    for (const product of fleet) {
      product.adminKey = adminKey;
      expect(await seen(product, id)).toEqual(before);
    }
    for (const product of fleet) {
      expect((await step(product, id, "list_items")).status).toBe(200);
      expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
      await product.end("SIGTERM");
    }

    const other = await copy("embedded", dataDir);
    expect([other.code, other.error]).toEqual([1, expect.stringContaining("The target has data of its own: ")]);
    const back = join(temporary(), "data");
    expect(JSON.parse((await copy("embedded", back)).out)).toMatchObject({ differences: [] });
    writeFileSync(join(back, "keys"), `${keys}\n`, { mode: 0o600 });
    const again = await start(back);
    again.adminKey = adminKey;
    expect((await look(again, id)).status).toBe("connected");
    expect((await again.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    const copied = (await events(again, id)).flatMap((each) => (/^evt_\d+$/.test(each.id) ? each.id : []));
    expect(copied.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, n) => `evt_${many - 1 - n}`));
    await again.end("SIGTERM");
  });

  test("says what is missing, and refuses to leave an answer behind that waits on the disk", async () => {
    const dataDir = join(temporary(), "data");
    const none = await copy("mongodb", dataDir, elsewhere);
    expect([none.code, none.error]).toEqual([1, expect.stringContaining("There is no store in DATA_DIR")]);
    const product = await start(dataDir);
    await product.end("SIGTERM");
    const file = join(dataDir, "spool", "con_x.1.json");
    writeFileSync(file, "{}");
    const waiting = await copy("mongodb", dataDir, elsewhere);
    expect([waiting.code, waiting.error]).toEqual([1, expect.stringContaining("an answer of a provider waits to be stored")]);
    rmSync(file);
    const unset = await jackfield(["store", "copy", "--to", "mongodb"], { DATA_DIR: dataDir });
    expect([unset.code, unset.error]).toEqual([1, expect.stringContaining("MONGODB_URL must be set")]);
    const told = await jackfield(["store", "copy", "--to", "mongodb"], { DATA_DIR: dataDir, MONGODB_URL: elsewhere });
    expect(told.out).toContain(`export MASTER_KEYS="$(grep -v '^#' "${join(dataDir, "keys")}" | paste -sd, -)"`);
    expect(told.out).not.toContain(readFileSync(join(dataDir, "keys"), "utf8").trim().split(":")[1]);
  });
});
