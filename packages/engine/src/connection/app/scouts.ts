/** Lets one ask first, and the others wait for what comes of it, where it is not known that asking is any use. */
export interface Scouts {
  /** Runs `ask`. Of all that come while one of the same key runs, each waits until a first one has ended. */
  run<T>(key: string, ask: () => Promise<T>): Promise<T>;
}

/** How long the others wait for an answer that does not come. */
const patience = 5_000;

/** Those that ask at the same time. */
interface Party {
  size: number;
  /** Settles when the first has its answer, or takes too long. */
  readonly first: Promise<void>;
  readonly report: () => void;
}

export function createScouts(): Scouts {
  const parties = new Map<string, Party>();
  return {
    async run(key, ask) {
      const found = parties.get(key);
      const party = found ?? newParty();
      parties.set(key, party);
      party.size += 1;
      try {
        if (found !== undefined) await party.first;
        return await ask();
      } finally {
        party.report();
        party.size -= 1;
        if (party.size === 0) parties.delete(key);
      }
    },
  };
}

function newParty(): Party {
  let report = (): void => {};
  const first = new Promise<void>((resolve) => {
    const late = setTimeout(resolve, patience).unref();
    report = () => {
      clearTimeout(late);
      resolve();
    };
  });
  return { size: 0, first, report };
}
