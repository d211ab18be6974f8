import { JackfieldError } from "@jackfield/engine";

/** Where a page ended: the time and the tie-breaker of its last item. */
export type Position = readonly [time: string, tie: string | number];

export function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position), "utf8").toString("base64url");
}

/** Throws `request_invalid` for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(position) && position.length === 2 && typeof position[0] === "string" && isTie(position[1])) {
      return [position[0], position[1]];
    }
  } catch {
    // Not JSON: as wrong as any other text.
  }
  throw new JackfieldError("request_invalid", {
    detail: "The cursor is not one that a list gave.",
    members: { field: "cursor" },
  });
}

function isTie(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** Cuts a page out of rows that were asked for with one more than `limit`. */
export function paged<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  position: (row: Row) => Position,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(item), next: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null };
}
