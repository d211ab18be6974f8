import { createHmac } from "node:crypto";

/*
 * The Standard Webhooks specification, version 1 (https://www.standardwebhooks.com): what a receiver checks to know that a message is
 * ours, is not old, and came as it was sent.
 */

const prefix = "whsec_";
const bytes = 32;

/** A new secret: `whsec_` and 32 random bytes in base64. */
export const newSecret = (random: (bytes: number) => Buffer): string => prefix + random(bytes).toString("base64");

/** The headers of one attempt. `at` is in milliseconds; with several secrets each gives a signature, and any one of them may be checked. */
export function signedHeaders(secrets: readonly string[], id: string, at: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const sign = (secret: string): string => {
    const key = Buffer.from(secret.slice(prefix.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`, "utf8").digest("base64")}`;
  };
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": secrets.map(sign).join(" ") };
}
