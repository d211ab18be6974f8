// Values that look like secrets: they belong to a connection and never stand in a manifest.

const names =
  /authorization|(^|[-_.])(api[-_]?key|access[-_]?key|app[-_]?key|key|token|secret|password|passwd|pwd|auth|session|signature|sig|cookie|jwt)($|[-_.])|apikey|accesstoken/i;

const forms =
  /\b(Bearer|Basic|Token)\s+\S{6,}|\b(?:sk|pk|rk)_(?:(?:live|test)_)?[A-Za-z0-9]{8,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|-----BEGIN/;

const random = /^[A-Za-z0-9+/_=-]{24,}$/;

/** Whether a value looks as if it was a secret, by its name or by itself. */
export function isSecretLike(name: string, value: string): boolean {
  if (names.test(name.replace(/([a-z])([A-Z])/g, "$1_$2")) || forms.test(value)) return true;
  const isId = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value);
  return !isId && random.test(value) && /[0-9]/.test(value) && /[a-z]/i.test(value) && entropy(value) >= 3.5;
}

/** Bits of information per character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}
