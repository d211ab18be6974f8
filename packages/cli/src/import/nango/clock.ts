// `${now}` with an offset and a format of moment.js, as a JSONata expression.

import { Inexpressible } from "../note.ts";

/** What a token of a moment.js format is in a picture of XPath and JSONata. */
const pictures: Readonly<Record<string, string>> = {
  YYYY: "[Y0001]",
  YY: "[Y,2-2]",
  MM: "[M01]",
  M: "[M]",
  DD: "[D01]",
  D: "[D]",
  HH: "[H01]",
  H: "[H]",
  hh: "[h01]",
  mm: "[m01]",
  m: "[m]",
  ss: "[s01]",
  s: "[s]",
  SSS: "[f001]",
  A: "[PN]",
  Z: "[Z01:01]",
};

const units: Readonly<Record<string, number>> = {
  milliseconds: 1,
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Formats that are numbers. */
const numbers: Readonly<Record<string, (millis: string) => string>> = {
  X: (millis) => `$string($floor((${millis}) / 1000))`,
  x: (millis) => `$string(${millis})`,
};

/** The expression for a time. `offset` is `+7:days` or empty, `format` may be empty; `millis` names the present time. */
export function timeExpression(offset: string, format: string, millis: string): string {
  const moment = offset === "" ? millis : `${millis} ${shift(offset)}`;
  if (format === "") return `$fromMillis(${moment})`;
  return numbers[format]?.(moment) ?? `$fromMillis(${moment}, '${picture(format)}')`;
}

function shift(offset: string): string {
  const [, sign, count, unit = ""] = /^([+-])([0-9]+):([a-z]+)$/.exec(offset) ?? [];
  const size = units[unit] ?? units[`${unit}s`];
  if (count === undefined || size === undefined) throw new Inexpressible(`the time offset \`${offset}\` is not known`);
  return `${sign} ${Number(count) * size}`;
}

function picture(format: string): string {
  const tokens = format.match(/\[[^\]]*\]|([A-Za-z])\1*|[^A-Za-z[]+/g) ?? [];
  return tokens.map(pictureOf).join("");
}

/** Letters that mean nothing in a format are text, such as the `T` of ISO 8601. */
const literals = new Set(["T"]);

function pictureOf(token: string): string {
  if (token.startsWith("[")) return token.slice(1, -1);
  if (!/[A-Za-z]/.test(token) || literals.has(token)) return token.replaceAll("'", "");
  const known = pictures[token];
  if (known === undefined) throw new Inexpressible(`the time format \`${token}\` is not known`);
  return known;
}
