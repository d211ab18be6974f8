import { join } from "node:path";
import { openStore } from "../../packages/server/src/store/sqlite.ts";
import { cleanup } from "../harness/cleanup.ts";
import { saveApp } from "../harness/connect.ts";
import { startProduct } from "../harness/product.ts";
import { startProvider } from "../harness/provider.ts";
import { unleash } from "./chaos.ts";
import { Crowd, manifest, stored } from "./crowd.ts";
import { providerFaults, Reaper } from "./faults.ts";
import { Gate } from "./gate.ts";
import { seedOfRun } from "./storm.ts";

/* The embedded shape, whose only process is killed, paused and told lies by its clock while the provider fails in all the ways it can. */

const size = 200;
/** How long an access token lives, in seconds. */
const lifetime = 24;
/**
 * `TOKEN_TIMEOUT`, in seconds: a lease lasts a third longer, and an answer that cannot be asked for again is waited for four times as long.
 */
const tokenTimeout = 3;
const longerThanLease = 6_000;
const lasts = 60_000;
const calm = 120_000;
const workflows = 6;
/** Milliseconds that a workflow waits between two connections. */
const rest = 20;
/** An answer that a running process was given longer ago, in milliseconds, is stored, or kept on its disk. */
const storedWithin = 3_000;

jest.setTimeout(300_000);
afterAll(cleanup);

test("no refresh token is sent twice and only an answer that was lost ends a connection, though the only process dies again and again", async () => {
  const seed = seedOfRun();
  const provider = await startProvider();
  const gate = await Gate.open(provider.issuer);
  const product = await startProduct({
    connectors: { acme: manifest(gate, provider.issuer) },
    env: {
      TOKEN_TIMEOUT: String(tokenTimeout),
      LOG_LEVEL: "info",
      NODE_OPTIONS: `--import ${join(__dirname, "clock.mjs")}`,
      CLOCK_OFF_MS: String((seed % 2 === 0 ? 5 : -5) * 60_000),
    },
  });
  await saveApp(product, provider, "acme");
  const crowd = new Crowd(gate, [product]);
  const reaper = new Reaper(gate, { sleep: longerThanLease, storedWithin });
  const kill = reaper.killing("the process", [product]);
  await unleash({
    ...{ name: "Embedded", seed, provider, gate, crowd, size, lifetime, workflows, rest, lasts, calm },
    tracks: [
      { faults: [kill, kill, kill, reaper.stopping("the process", [product])], gap: 1_500 },
      { faults: providerFaults(gate, longerThanLease), gap: 1_500 },
    ],
    processes: [product],
    losses: () => reaper.kills,
    async remains() {
      const store = openStore(join(product.dataDir, "jackfield.db"));
      const records = await stored(store, crowd);
      await store.close();
      return { records, jobs: [] };
    },
  });
});
