/** Lets the first ask, and the others wait for what comes of it, where it is not known that asking is any use. */
export interface Scouts {
  /** Runs `ask`; after another `ask` of the same key, unless one has succeeded within the last minute. */
  run<T>(key: string, ask: () => Promise<T>): Promise<T>;
}

/** How long a success lets everybody pass. */
const trusted = 60_000;

/** How long the others wait for an answer that does not come. */
const patience = 5_000;

export function createScouts(clock: () => number, sleep: (ms: number) => Promise<void>): Scouts {
  const succeeded = new Map<string, number>();
  const ahead = new Map<string, Promise<unknown>>();
  return {
    async run(key, ask) {
      const noted = async () => {
        const answer = await ask();
        succeeded.set(key, clock());
        return answer;
      };
      if (clock() - (succeeded.get(key) ?? Number.NEGATIVE_INFINITY) <= trusted) return noted();
      const scout = ahead.get(key);
      if (scout !== undefined) {
        await Promise.race([scout, sleep(patience)]);
        return noted();
      }
      const own = noted();
      ahead.set(key, own.then(nothing, nothing));
      return own.finally(() => ahead.delete(key));
    },
  };
}

const nothing = () => {};
