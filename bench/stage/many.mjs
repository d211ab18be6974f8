// @ts-check
/*
 * Very many connections, quickly: one is written through the store's port, and the others are copies of what the store made of it, each
 * with its own id, account and times. What is sealed in a copy is as long as it should be and does not open.
 */
import { openSharedStore, openStore } from "@jackfield/server";
import Database from "libsql";
import { MongoClient } from "mongodb";
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
  /** @param {string} sql */
  const rows = (sql) => /** @type {{ name: string, sql: string }[]} */ (database.prepare(sql).all());
  const columns = rows("SELECT name FROM pragma_table_info('connections')").map(({ name }) => name);
  const indexes = rows(
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'connections' AND sql IS NOT NULL",
  );
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
  for (const { sql } of indexes) database.exec(sql);
  database.exec("COMMIT");
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}

/** A server that carries one command out at a time should not be busy with one for long. */
const batch = 50;

/** The same in a database of a MongoDB-compatible server. @param {string} url @param {readonly BenchConnector[]} connectors @param {number} count Gives how many bytes they take. */
export async function manyInMongo(url, connectors, count) {
  const due = firstDue();
  const store = await openSharedStore(url);
  await fill(store, connectors, { count: 1, due });
  await store.close();
  const client = await new MongoClient(url).connect();
  /** @type {import("mongodb").Collection<{ _id: string }>} */
  const documents = client.db().collection("connections");
  const text = JSON.stringify(await documents.findOne({ _id: idOf(0) }));
  const at = new Date(due).toISOString();
  for (let from = 1; from < count; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - from) }, (_, index) => from + index);
    const copies = numbers.map((number) => {
      const own = new Date(due + ((number * 7919 * 1000) % month)).toISOString();
      const copy = JSON.parse(
        text.replaceAll(idOf(0), idOf(number)).replaceAll("account-0", `account-${number}`).replaceAll(at, own),
      );
      // As long as what the store makes of it.
      return { ...copy, identity: `${number}`.padStart(copy.identity.length, "0") };
    });
    await documents.insertMany(copies, { ordered: false });
  }
  const { storageSize, totalIndexSize = 0 } = await client.db().command({ collStats: "connections" });
  await client.close();
  return Number(storageSize) + Number(totalIndexSize);
}

/**
 * Makes so many of `count` connections due, spread over all of them.
 * @param {import("@jackfield/engine").Store} store
 * @param {number} due
 * @param {number} count
 */
export async function setDue(store, due, count) {
  const from = Date.now() - hour;
  await inParallel(due, (number) =>
    store.connections.update(idOf(Math.floor((number * count) / due)), { refresh_at: new Date(from + number).toISOString() }),
  );
}
