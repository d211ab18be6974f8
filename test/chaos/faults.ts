import type { Product } from "../harness/product.ts";
import { pause } from "../harness/wait.ts";
import type { Gate } from "./gate.ts";
import { among, type Fault } from "./storm.ts";

/** A fault that met nobody was none: it goes on until it has met a refresh, but not for ever, as the store may be away. */
const longest = 15_000;

async function met(count: () => number, least: number): Promise<void> {
  const [began, before] = [Date.now(), count()];
  while (Date.now() - began < least || (count() === before && Date.now() - began < longest)) await pause(100);
}

/** All the ways in which a token endpoint fails; `slow` milliseconds are more than a lease lasts. */
export function providerFaults(gate: Gate, slow: number): Fault[] {
  const { count } = gate;
  const refusals = (name: string, status: number, headers: Readonly<Record<string, string>>): Fault => ({
    name,
    async strike(random) {
      gate.weather({ refusal: { status, headers } });
      await met(() => count.refused, 2_000 + 2_000 * random());
      gate.weather({});
    },
  });
  return [
    refusals("503", 503, {}),
    refusals("429", 429, { "retry-after": "2" }),
    {
      name: "answers later than a lease lasts",
      async strike() {
        gate.weather({ hold: slow });
        await met(() => count.held, slow / 2);
        gate.weather({});
      },
    },
    {
      name: "drops the line after it has processed the request",
      async strike(random) {
        gate.drop(among([1, 2], random));
        await met(() => count.dropped, 500);
        gate.drop(0);
      },
    },
    {
      name: "nobody listens at the token endpoint",
      async strike(random) {
        const open = await gate.refuse();
        await pause(1_000 + 1_000 * random());
        await open();
      },
    },
  ];
}

/** How processes die and sleep. One of these for all processes of a test: it knows what may have been lost with them. */
export class Reaper {
  readonly #gate: Gate;
  /** How long a process sleeps, in milliseconds: longer than a lease lasts. */
  readonly #sleep: number;
  /** An answer that a process was given longer ago, in milliseconds, is stored, or kept on its disk. */
  readonly #storedWithin: number;
  readonly #woken = new Map<Product, number>();
  kills = 0;

  constructor(gate: Gate, options: { readonly sleep: number; readonly storedWithin: number }) {
    this.#gate = gate;
    this.#sleep = options.sleep;
    this.#storedWithin = options.storedWithin;
  }

  /** kill -9, and another process in its place. */
  killing(name: string, processes: readonly Product[]): Fault {
    return {
      name: `kill -9 of ${name}`,
      strike: async (random) => {
        const victim = among(processes, random);
        this.kills += 1;
        // What it was answered while it slept, it has only just heard.
        const slept = Date.now() - (this.#woken.get(victim) ?? 0) < this.#storedWithin ? this.#sleep : 0;
        const since = Date.now() - this.#storedWithin - slept;
        await victim.end("SIGKILL");
        this.#gate.killed(since);
        await startAgain(victim);
      },
    };
  }

  /** SIGSTOP, and SIGCONT when its leases have run out. */
  stopping(name: string, processes: readonly Product[]): Fault {
    return {
      name: `SIGSTOP and SIGCONT of ${name}`,
      strike: async (random) => {
        const victim = among(processes, random);
        process.kill(victim.pid, "SIGSTOP");
        await pause(this.#sleep);
        process.kill(victim.pid, "SIGCONT");
        this.#woken.set(victim, Date.now());
      },
    };
  }
}

/** As whoever runs processes does: one that ended while it started, because the store went away under it, is started again. */
async function startAgain(product: Product): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await product.start();
      return;
    } catch (cause) {
      if (product.running || tries === 5) throw cause;
      await pause(1_000);
    }
  }
}
