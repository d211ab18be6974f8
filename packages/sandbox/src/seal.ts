import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/*
 * What the provider hands out (tokens, sessions, forms) carries its own content, sealed with AES-256-GCM. So it needs no table in
 * memory and is still understood after a restart with the same secret.
 */

const ivBytes = 12;
const tagBytes = 16;

/** Seals values for one purpose each: what was sealed for one does not open for another. */
export interface Seal {
  seal(purpose: string, value: unknown): string;
  /** Undefined for anything that was not sealed here, for this purpose, unaltered. */
  open<T>(purpose: string, text: string): T | undefined;
}

export function createSeal(secret: Buffer): Seal {
  const key = derive(secret, "seal");
  return {
    seal(purpose, value) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(purpose, "utf8"));
      const box = [iv, cipher.update(JSON.stringify(value), "utf8"), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(box).toString("base64url");
    },
    open<T>(purpose: string, text: string): T | undefined {
      const box = Buffer.from(text, "base64url");
      // Node's decoder overlooks stray characters; a token shall have one spelling only.
      if (box.length < ivBytes + tagBytes || box.toString("base64url") !== text) return undefined;
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, ivBytes), { authTagLength: tagBytes });
        decipher.setAAD(Buffer.from(purpose, "utf8"));
        decipher.setAuthTag(box.subarray(-tagBytes));
        const plain = Buffer.concat([decipher.update(box.subarray(ivBytes, -tagBytes)), decipher.final()]);
        return JSON.parse(plain.toString("utf8")) as T;
      } catch {
        return undefined;
      }
    },
  };
}

/** 32 bytes that follow from the secret and a name. */
export function derive(secret: Buffer, name: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "jackfield-sandbox", name, 32));
}
