// Chance that is none: the same case makes the same requests each time.

const fixed: ReadonlyMap<number, string> = new Map([
  // What requests are made with: state and code verifier; and ids, nonces and boundaries.
  [32, "fixed-random-text-of-the-connector-tests-00"],
  [16, "fixed-random-text-0000"],
]);

/** Bytes by their number: 16 and 32, which stand in requests, are always the same, all others count up, as ids in the store must differ. */
export function countingRandom(): (bytes: number) => Buffer {
  let count = 0;
  return (bytes) => {
    const text = fixed.get(bytes);
    if (text !== undefined) return Buffer.from(text, "base64url").subarray(0, bytes);
    count += 1;
    const buffer = Buffer.alloc(bytes);
    if (bytes >= 4) buffer.writeUInt32BE(count, bytes - 4);
    return buffer;
  };
}

/** The state that every sign-in of a test has. */
export const state = countingRandom()(32).toString("base64url");
