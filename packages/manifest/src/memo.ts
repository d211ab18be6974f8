/** Longer texts are made anew each time: what is remembered stays small. */
const longest = 4096;

/**
 * Remembers what `make` gave for the last `most` texts: manifests share many patterns, templates and expressions, above all within a
 * family of connectors. What throws is not remembered.
 */
export function memoized<T>(most: number, make: (source: string) => T): (source: string) => T {
  const known = new Map<string, T>();
  return (source) => {
    const found = known.get(source);
    if (found !== undefined) return found;
    if (source.length > longest) return make(source);
    const text = detached(source);
    const made = make(text);
    const oldest = known.size >= most ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    known.set(text, made);
    return made;
  };
}

/** A copy: a part of a text keeps the whole text in memory, which here is a manifest. */
const detached = (source: string) => JSON.parse(JSON.stringify(source)) as string;
