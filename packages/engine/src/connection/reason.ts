import type { ApiAnswer } from "./api-call.ts";

/** The usual places of an error text, else the bare status. A whole HTML page helps nobody. */
export function reason(answer: ApiAnswer): string {
  const { body } = answer;
  const type = (answer.headers["content-type"] ?? "").split(";", 1)[0];
  if (typeof body === "string")
    return type === "text/plain" && body.length <= 500 ? body : `HTTP ${answer.status}, ${type || "no content type"}`;
  if (body === null || typeof body !== "object") return `HTTP ${answer.status}`;
  const { error, error_description, message, detail, title } = body as Record<string, unknown>;
  const inner = error !== null && typeof error === "object" && "message" in error ? error.message : error;
  const found = [error_description, message, detail, inner, title].find(
    (candidate) => typeof candidate === "string" && candidate !== "",
  );
  return typeof found === "string" ? found : `HTTP ${answer.status}: ${JSON.stringify(body).slice(0, 500)}`;
}
