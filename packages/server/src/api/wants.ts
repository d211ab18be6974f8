/** Whether a request names a media type as one that it takes. */
export function wants(
  accept: string | undefined,
  media: "text/event-stream" | "application/x-ndjson" | "application/jsonl",
): boolean {
  return (accept ?? "").split(",").some((part) => part.split(";")[0]?.trim().toLowerCase() === media);
}
