/** What one evaluation may use. Sizes are in characters; a value beside its text counts as 8. */
export const limits = {
  /** Characters of an expression. */
  source: 4096,
  /** Characters times the copies that JSONata makes of them. */
  copies: 500_000,
  /** Brackets in brackets. */
  nesting: 48,
  milliseconds: 500,
  /** Evaluations that wait for others at the same time, which is what recursion costs. */
  pending: 40_000,
  /** Items of a list that an expression makes. */
  sequence: 20_000,
  /** One text. */
  text: 1024 * 1024,
  /** One value with everything in it, counted as often as it would be written out. */
  value: 16 * 1024 * 1024,
  /** Everything that is made on the way. */
  work: 48 * 1024 * 1024,
  /** Levels of a value. */
  depth: 100,
  /** The result as JSON. */
  result: 256 * 1024,
  /** Characters that a regular expression may be given, and their product with its size. */
  regexText: 256 * 1024,
  regexWork: 20_000_000,
  /** A date's or number's picture. */
  picture: 100,
} as const;
