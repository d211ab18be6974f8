/** A binary heap: the entry that comes before all others is at hand. */
export interface Heap<T> {
  readonly size: number;
  peek(): T | undefined;
  push(entry: T): void;
  pop(): T | undefined;
  /** Forgets everything and takes these entries instead. */
  replace(entries: readonly T[]): void;
}

export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  let entries: T[] = [];

  const swap = (a: number, b: number) => {
    [entries[a], entries[b]] = [entries[b] as T, entries[a] as T];
  };
  const precedes = (a: number, b: number) => before(entries[a] as T, entries[b] as T);
  const rise = (start: number) => {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!precedes(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const sink = () => {
    for (let at = 0; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < entries.length && precedes(child, first)) first = child;
      if (first === at) return;
      swap(at, first);
      at = first;
    }
  };

  return {
    get size() {
      return entries.length;
    },
    peek: () => entries[0],
    push(entry) {
      entries.push(entry);
      rise(entries.length - 1);
    },
    pop() {
      const first = entries[0];
      const last = entries.pop();
      if (entries.length > 0 && last !== undefined) {
        entries[0] = last;
        sink();
      }
      return first;
    },
    replace(next) {
      // A sorted list is a heap.
      entries = [...next].sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0));
    },
  };
}
