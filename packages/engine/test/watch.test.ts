import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Actor } from "../src/connection/actor.ts";
import { createEventLog } from "../src/connection/event-log.ts";
import type { ConnectionEvent, ConnectionRecord } from "../src/connection/record.ts";
import { watch } from "../src/connection/watch.ts";
import type { Runtime } from "../src/runtime.ts";

const actor: Actor = { id: "key/1", workspace: "w", owner: "ada", all: true, via: "key" };

let records: Readonly<Record<string, Partial<ConnectionRecord>>>;
const runtime = () => {
  const store = { connections: { get: async (id: string) => records[id] } };
  const events = createEventLog(store as unknown as Runtime["store"], Date.now, randomBytes, () => undefined);
  return { store, events, connectors: { get: () => undefined }, log: () => undefined } as unknown as Runtime;
};

beforeEach(() => {
  const record = { workspace: "w", owner: "ada", alias_of: null, status: "connected", fields: {} } as const;
  records = { draft: { ...record, id: "draft" }, older: { ...record, id: "older" } };
});

/** The draft becomes an alias of the older connection. */
const merge = ({ events }: Runtime): void => {
  records = { ...records, draft: { ...records.draft, alias_of: "older" } };
  events.announce([events.make({ id: "draft", workspace: "w" }, "merged", { actor: "key/1" })]);
};
const rename = ({ events }: Runtime) =>
  events.announce([events.make({ id: "older", workspace: "w" }, "renamed", { actor: "key/1" })]);

test("who watches a draft is told of the connection that it is merged into", async () => {
  const here = runtime();
  const told: ConnectionEvent["type"][] = [];
  await watch(here, actor, "draft", ({ type }) => told.push(type));
  merge(here);
  await setImmediate();
  rename(here);
  await setImmediate();
  expect(told).toEqual(["merged", "renamed"]);
});

test("who stops watching while a draft is merged is told nothing more", async () => {
  const here = runtime();
  const told: ConnectionEvent["type"][] = [];
  const stop = await watch(here, actor, "draft", ({ type }) => told.push(type));
  merge(here);
  stop();
  await setImmediate();
  rename(here);
  await setImmediate();
  expect(told).toEqual([]);
});
