import { join } from "node:path";
import { TestFile } from "../connector-test/test-file.ts";
import type { Schema } from "./typescript.ts";

/*
 * What actions give, as the recorded answers of a connector's test.yaml show it.
 */

/** A schema for each action that the connector's test runs with success; none where there is no test. */
export async function outputsIn(folder: string): Promise<ReadonlyMap<string, Schema>> {
  const file = await TestFile.read(join(folder, "test.yaml"));
  const samples = new Map<string, unknown[]>();
  for (const { name, output } of file?.test?.cases.flatMap(({ actions = [] }) => actions) ?? [])
    if (output !== undefined) samples.set(name, [...(samples.get(name) ?? []), output]);
  return new Map([...samples].map(([name, seen]) => [name, schemaOf(seen)]));
}

/** What fits all of these; what is missing in some of them is optional. Null alone says nothing of what else it can be. */
export function schemaOf(samples: readonly unknown[]): Schema {
  const lists = samples.filter(Array.isArray);
  const maps = samples.filter(isMap);
  const kinds = new Set(samples.filter((each) => each !== null && typeof each !== "object").map((each) => typeof each));
  const found: Schema[] = [...kinds].sort().map((type) => ({ type }));
  if (lists.length > 0) found.push({ type: "array", items: schemaOf(lists.flat()) });
  if (maps.length > 0) found.push(mapSchema(maps));
  if (found.length === 0) return {};
  if (samples.includes(null)) found.push({ type: "null" });
  return found.length === 1 ? (found[0] ?? {}) : { anyOf: found };
}

function mapSchema(maps: readonly Readonly<Record<string, unknown>>[]): Schema {
  const names = [...new Set(maps.flatMap((map) => Object.keys(map)))];
  const given = (name: string) => maps.filter((map) => Object.hasOwn(map, name));
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, schemaOf(given(name).map((map) => map[name]))])),
    required: names.filter((name) => given(name).length === maps.length),
  };
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
