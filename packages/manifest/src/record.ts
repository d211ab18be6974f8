/**
 * What a map is made of: it inherits from an object that has nothing and can get nothing. Without any prototype an object is kept as
 * a hash table, which is several times slower to read.
 */
const Bare = function Bare() {} as unknown as new () => Record<string, never>;
Bare.prototype = Object.freeze(Object.create(null));

/** An empty map in which no name of an author's is found that he did not write, such as `constructor`. */
export const emptyRecord = <T>(): Record<string, T> => new Bare() as Record<string, T>;

/** A map of these entries. */
export function record<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const map = emptyRecord<T>();
  for (const [key, value] of entries) map[key] = value;
  return map;
}
