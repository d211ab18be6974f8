import { isMap, isScalar, parseDocument } from "yaml";
import { freeName } from "./identifier.ts";
import { yamlText } from "./manifest-text.ts";

/** The text of a manifest with one more action. Comments and everything else stay as they are. */
export function withAction(text: string, id: string, action: object): { text: string; id: string } {
  const document = parseDocument(text);
  const pair = isMap(document.contents)
    ? document.contents.items.find(({ key }) => isScalar(key) && key.value === "actions")
    : undefined;
  const own = text.endsWith("\n") ? text : `${text}\n`;
  const map = pair?.value;
  if (pair === undefined || !isMap(map)) return { text: `${own}\n${yamlText({ actions: { [id]: action } })}`, id };
  const free = freeName(id, (taken) => map.has(taken));
  const [first] = map.items;
  const last = map.items.at(-1);
  if (map.flow === true || map.range === null || map.range === undefined || first === undefined || last === undefined) {
    document.setIn(["actions", free], document.createNode(JSON.parse(JSON.stringify(action))));
    return { text: document.toString({ lineWidth: 0 }), id: free };
  }
  const column = columnOf(own, isScalar(first.key) ? (first.key.range?.[0] ?? 0) : 0);
  const lines = yamlText({ [free]: action })
    .trimEnd()
    .split("\n");
  const block = lines.map((line) => (line === "" ? line : `${" ".repeat(column)}${line}`)).join("\n");
  const end = endOfLine(own, map.range[1]);
  const before = own.slice(0, end).replace(/\n+$/, "");
  const hasGaps = /\n\s*\n/.test(own.slice(map.range[0], map.range[1]).trimEnd());
  return { text: `${before}\n${hasGaps ? "\n" : ""}${block}\n${own.slice(end)}`, id: free };
}

const columnOf = (text: string, offset: number): number => offset - (text.lastIndexOf("\n", offset - 1) + 1);

/** Where the line ends on which a value ends; a value may reach over its own line break. */
function endOfLine(text: string, offset: number): number {
  if (text[offset - 1] === "\n") return offset;
  const next = text.indexOf("\n", offset);
  return next < 0 ? text.length : next + 1;
}
