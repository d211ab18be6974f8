/** One page of a list; `next` is the cursor of the page after it, null: there is none. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/**
 * A list that comes in pages: `for await` goes through all of its items and asks for a page when the one before is used up. Nothing is
 * asked before that, and each loop begins anew.
 */
export class Listing<T> implements AsyncIterable<T> {
  readonly #read: (cursor: string | undefined) => Promise<Page<T>>;

  constructor(read: (cursor: string | undefined) => Promise<Page<T>>) {
    this.#read = read;
  }

  /** The first page, or the one that a cursor leads to. */
  page(cursor?: string): Promise<Page<T>> {
    return this.#read(cursor);
  }

  /** Page after page, from the first or from the one that a cursor leads to. */
  async *pages(cursor?: string): AsyncGenerator<Page<T>, void, undefined> {
    for (let next: string | undefined = cursor; ; ) {
      const page = await this.#read(next);
      yield page;
      if (page.next === null) return;
      next = page.next;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const { items } of this.pages()) yield* items;
  }

  /** All items, or the first `most` of them. */
  async toArray(most = Number.POSITIVE_INFINITY): Promise<T[]> {
    const all: T[] = [];
    if (most <= 0) return all;
    for await (const item of this) if (all.push(item) >= most) break;
    return all;
  }
}
