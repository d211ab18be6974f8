/** `accountID`, `account-id` and `AccountId` as `account_id`: what a name in a manifest looks like. */
export function snakeCase(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const begun = /^[a-z]/.test(words) ? words : `x_${words}`;
  return begun.slice(0, 64).replace(/_+$/, "");
}

/** A connector's name: lower case, digits and single hyphens, beginning with a letter. */
export function connectorName(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const begun = /^[a-z]/.test(words) ? words : `x${words}`;
  return begun.slice(0, 64).replace(/-+$/, "");
}

/** The name, or the name with a number, that is not taken yet. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  let free = name;
  for (let number = 2; isTaken(free); number++) free = `${name.slice(0, 60)}_${number}`;
  return free;
}

/** A text of at most so many characters, cut at a word. */
export function shortened(text: string, most: number): string {
  const plain = text.trim();
  if (plain.length <= most) return plain;
  return `${plain.slice(0, most - 1).replace(/\s+\S*$/, "")}…`;
}
