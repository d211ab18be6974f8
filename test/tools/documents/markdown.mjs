// @ts-check

/** A cell of a Markdown table. @param {unknown} text */
const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");

/** @param {readonly string[]} head @param {readonly (readonly unknown[])[]} rows */
export const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

/** As GitHub makes the anchor of a heading. @param {string} heading */
export const anchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
