/** An expression that fails hides nothing: the server has the last word. */
export async function findHidden(
  rules: readonly (readonly [name: string, expression: string])[],
  names: Readonly<Record<string, unknown>>,
): Promise<ReadonlySet<string>> {
  if (rules.length === 0) return new Set();
  const { default: jsonata } = await import("jsonata");
  const hidden = new Set<string>();
  for (const [name, expression] of rules) {
    const visible = await jsonata(expression)
      .evaluate(names)
      .catch(() => true);
    if (visible !== true) hidden.add(name);
  }
  return hidden;
}
