import { Document, isMap, isScalar, isSeq, type Node, type ParsedNode, visit } from "yaml";

const widest = 110;

/** A manifest's YAML: keys without a value are left out, small maps and lists stand on one line. */
export function manifestText(manifest: object): string {
  return `# yaml-language-server: $schema=../connector.schema.json\n${yamlText(manifest)}`;
}

export function yamlText(data: unknown): string {
  const document = new Document(pruned(data));
  visit(document, {
    Collection(key, node, path) {
      if (path.length > 1 && key !== null && isSmall(node as Node)) (node as { flow?: boolean }).flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** Whether it reads well on one line: nothing but a few plain values. */
function isSmall(node: Node | ParsedNode): boolean {
  if (!isMap(node) && !isSeq(node)) return false;
  const values = isMap(node) ? node.items.map(({ value }) => value) : node.items;
  if (values.some((value) => !isScalar(value) || /\n/.test(String(value.value)))) return false;
  return JSON.stringify(node.toJSON() ?? null).length <= widest;
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, pruned(inner)]));
}
