import type { EgressAnswer } from "../egress/egress.ts";

/** Milliseconds that `Retry-After` asks for, as seconds or as a date (RFC 9110 §10.2.3); undefined when it does not. */
export function retryAfter(answer: Pick<EgressAnswer, "headers" | "sentAt">): number | undefined {
  const header = answer.headers["retry-after"];
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - answer.sentAt);
}
