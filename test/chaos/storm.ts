import { pause } from "../harness/wait.ts";

/** A number from 0 to 1. */
export type Random = () => number;

/** Something that goes wrong, and is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  readonly strike: (random: Random) => Promise<void>;
}

/** Faults that come one after the other, in each round in another order. */
export interface Track {
  readonly faults: readonly Fault[];
  /** The longest pause between two of them, in milliseconds. */
  readonly gap: number;
}

export interface Storm {
  /** They do not wait for each other. */
  readonly tracks: readonly Track[];
  readonly seed: number;
  /** It lasts at least so long, in milliseconds, and each fault comes at least so often. */
  readonly lasts: number;
  readonly rounds: number;
  /** Is told of each fault as it comes. */
  readonly note: (line: string) => void;
}

/** The seed of this run: `CHAOS_SEED` brings the faults of an earlier one back. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
export const seedOfRun = () => Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));

/** Numbers that are the same for the same seed (mulberry32). */
export function sequence(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const among = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const left = [...list];
  return list.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T);
}

/** Has everything go wrong. Gives how often each fault came. */
export async function rage({ tracks, seed, lasts, rounds, note }: Storm): Promise<Readonly<Record<string, number>>> {
  const began = Date.now();
  const isOver = () => Date.now() - began >= lasts;
  const count: Record<string, number> = {};
  let failed = false;
  const run = async ({ faults, gap }: Track, random: Random): Promise<void> => {
    for (let round = 0; round < rounds || !isOver(); round += 1) {
      for (const { name, strike } of shuffled(faults, random)) {
        if (failed || (round >= rounds && isOver())) return;
        note(`${((Date.now() - began) / 1000).toFixed(1)} s: ${name}`);
        count[name] = (count[name] ?? 0) + 1;
        await strike(random);
        await pause(gap * (0.3 + 0.7 * random()));
      }
    }
  };
  const running = tracks.map((track, index) =>
    run(track, sequence(seed + index)).catch((cause: unknown) => {
      failed = true;
      throw cause;
    }),
  );
  // All of them end before anybody tidies up.
  const ends = await Promise.allSettled(running);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return count;
}
