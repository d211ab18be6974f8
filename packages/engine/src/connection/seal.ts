/** Master keys: id → 32 bytes; the first is the active one. */
export interface KeyRing {
  readonly active: string;
  get(id: string): Buffer | undefined;
}
