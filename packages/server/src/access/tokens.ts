import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 random bits for a key, a cookie or a link; stored only as a hash. */
export function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

/** SHA-256, hex: enough for texts that cannot be guessed. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}

export function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
