/** Text that is HTML already. Nothing else is ever put into a page without being escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Hole = string | Html | readonly Html[];

/** A template tag: literal parts are HTML, every hole is escaped unless it is `Html` itself. */
export function html(parts: TemplateStringsArray, ...holes: readonly Hole[]): Html {
  return new Html(parts.reduce((page, part, index) => page + shown(holes[index - 1] ?? "") + part));
}

function shown(hole: Hole): string {
  if (hole instanceof Html) return hole.text;
  if (typeof hole === "string") return hole.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return hole.map((item) => item.text).join("");
}
