import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import type { Product } from "./product.ts";
import { inDatabase, scaleOut, shapeOf } from "./shape.ts";

/*
 * A look into a product's store past the product, whichever it is: for what no API shows.
 */

type Place = readonly [place: string, content: Buffer];
type Stored = Pick<Product, "dataDir">;
// biome-ignore lint/suspicious/noExplicitAny: tests look into records of many shapes and assert what they find.
type Doc = Record<string, any>;

/** Every file below a folder, with its bytes. */
export function* filesBelow(folder: string): Generator<readonly [string, Buffer]> {
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const file = join(folder, entry);
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) yield [file, readFileSync(file)] as const;
  }
}

/** Everything that a product has stored. */
export async function keptBy({ dataDir }: Stored): Promise<readonly Place[]> {
  const files = [...filesBelow(dataDir)];
  if (!scaleOut) return files;
  return inDatabase(dataDir, async (db) => {
    const places: Place[] = [...files];
    for (const { name } of await db.listCollections().toArray())
      for (const document of await db.collection(name).find().toArray()) {
        // Records are JSON text in a document: whatever stands in them must be found as it was written.
        const texts = Object.values(document).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
        places.push([`the record ${document._id} of ${name}`, Buffer.from(texts.join("\n"))]);
      }
    return places;
  });
}

/** The records of a table. */
export async function docsOf({ dataDir }: Stored, table: "connections" | "apps"): Promise<readonly Doc[]> {
  const texts = scaleOut
    ? await inDatabase(dataDir, async (db) => (await db.collection(table).find().toArray()).map(({ doc }) => String(doc)))
    : inFile(dataDir, (file) => (file.prepare(`SELECT doc FROM ${table}`).all() as { doc: string }[]).map(({ doc }) => doc));
  return texts.map((text) => JSON.parse(text) as Doc);
}

/** Changes a record as only somebody could who writes into the store itself. */
export async function tamper({ dataDir }: Stored, table: "connections" | "apps", find: Doc, change: Doc): Promise<void> {
  const [doc] = (await docsOf({ dataDir }, table)).filter((each) =>
    Object.entries(find).every(([key, value]) => each[key] === value),
  );
  const text = JSON.stringify({ ...doc, ...change });
  if (scaleOut) {
    await inDatabase(dataDir, (db) => db.collection(table).updateOne({ doc: JSON.stringify(doc) }, { $set: { doc: text } }));
  } else {
    inFile(dataDir, (file) => file.prepare(`UPDATE ${table} SET doc = ? WHERE doc = ?`).run(text, JSON.stringify(doc)));
  }
}

/** Makes a log long: copies one event of a connection so many times, to the year 2030, as `evt_1`, `evt_2` … of the type `used`. */
export async function multiplyEvents({ dataDir }: Stored, connection: string, times: number): Promise<void> {
  const at = "2030-01-01T00:00:00.000Z";
  if (!scaleOut) {
    inFile(dataDir, (file) =>
      file.exec(`
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${times})
        INSERT INTO events (id, workspace, connection, connector, owner, type, at, doc)
        SELECT 'evt_' || i, workspace, connection, connector, owner, 'used', '${at}',
          json_set(doc, '$.id', 'evt_' || i, '$.type', 'used')
        FROM n, (SELECT * FROM events WHERE connection = '${connection}' LIMIT 1)`),
    );
    return;
  }
  await inDatabase(dataDir, async (db) => {
    const events = db.collection<Doc & { _id: string }>("events");
    const one = await events.findOne({ connection });
    const copies = Array.from({ length: times }, (_, n) => {
      const id = `evt_${n + 1}`;
      const doc = JSON.stringify({ ...JSON.parse(one?.doc), id, type: "used" });
      return { ...one, _id: id, seq: `${String(n).padStart(24, "0")}`, type: "used", at, doc };
    });
    await events.insertMany(copies);
  });
}

/** The active master key. */
export function masterKeyOf({ dataDir }: Stored): { readonly id: string; readonly key: Buffer } {
  const folder = () => join(dataDir, readdirSync(dataDir).find((name) => /key/.test(name)) ?? "");
  const text = shapeOf(dataDir).MASTER_KEYS ?? readFileSync(folder(), "utf8");
  const [, id = "", key = ""] = /^([^\s:#]+):(\S+)$/m.exec(text) ?? [];
  return { id, key: Buffer.from(key, "base64") };
}

function inFile<T>(dataDir: string, work: (file: Database.Database) => T): T {
  const name = readdirSync(dataDir).find((each) => each.endsWith(".db"));
  if (name === undefined) throw new Error(`There is no store in ${dataDir}.`);
  const file = new Database(join(dataDir, name), { timeout: 10_000 });
  try {
    return work(file);
  } finally {
    file.close();
  }
}
