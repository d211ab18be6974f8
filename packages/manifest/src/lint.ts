import type { Manifest } from "./schema/manifest.ts";
import type { Finding } from "./source.ts";
import type { Texts } from "./text.ts";

export interface Subject {
  /** The manifest, if its shape is sound. */
  readonly manifest: Manifest | undefined;
  readonly texts: Texts;
  readonly folder: string | undefined;
}

export function lint(_subject: Subject): Finding[] {
  return [];
}
