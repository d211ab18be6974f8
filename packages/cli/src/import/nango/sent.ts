// What is sent with every call: secrets through `apply`, everything else as `default_params`.

import type { Draft } from "./draft.ts";
import { isSealed, piecesOf, templateOf } from "./value.ts";

export interface Apply {
  readonly in?: "header" | "query" | "body" | "path";
  readonly name?: string;
  readonly value: string;
}

type Place = "header" | "query" | "body";

const blocks: { readonly [P in Place]: string } = { header: "headers", query: "query", body: "body" };

export class HeaderSplit {
  readonly apply: Apply[] = [];
  readonly defaults: Record<string, Record<string, unknown>> = {};
  private readonly draft: Draft;

  constructor(draft: Draft) {
    this.draft = draft;
  }

  add(place: Place, entries: Readonly<Record<string, unknown>>): void {
    for (const [name, source] of Object.entries(entries)) this.addOne(place, name, source);
  }

  has(place: Place, name: string): boolean {
    const same = (other: string) => (place === "header" ? other.toLowerCase() === name.toLowerCase() : other === name);
    const defaults = this.defaults[blocks[place]] ?? {};
    return (
      this.apply.some(({ in: where = "header", name: other = "Authorization" }) => where === place && same(other)) ||
      Object.keys(defaults).some(same)
    );
  }

  private addOne(place: Place, name: string, source: unknown): void {
    const key = `proxy.${blocks[place]}.${name}`;
    if (typeof source !== "string" && place === "body") {
      this.default(place, name, this.draft.tree(source, key));
      return;
    }
    const value = this.draft.text(source, key);
    // Requests that carry JSON say so by themselves.
    if (place === "header" && name.toLowerCase() === "content-type" && templateOf(value) === "application/json") return;
    for (const { captures } of piecesOf(value)) for (const capture of captures) capture.used = true;
    const isAuthorization = place === "header" && name.toLowerCase() === "authorization";
    if (isSealed(value) || isAuthorization)
      this.apply.push({
        ...(place === "header" ? {} : { in: place }),
        name: isAuthorization ? "Authorization" : name,
        value: templateOf(value),
      });
    else this.default(place, name, templateOf(value));
  }

  private default(place: Place, name: string, value: unknown): void {
    const block = blocks[place];
    this.defaults[block] = { ...this.defaults[block], [name]: value };
  }
}
