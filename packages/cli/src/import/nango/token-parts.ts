// Parts that several modes have in common.

import { shortened, snakeCase } from "../identifier.ts";
import type { Draft } from "./draft.ts";
import { isTrue, type Schema } from "./fields.ts";

/** Where `token_url` is a map, the modes by which it may be named. */
const urlKeys: Readonly<Record<string, readonly string[]>> = {
  OAUTH2_CC: ["OAUTH2CC", "OAUTH2_CC", "OAUTH2"],
  CUSTOM: ["OAUTH2", "CUSTOM"],
  MCP_OAUTH2: ["MCP_OAUTH2", "OAUTH2"],
};

export function tokenUrl(draft: Draft): string | undefined {
  const source = draft.take("token_url");
  if (typeof source === "string") return source === "" ? undefined : source;
  if (typeof source !== "object" || source === null) return draft.takeText("access_token_url");
  const mode = String(draft.entry.auth_mode);
  const urls = source as Record<string, unknown>;
  const key = (urlKeys[mode] ?? [mode]).find((name) => typeof urls[name] === "string");
  for (const other of Object.keys(urls))
    if (other !== key && other !== "APP") draft.notes.notCarried(`token_url.${other}`, "another mode's");
  return key === undefined ? undefined : String(urls[key]);
}

/** `content-type` is what the encoding says. */
export function headersOf(draft: Draft, key: string, source = draft.takeMap(key)): Record<string, unknown> | undefined {
  const entries = Object.entries(source).filter(([name]) => name.toLowerCase() !== "content-type");
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name, draft.template(value, `${key}.${name}`)]));
}

const durations: readonly (readonly [unit: string, size: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** A number of units of so many milliseconds, as the manifest writes it. */
export function durationOf(value: unknown, size: number): string | undefined {
  const millis = Math.round(Number(value) * size);
  if (value === undefined || value === null || !Number.isFinite(millis) || millis <= 0) return undefined;
  const [unit, of] = durations.find(([, length]) => millis % length === 0) ?? ["ms", 1];
  return `${millis / of}${unit}`;
}

/** What the admin enters beside the client: `integration_config`. */
export function adminFields(draft: Draft): object[] | undefined {
  const entries = Object.entries(draft.takeMap("integration_config")) as [string, Schema][];
  if (entries.length === 0) return undefined;
  return entries.map(([key, schema]) => ({
    name: snakeCase(key),
    label: shortened(schema.title ?? "", 100) || undefined,
    secret: isTrue(schema.secret) ? true : undefined,
    required: isTrue(schema.optional) ? undefined : true,
    placeholder: shortened(schema.example === undefined ? "" : String(schema.example), 200) || undefined,
    help: shortened(schema.description ?? "", 500) || undefined,
  }));
}
