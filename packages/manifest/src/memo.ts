/**
 * Remembers what `make` gave for the last `most` texts: manifests share many patterns and expressions, above all within a family of
 * connectors. What throws is not remembered.
 */
export function memoized<T>(most: number, make: (source: string) => T): (source: string) => T {
  const known = new Map<string, T>();
  return (source) => {
    const found = known.get(source);
    if (found !== undefined) return found;
    const made = make(source);
    const oldest = known.size >= most ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    known.set(source, made);
    return made;
  };
}
