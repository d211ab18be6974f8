import { join } from "node:path";
import type { ConnectionRecord } from "@jackfield/engine";
import { copyStore, refuseUnfinishedCopy } from "../src/store/copy.ts";
import type { HostStore, Records, Table } from "../src/store/port.ts";
import { openStore, type SqliteStore } from "../src/store/sqlite.ts";
import { connection, event, time } from "./contract/store/records.ts";
import { samples } from "./contract/store/tables.ts";
import { temporary } from "./temporary.ts";

const names = Object.keys(samples) as (keyof Records)[];
const tableOf = (store: HostStore, name: keyof Records) => store.tables[name] as Table<unknown>;

let source: SqliteStore;
let target: SqliteStore;
beforeEach(async () => {
  source = openStore(join(temporary(), "source.db"));
  target = openStore(join(temporary(), "target.db"));
  for (const name of names) await tableOf(source, name).put(samples[name]);
  await source.tables.connections.put(Array.from({ length: 900 }, (_, n) => connection(`many_${String(n).padStart(4, "0")}`)));
});
afterEach(async () => {
  await source.close();
  await target.close();
});

/** A store in which the method `put` of a table is another. */
function withPut(store: HostStore, name: "connections", put: (records: readonly ConnectionRecord[]) => Promise<void>): HostStore {
  return { ...store, tables: { ...store.tables, [name]: { ...store.tables[name], put } } };
}

const everything = async (store: HostStore) =>
  Promise.all(names.map(async (name) => [name, (await tableOf(store, name).page(5000)).map(({ record }) => record)]));

test("a copy has every record of every table, in the order in which events were stored, and is compared by count and checksum", async () => {
  const { contents, written, differences } = await copyStore(source, target);
  expect(differences).toEqual([]);
  expect(await everything(target)).toEqual(await everything(source));
  expect(contents.connections.count).toBe(903);
  expect(written).toBe(names.reduce((sum, name) => sum + contents[name].count, 0));
  expect(await refuseUnfinishedCopy(target)).toBeUndefined();
  expect((await copyStore(source, target)).written).toBe(0);
});

test("a checksum says nothing about the order of records or of their keys, and all about their content", async () => {
  const turned = { ...source, tables: { ...source.tables, usage: { ...source.tables.usage, page: reversed } } };
  const { contents } = await copyStore(source, target);
  async function reversed(_: number, after?: string) {
    const rows = await source.tables.usage.page(100);
    const turn = ({ key, record }: (typeof rows)[number]) => ({
      key,
      record: Object.fromEntries(Object.entries(record).toReversed()) as unknown as typeof record,
    });
    return after === undefined ? rows.toReversed().map(turn) : [];
  }
  expect(await copyStore(turned, target)).toMatchObject({ written: 0, contents });
  await source.usage.add([{ connection: "a", workflow: "nightly", last_used_at: time(1), count: 1 }]);
  await expect(copyStore(source, target)).rejects.toThrow(/The target has data of its own: .*usage \(2\)/);
});

test("a copy that ended in the middle is no store to start with; done again it goes on and ends the same", async () => {
  let pages = 0;
  const dying = withPut(target, "connections", async (records) => {
    pages += 1;
    // The last page is not whole, as a store that writes one record after the other leaves it.
    if (pages === 3) await target.tables.connections.put(records.slice(0, 50));
    if (pages === 3) throw new Error("killed");
    await target.tables.connections.put(records);
  });
  await expect(copyStore(source, dying)).rejects.toThrow("killed");
  await expect(refuseUnfinishedCopy(target)).rejects.toThrow(/has not come to its end. Run `jackfield store copy` again/);
  const put: number[] = [];
  const again = withPut(target, "connections", async (records) => {
    put.push(records.length);
    await target.tables.connections.put(records);
  });
  expect((await copyStore(source, again)).differences).toEqual([]);
  expect(put).toEqual([200, 200, 103]);
  expect(await everything(target)).toEqual(await everything(source));
  expect(await refuseUnfinishedCopy(target)).toBeUndefined();
});

test("an unfinished copy of what the source was before is refused", async () => {
  const dying = withPut(target, "connections", () => Promise.reject(new Error("killed")));
  await expect(copyStore(source, dying)).rejects.toThrow("killed");
  await source.connections.update("a", { name: "Changed" });
  await expect(copyStore(source, target)).rejects.toThrow(/unfinished copy of other data/);
});

test("a target with data of its own is refused and left alone", async () => {
  await target.workspaces.put("theirs", time(0));
  await expect(copyStore(source, target)).rejects.toThrow("The target has data of its own: workspaces (1).");
  expect(await target.tables.workspaces.page(9)).toHaveLength(1);
  expect(await target.tables.connections.count()).toBe(0);
});

test("a record that became another on the way, or none, is found, and the copy has not come to its end", async () => {
  const lossy = withPut(target, "connections", (records) =>
    target.tables.connections.put(
      records
        .filter(({ id }) => id !== "many_0007")
        .map((record) => (record.id === "a" ? { ...record, label: "Other" } : record)),
    ),
  );
  const { differences } = await copyStore(source, lossy);
  expect(differences).toEqual([
    {
      table: "connections",
      source: { count: 903, checksum: expect.any(String) },
      target: { count: 902, checksum: expect.any(String) },
    },
  ]);
  await expect(refuseUnfinishedCopy(target)).rejects.toThrow(/has not come to its end/);
});

test("a source that is written to meanwhile is found out", async () => {
  const meddling = withPut(target, "connections", async (records) => {
    await source.events.append([event(`late_${records[0]?.id}`, "a")]);
    await target.tables.connections.put(records);
  });
  await expect(copyStore(source, meddling)).rejects.toThrow(/The source was written to while it was copied/);
});
