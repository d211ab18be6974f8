// An OpenAPI document, with local references resolved where they are met.

import { Inexpressible, type Notes } from "../note.ts";

export type Node = Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

export const nodeOf = (value: unknown): Node => (isNode(value) ? value : {});

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined;

const deepest = 50;

export class Document {
  readonly root: Node;
  readonly notes: Notes;

  /** Throws `Inexpressible` for documents of other versions. */
  constructor(root: unknown, notes: Notes) {
    if (!isNode(root)) throw new Inexpressible("the file holds no map");
    const version = String(root.openapi ?? root.swagger ?? "");
    if (!/^3\.[01]\./.test(version)) {
      throw new Inexpressible(
        version === "" ? "the file is no OpenAPI document" : `it is of version ${version}; 3.0 and 3.1 can be read`,
      );
    }
    this.root = root;
    this.notes = notes;
  }

  /** What a node stands for; of a reference that leads nowhere, an empty node. */
  resolve(value: unknown): Node {
    let node = nodeOf(value);
    for (let depth = 0; typeof node.$ref === "string"; depth++) {
      const { $ref: reference, ...beside } = node;
      const target = depth > deepest ? undefined : this.find(String(reference));
      if (target === undefined) {
        this.notes.notCarried(String(reference), "the reference leads nowhere in this file");
        return beside;
      }
      node = { ...target, ...beside };
    }
    return node;
  }

  private find(reference: string): Node | undefined {
    if (!reference.startsWith("#/")) return undefined;
    let at: unknown = this.root;
    for (const step of reference.slice(2).split("/")) {
      const key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
      at = Array.isArray(at) ? at[Number(key)] : isNode(at) && Object.hasOwn(at, key) ? at[key] : undefined;
    }
    return isNode(at) ? at : undefined;
  }
}
