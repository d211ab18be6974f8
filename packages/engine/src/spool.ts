/**
 * Where a token answer is kept that the store does not take: on this machine's own disk, so that it outlives this process. Texts hold no
 * secret in the clear.
 */
export interface Spool {
  /** Keeps a text in the place of the one of the same id; on disk when it resolves. */
  put(id: string, text: string): Promise<void>;
  list(): Promise<readonly { readonly id: string; readonly text: string }[]>;
  /** Does nothing where it is gone. */
  remove(id: string): Promise<void>;
}
