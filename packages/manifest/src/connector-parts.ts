import type { Expression, Template } from "./expression.ts";
import type { encodings, methods } from "./schema/request.ts";
import type { ExpressionText, TemplateText } from "./schema/text.ts";

/** A manifest's type with every template and expression compiled. */
export type Compiled<T> = T extends TemplateText
  ? Template
  : T extends ExpressionText
    ? Expression
    : T extends readonly (infer Item)[]
      ? Compiled<Item>[]
      : T extends object
        ? { [Key in keyof T]: Compiled<T[Key]> }
        : T;

/** `Keys` of `T` are present: the manifest left them to their defaults and the compiler filled them in. */
export type Filled<T, Keys extends keyof T> = Omit<T, Keys> & { [Key in Keys]-?: NonNullable<T[Key]> };

/** Any JSON value whose texts are compiled templates. */
export type Tree = Template | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };
export type Parameters = Readonly<Record<string, Template | number | boolean | null>>;

export type Method = (typeof methods)[number];
/** How a body is sent. */
export type Encoding = (typeof encodings)[number];

/** Exactly one of `path` and `url` is there. */
export interface Request {
  readonly method: Method | Template;
  readonly path: Template | undefined;
  readonly url: Template | undefined;
  /** A template gives the whole map. */
  readonly query: Parameters | Template;
  readonly headers: Parameters | Template;
  readonly encoding: Encoding | Template;
  readonly body: Tree | undefined;
}
