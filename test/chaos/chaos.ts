import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionRecord } from "@jackfield/engine";
import type { Product } from "../harness/product.ts";
import type { Provider } from "../harness/provider.ts";
import type { Crowd } from "./crowd.ts";
import type { Gate } from "./gate.ts";
import { rage, type Track } from "./storm.ts";
import { everything, judge, settled } from "./verdict.ts";

/** What is to go wrong where, for how long, and what is looked at afterwards. */
export interface Chaos {
  /** What its summary begins with. */
  readonly name: string;
  readonly seed: number;
  readonly gate: Gate;
  readonly crowd: Crowd;
  readonly provider: Provider;
  /** How many connections there are to be, and how long an access token lives, in seconds. */
  readonly size: number;
  readonly lifetime: number;
  /** How many workflows run steps, with so many milliseconds between two connections. */
  readonly workflows: number;
  readonly rest: number;
  readonly tracks: readonly Track[];
  /** The storm, in milliseconds, and how long everything may take to come to rest afterwards. */
  readonly lasts: number;
  readonly calm: number;
  /** Every process; the first is a server. */
  readonly processes: readonly Product[];
  readonly losses: () => number;
  /** Called when all processes have ended: what the store holds, and which jobs the queue has for connections. */
  readonly remains: () => Promise<{ readonly records: readonly ConnectionRecord[]; readonly jobs: readonly string[] }>;
}

/** A machine that cannot make all connections in so many milliseconds gets as many as it can carry. */
const connectWithin = 60_000;

/** Has everything go wrong while workflows run, waits until it has come to rest, and judges what is left. */
export async function unleash(chaos: Chaos): Promise<void> {
  const { name, seed, gate, crowd, size, processes } = chaos;
  const [server] = processes as [Product];
  const story: string[] = [];
  try {
    await crowd.connect(server, size, connectWithin);
    // From now on; a machine that is slow to connect them must not have to refresh them meanwhile.
    await chaos.provider.set({ access_token_ttl: chaos.lifetime });
    await crowd.refresh(server);
    crowd.walk(chaos.workflows, chaos.rest);
    const { tracks, lasts } = chaos;
    const faults = await rage({ tracks, seed, lasts, rounds: 2, note: (line) => story.push(line) });
    gate.weather({});
    await settled(server, gate, crowd, chaos.calm);
    await crowd.stop();
    // What a process notes of its own is written soon, and by the end of it at the latest.
    await Promise.all(processes.slice(1).map((process) => process.end("SIGTERM")));
    const events = await everything(server, "/v1/events?limit=200");
    await server.end("SIGTERM");
    const { records, jobs } = await chaos.remains();
    const { wrongs, ...verdict } = judge({ gate, crowd, records, jobs, events, losses: chaos.losses() });
    const summary = { connections: crowd.connections.length, ...verdict, faults, ...gate.count, steps: crowd.outcomes };
    process.stderr.write(`${name}, seed ${seed}: ${JSON.stringify(summary)}\n`);
    expect(wrongs).toEqual([]);
    // Otherwise this test would have shown nothing.
    expect(Object.entries(gate.count).filter(([, times]) => times === 0)).toEqual([]);
    expect(verdict.connected).toBeGreaterThan(0);
    expect(crowd.outcomes.ok).toBeGreaterThan(crowd.connections.length);
  } catch (cause) {
    await crowd.stop();
    const file = join(tmpdir(), `jackfield-chaos-${seed}.log`);
    writeFileSync(file, processes.map(({ output }, index) => `process ${index + 1}\n${output}`).join("\n"));
    process.stderr.write(
      `${story.join("\n")}\nCHAOS_SEED=${seed} brings these faults back. What the processes said stands in ${file}\n`,
    );
    throw cause;
  }
}
