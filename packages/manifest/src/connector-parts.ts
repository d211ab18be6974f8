import type { Expression, Template } from "./expression.ts";
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

/** Exactly one of `path` and `url` is there. */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  readonly path: Template | undefined;
  readonly url: Template | undefined;
  readonly query: Parameters;
  readonly headers: Parameters;
  readonly encoding: "json" | "form" | "text" | "xml" | "multipart" | "binary";
  readonly body: Tree | undefined;
}
