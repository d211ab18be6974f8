// @ts-check
/*
 * Very many connections, quickly: one is written through the store's port, and the others are copies of what the store made of it, each
 * with its own id, account and times. What is sealed in a copy is as long as it should be and does not open.
 */
import { openStore } from "@jackfield/server";
import Database from "libsql";
import { fill, idOf, inParallel } from "./connections.mjs";

/** @typedef {import("./connections.mjs").BenchConnector} BenchConnector */

const hour = 3_600_000;

/** The first, of which the others are copies, is due in an hour; the others within a month after it. */
const firstDue = () => Date.now() + hour;
const month = 30 * 24 * hour;

/** Makes an embedded store. @param {string} path @param {readonly BenchConnector[]} connectors @param {number} count */
export async function manyInFile(path, connectors, count) {
  const due = firstDue();
  const store = openStore(path);
  await fill(store, connectors, { count: 1, due });
  await store.close();
  const database = new Database(path);
  database.pragma("synchronous = OFF");
  database.pragma("cache_size = -200000");
  const columns = database
    .prepare("SELECT name FROM pragma_table_info('connections')")
    .all()
    .map(({ name }) => String(name));
  const indexes = database
    .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'connections' AND sql IS NOT NULL")
    .all();
  database.exec("BEGIN");
  // To make an index of many is much quicker than to add to it many times.
  for (const { name } of indexes) database.exec(`DROP INDEX ${name}`);
  const [id, account, at] = [idOf(0), "account-0", new Date(due).toISOString()];
  const values = columns.map(
    (name) => `replace(replace(replace(${name}, '${id}', new_id), '${account}', 'account-' || i), '${at}', new_at) AS ${name}`,
  );
  database
    .prepare(
      `INSERT INTO connections (${columns.join(", ")})
       WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?),
         own AS (SELECT i, printf('con_%020d', i) AS new_id,
           strftime('%Y-%m-%dT%H:%M:%fZ', ? + (i * 7919 % ?) , 'unixepoch') AS new_at FROM numbers)
       SELECT ${values.join(", ")} FROM own, (SELECT * FROM connections WHERE id = '${id}')`,
    )
    .run([count - 1, due / 1000, month / 1000]);
  for (const { sql } of indexes) database.exec(String(sql));
  database.exec("COMMIT");
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}

const batch = 500;

/** The same in a database of a MongoDB-compatible server. @param {import("@jackfield/engine").Store} store @param {import("mongodb").Db} db @param {readonly BenchConnector[]} connectors @param {number} count */
export async function insertMany(store, db, connectors, count) {
  const due = firstDue();
  await fill(store, connectors, { count: 1, due });
  /** @type {import("mongodb").Collection<{ _id: string }>} */
  const documents = db.collection("connections");
  const text = JSON.stringify(await documents.findOne({ _id: idOf(0) }));
  const at = new Date(due).toISOString();
  for (let from = 1; from < count; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - from) }, (_, index) => from + index);
    const copies = numbers.map((number) => {
      const own = new Date(due + ((number * 7919 * 1000) % month)).toISOString();
      return JSON.parse(text.replaceAll(idOf(0), idOf(number)).replaceAll("account-0", `account-${number}`).replaceAll(at, own));
    });
    await documents.insertMany(copies, { ordered: false });
  }
}

/**
 * Makes so many of `count` connections due, spread over all of them.
 * @param {import("@jackfield/engine").Store} store
 * @param {number} due
 * @param {number} count
 */
export async function setDue(store, due, count) {
  const refresh_at = new Date(Date.now() - hour).toISOString();
  await inParallel(due, (number) => store.connections.update(idOf(Math.floor((number * count) / due)), { refresh_at }));
}
