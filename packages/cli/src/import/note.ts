/** One thing that the person who imports should know: what was left out, assumed or changed. */
export interface Note {
  /** The key of the source that it is about, such as `proxy.retry`. */
  readonly key: string;
  readonly message: string;
}

/** What the manifest language cannot say; the message is a reason, in a sentence. */
export class Inexpressible extends Error {}

/** Collects notes; the same one is kept once. */
export class Notes {
  readonly all: Note[] = [];

  add(key: string, message: string): void {
    if (this.all.some((note) => note.key === key && note.message === message)) return;
    this.all.push({ key, message });
  }

  notCarried(key: string, reason?: string): void {
    this.add(key, reason === undefined ? "not carried over" : `not carried over: ${reason}`);
  }
}
