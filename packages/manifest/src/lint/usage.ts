// Which names a manifest uses, and in which of its blocks.

import type { Piece, Text } from "../text.ts";

/** Where a name is used: in one auth block (`auth oauth`), one action (`actions add`), or anywhere else. */
const scopeOf = ({ path }: Text): string => `${path[0]} ${path[1] ?? ""}`;

/** Looked up once for each name instead of searched for in every text. */
export class Usage {
  private readonly scopes = new Map<string, Set<string>>();

  constructor(pieces: Iterable<{ text: Text; piece: Piece }>) {
    for (const { text, piece } of pieces) {
      const scope = scopeOf(text);
      if (piece.analysis.everything) this.add("*", scope);
      for (const { path } of piece.analysis.references) this.add(`${path[0]} ${path[1] ?? "*"}`, scope);
    }
  }

  private add(key: string, scope: string): void {
    const scopes = this.scopes.get(key);
    if (scopes) scopes.add(scope);
    else this.scopes.set(key, new Set([scope]));
  }

  /** Whether `root.name` is used in a block of the manifest, or as part of everything that is in reach there. */
  isUsedIn(block: string, root: string, name: string): boolean {
    return this.scopesOf(root, name).some((scopes) => scopes.has(block));
  }

  /** Whether `root.name` is used by an auth block or by anything that serves all of them. */
  isUsedBy(auth: string, root: string, name: string): boolean {
    return this.scopesOf(root, name).some((scopes) => {
      for (const scope of scopes) if (scope === `auth ${auth}` || !scope.startsWith("auth ")) return true;
      return false;
    });
  }

  private scopesOf(root: string, name: string): Set<string>[] {
    return [`${root} ${name}`, `${root} *`, "*"].flatMap((key) => this.scopes.get(key) ?? []);
  }
}
