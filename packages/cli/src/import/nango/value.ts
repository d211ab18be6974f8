// A text of the source format in the words of the manifest: literal text and JSONata expressions.

import type { Capture } from "./captures.ts";
import type { AskedField } from "./fields.ts";

/** One hole. */
export interface Piece {
  readonly expression: string;
  /** The fields that the expression names. */
  readonly fields: readonly AskedField[];
  /** The captured values that it names. */
  readonly captures: readonly Capture[];
  /** Whether it names a token or the client secret. */
  readonly secret: boolean;
  /** Whether it names what only requests with a credential know: the app, or the request itself. */
  readonly private: boolean;
}

export type Value = readonly (string | Piece)[];

export const isPiece = (part: string | Piece): part is Piece => typeof part !== "string";

export const piecesOf = (value: Value): Piece[] => value.filter(isPiece);

/** A name that is no secret, or an expression of nothing but functions. */
export function piece(expression: string, further: Partial<Omit<Piece, "expression">> = {}): Piece {
  return { expression, fields: [], captures: [], secret: false, private: false, ...further };
}

/** Several pieces in one expression. */
export function joined(expression: string, of: readonly Piece[]): Piece {
  return {
    expression,
    fields: of.flatMap(({ fields }) => fields),
    captures: of.flatMap(({ captures }) => captures),
    secret: of.some(({ secret }) => secret),
    private: of.some((part) => part.private),
  };
}

/** Whether it may stand only where secrets may. */
export const isSecret = (value: Value): boolean =>
  piecesOf(value).some(({ secret, fields }) => secret || fields.some((field) => field.secret !== false));

/** Whether it needs `apply`: it names a secret, the app or the request. */
export const isSealed = (value: Value): boolean => isSecret(value) || piecesOf(value).some((part) => part.private);

export const quoted = (text: string): string => JSON.stringify(text);

/** As an expression. */
export function expressionOf(value: Value): string {
  if (value.length === 0) return '""';
  const parts = value.map((part) => (isPiece(part) ? part.expression : quoted(part)));
  return parts.length === 1
    ? (parts[0] ?? "")
    : parts.map((part) => (/^[\w.`$"-]+$|^".*"$/s.test(part) ? part : bracketed(part))).join(" & ");
}

const bracketed = (expression: string): string => (/^\$\w+\([^()]*\)$/.test(expression) ? expression : `(${expression})`);

/** As a template. */
export function templateOf(value: Value): string {
  return value.map((part) => (isPiece(part) ? `{{ ${part.expression} }}` : part.replaceAll("{{", "{{ '{{' }}"))).join("");
}

/** A property's path as JSONata writes it. */
export function propertyPath(...names: readonly string[]): string {
  return names
    .map((name, index) => {
      if (index > 0 && /^[0-9]+$/.test(name)) return `[${name}]`;
      const spelled = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll("`", "")}\``;
      return index === 0 ? spelled : `.${spelled}`;
    })
    .join("");
}
