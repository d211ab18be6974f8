// Lists that come in pages, and drop-downs that the provider fills.

import type { Path } from "../source.ts";
import { nearest } from "../suggestion.ts";
import { type CheckedManifest, type Found, placeOf, type Rule } from "./rule.ts";

function* unknownOptions(checked: CheckedManifest): Iterable<Found> {
  const known = Object.keys(checked.manifest.options ?? {});
  for (const { path, input } of checked.inputs()) {
    for (const [name, { options }] of Object.entries(input)) {
      if (typeof options !== "string" || known.includes(options)) continue;
      const near = nearest(options, known);
      const hint = near === undefined ? undefined : `Did you mean \`${near}\`?`;
      yield { path: [...path, "input", name, "options"], message: `There is no \`options.${options}\`.`, hint };
    }
  }
}

function* unusedOptions(checked: CheckedManifest): Iterable<Found> {
  const used = new Set<unknown>();
  for (const { input } of checked.inputs()) for (const { options } of Object.values(input)) used.add(options);
  for (const id of Object.keys(checked.manifest.options ?? {})) {
    if (!used.has(id)) yield { path: ["options", id], on: "key", message: `No input asks for \`options.${id}\`.` };
  }
}

/** What pages add to a map can be told only where the map is written out. */
function* addedToHoles({ manifest }: CheckedManifest): Iterable<Found> {
  for (const [id, { request, paginate }] of Object.entries(manifest.actions ?? {})) {
    const requests = [
      { block: request, path: ["request"] },
      { block: paginate?.request, path: ["paginate", "request"] },
    ];
    for (const { block, path } of requests) {
      for (const key of ["query", "headers"] as const) {
        if (typeof block?.[key] !== "string" || paginate?.send?.[key] === undefined) continue;
        const message = `\`${key}\` must be a map here: \`paginate.send.${key}\` adds to it.`;
        yield { path: ["actions", id, ...path, key], message, hint: "Write each parameter out." };
      }
    }
  }
}

type PageType = "cursor" | "page" | "offset" | "link" | "url";

/** How the next page is asked for, where the author has to say it. */
const names: Readonly<Partial<Record<PageType, string>>> = { cursor: "cursor", page: "number", offset: "offset" };

const sendOf = (type: PageType, name: string) => `Send it, such as with \`send: { query: { ${type}: "{{ page.${name} }}" } }\`.`;

interface Paged {
  /** Of the block that the pages are of. */
  readonly path: Path;
  /** Where the pages are described. */
  readonly at: Path;
  readonly type: PageType;
  readonly next: string | undefined;
}

function* paged({ manifest }: CheckedManifest): Generator<Paged> {
  for (const [id, { paginate }] of Object.entries(manifest.actions ?? {})) {
    if (!paginate) continue;
    const path = ["actions", id];
    yield { path, at: [...path, "paginate"], type: paginate.type ?? "cursor", next: paginate.next };
  }
  for (const [id, { next }] of Object.entries(manifest.options ?? {})) {
    if (next !== undefined) yield { path: ["options", id], at: ["options", id, "next"], type: "cursor", next };
  }
  for (const [id, trigger] of Object.entries(manifest.triggers ?? {})) {
    if (trigger.type !== "polling" || trigger.next === undefined) continue;
    yield { path: ["triggers", id], at: ["triggers", id, "next"], type: "cursor", next: trigger.next };
  }
}

function* nextMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { at, type, next } of paged(checked)) {
    if (next !== undefined || (type !== "cursor" && type !== "url")) continue;
    const what = type === "cursor" ? "the cursor" : "the URL";
    yield { path: [...at, "next"], message: `Pages of the type ${type} need \`next\`, ${what} of the next page.` };
  }
}

function* neverSent(checked: CheckedManifest): Iterable<Found> {
  for (const { path, at, type } of paged(checked)) {
    const name = names[type];
    if (name === undefined || checked.usage.isUsedIn(path.join(" "), "page", name)) continue;
    yield {
      path: at,
      on: "key",
      message: `\`page.${name}\` is sent nowhere, so that the first page would come again and again.`,
      hint: sendOf(type, name),
    };
  }
}

function* noPages(checked: CheckedManifest): Iterable<Found> {
  const blocks = new Set([...paged(checked)].map(({ path }) => path.join(" ")));
  for (const { text, piece, reference } of checked.uses()) {
    const [block = "", id = ""] = text.path;
    if (reference.path[0] !== "page" || !pagedBlocks.has(block) || blocks.has(`${block} ${id}`)) continue;
    const within = { start: piece.offset + (reference.offsets[0] ?? 0), length: "page".length };
    const hint =
      block === "actions" ? "Say with `paginate` how the next page is found." : "Say with `next` how the next page is found.";
    yield { path: text.path, within, message: "There is only one page, so that this is always empty.", hint };
  }
}

/** With pages, `output` is given each item, and not the answer that it came in. */
function* outputOfAnswer(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const [block, id] = use.text.path;
    if (use.text.place !== "action.output" || block !== "actions") continue;
    const { paginate } = checked.manifest.actions?.[String(id)] ?? {};
    const items = paginate?.items.split(".") ?? [];
    if (items.length < 2 || items.some((name, index) => use.reference.path[index] !== name)) continue;
    yield { ...placeOf(use, 0), message: `\`output\` reads each item by itself, and no item has a \`${paginate?.items}\`.` };
  }
}

const pagedBlocks: ReadonlySet<string | number> = new Set(["actions", "options", "triggers"]);

export const pagingRules: readonly Rule[] = [
  { code: "wrong_type", check: addedToHoles },
  { code: "unknown_options", check: unknownOptions },
  { code: "unused_options", check: unusedOptions },
  { code: "missing_key", check: nextMissing },
  { code: "page_never_sent", check: neverSent },
  { code: "page_without_pages", check: noPages },
  { code: "page_output_of_answer", check: outputOfAnswer },
];
