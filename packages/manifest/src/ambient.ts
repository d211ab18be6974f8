import { randomBytes } from "node:crypto";

/** What an evaluation takes from outside its data: time and chance. */
export interface Ambient {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly random: (bytes: number) => Buffer;
}

export const systemAmbient: Ambient = { clock: Date.now, random: randomBytes };
