import { randomBytes } from "node:crypto";

const poolBytes = 4096;

/** Random bytes, each of which is given once. Few at a time would cost the system more than they are worth, and a step needs some. */
export function pooledBytes(): (bytes: number) => Buffer {
  let pool = randomBytes(poolBytes);
  let next = 0;
  return (bytes) => {
    if (bytes > poolBytes / 8) return randomBytes(bytes);
    if (next + bytes > poolBytes) {
      pool = randomBytes(poolBytes);
      next = 0;
    }
    next += bytes;
    return pool.subarray(next - bytes, next);
  };
}
