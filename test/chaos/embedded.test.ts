import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionRecord } from "@jackfield/engine";
import { openStore } from "../../packages/server/src/store/sqlite.ts";
import { cleanup } from "../harness/cleanup.ts";
import { saveApp } from "../harness/connect.ts";
import { startProduct } from "../harness/product.ts";
import { startProvider } from "../harness/provider.ts";
import { pause } from "../harness/wait.ts";
import { Crowd, manifest } from "./crowd.ts";
import { Gate } from "./gate.ts";
import { among, type Fault, rage, seedOfRun } from "./storm.ts";
import { everything, judge, settled } from "./verdict.ts";

/* The embedded shape, whose only process is killed, paused and told lies by its clock while the provider fails in all the ways it can. */

const size = 200;
/** How long an access token lives, in seconds. */
const lifetime = 24;
/** `TOKEN_TIMEOUT`, in seconds: a lease lasts a third longer, and an answer that cannot be asked for again is waited for four times as long. */
const tokenTimeout = 3;
const longerThanLease = 6_000;
const stormLasts = 60_000;
const workflows = 6;
/** Milliseconds that a workflow waits between two connections. */
const rest = 20;
/** An answer that a running process was given longer ago is stored, or kept on its disk. */
const storedWithin = 3_000;

jest.setTimeout(240_000);
afterAll(cleanup);

test("no refresh token is used twice and no connection is lost but those whose answer was, though the only process dies again and again", async () => {
  const seed = seedOfRun();
  const clockOff = (seed % 2 === 0 ? 5 : -5) * 60_000;
  const story: string[] = [`seed ${seed}, clock off by ${clockOff / 60_000} min`];
  const provider = await startProvider();
  await provider.set({ access_token_ttl: lifetime });
  const gate = await Gate.open(provider.issuer);
  const product = await startProduct({
    connectors: { acme: manifest(gate, provider.issuer) },
    env: {
      TOKEN_TIMEOUT: String(tokenTimeout),
      LOG_LEVEL: "info",
      NODE_OPTIONS: `--import ${join(__dirname, "clock.mjs")}`,
      CLOCK_OFF_MS: String(clockOff),
    },
  });
  await saveApp(product, provider, "acme");
  const crowd = new Crowd(gate, () => [product]);
  let kills = 0;
  let pausedUntil = 0;
  const kill: Fault = {
    name: "kill -9",
    async strike() {
      kills += 1;
      // What was answered while it was paused, it has only just heard.
      const paused = Date.now() - pausedUntil < storedWithin ? longerThanLease : 0;
      await product.end("SIGKILL");
      gate.killed(Date.now() - storedWithin - paused);
      await product.start();
    },
  };
  const sleep: Fault = {
    name: "SIGSTOP, SIGCONT",
    async strike() {
      process.kill(product.pid, "SIGSTOP");
      await pause(longerThanLease);
      process.kill(product.pid, "SIGCONT");
      pausedUntil = Date.now();
    },
  };

  try {
    await crowd.connect(product, size);
    crowd.walk(workflows, rest);
    const faults = await rage({
      tracks: [[kill, kill, kill, sleep], providerFaults(gate, longerThanLease)],
      seed,
      lasts: stormLasts,
      rounds: 2,
      gap: 1_500,
      note: (line) => story.push(line),
    });
    gate.weather({});
    await settled(product, gate, crowd, 120_000);
    await crowd.stop();
    const events = await everything(product, "/v1/events?limit=100");
    await product.end("SIGTERM");
    const records = await stored(product.dataDir, crowd.connections);
    const { wrongs, ...verdict } = judge({ gate, crowd, records, events, kills });
    process.stderr.write(
      `Embedded, ${story[0]}: ${JSON.stringify({ ...verdict, faults, ...gate.count, steps: crowd.outcomes })}\n`,
    );
    expect(wrongs).toEqual([]);
    expect([...crowd.refused].filter((id) => records.get(id)?.status !== "needs_reauth")).toEqual([]);
    expect(verdict.connected).toBeGreaterThan(size / 2);
    expect(crowd.outcomes.ok).toBeGreaterThan(size);
  } catch (cause) {
    await crowd.stop();
    const file = join(tmpdir(), `jackfield-chaos-${seed}.log`);
    writeFileSync(file, product.output);
    process.stderr.write(`${story.join("\n")}\nCHAOS_SEED=${seed} brings these faults back. What the processes said: ${file}\n`);
    throw cause;
  }
});

async function stored(dataDir: string, ids: readonly string[]): Promise<ReadonlyMap<string, ConnectionRecord>> {
  const store = openStore(join(dataDir, "jackfield.db"));
  const records = await Promise.all(ids.map((id) => store.connections.get(id)));
  await store.close();
  return new Map(records.filter((record) => record !== undefined).map((record) => [record.id, record]));
}

/** All the ways in which a token endpoint fails. */
function providerFaults(gate: Gate, slow: number): Fault[] {
  const refusals = (name: string, status: number, headers: Readonly<Record<string, string>>): Fault => ({
    name,
    async strike(random) {
      gate.weather({ refusal: { status, headers } });
      await pause(2_000 + 2_000 * random());
      gate.weather({});
    },
  });
  return [
    refusals("503", 503, {}),
    refusals("429", 429, { "retry-after": "2" }),
    {
      name: "answers later than the lease lasts",
      async strike() {
        gate.weather({ hold: slow });
        await pause(slow);
        gate.weather({});
      },
    },
    {
      name: "drops the line after it has processed the request",
      async strike(random) {
        gate.drop(among([1, 2], random));
        for (let waited = 0; gate.dropsLeft > 0 && waited < 5_000; waited += 100) await pause(100);
        gate.drop(0);
      },
    },
    {
      name: "nobody listens",
      async strike(random) {
        const open = await gate.refuse();
        await pause(1_000 + 1_000 * random());
        await open();
      },
    },
  ];
}
