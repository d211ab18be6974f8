import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { type Document, MongoClient } from "mongodb";
import { clientOf, databaseOf } from "../packages/server/src/store/mongodb/client.ts";
import { createErasures } from "../packages/server/src/store/mongodb/erasures.ts";
import { openMongoStore } from "../packages/server/src/store/mongodb/mongodb.ts";
import { type Collections, collections, collectionsOf, prepare } from "../packages/server/src/store/mongodb/schema.ts";
import { createWrites, parcels } from "../packages/server/src/store/mongodb/writes.ts";
import type { HostStore } from "../packages/server/src/store/port.ts";
import { app, connection, event, ids, time } from "../packages/server/test/contract/store/records.ts";
import { storeContract } from "../packages/server/test/contract/store.ts";
import { cleanup } from "./harness/cleanup.ts";
import { sharedMongodb, startMongodb, withMongodb } from "./harness/services.ts";

const opened: HostStore[] = [];
let url: string;

const open = async (at = url) => {
  const store = await openMongoStore(at);
  opened.push(store);
  return store;
};

const freshUrl = () => `${sharedMongodb.replace(/\/$/, "")}/jackfield-${randomUUID()}`;

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(cleanup);

/** What the driver has sent, one of each kind: FerretDB reads whole collections, so what an index does is judged by what was asked. */
const asked = new Map<string, Asked>();

interface Asked {
  readonly command: string;
  readonly collection: string;
  readonly filter: Document;
  readonly sort: Readonly<Record<string, 1 | -1>>;
}

function listen(client: MongoClient): void {
  // The driver's types leave this out.
  Object.assign(client, { monitorCommands: true });
  client.on("commandStarted", ({ commandName, command }) => {
    const told = queries[commandName]?.(command);
    if (told === undefined) return;
    const entry = { command: commandName, collection: String(command[commandName]), ...told };
    asked.set(JSON.stringify([entry.command, entry.collection, kindOf(entry.filter), entry.sort]), entry);
  });
}

/** Where a command says what it looks for. */
const queries: Readonly<Record<string, (command: Document) => Pick<Asked, "filter" | "sort">>> = {
  find: ({ filter = {}, sort = [] }) => ({ filter, sort: Object.fromEntries(sort) }),
  update: ({ updates }) => ({ filter: updates[0].q, sort: {} }),
  delete: ({ deletes }) => ({ filter: deletes[0].q, sort: {} }),
  findAndModify: ({ query = {}, sort = [] }) => ({ filter: query, sort: Object.fromEntries(sort) }),
  count: ({ query = {} }) => ({ filter: query, sort: {} }),
  aggregate: ({ pipeline }) => ({ filter: pipeline[0]?.$match ?? {}, sort: {} }),
};

/** A filter without its values. */
const kindOf = (filter: Document): unknown =>
  Array.isArray(filter)
    ? filter.map(kindOf)
    : Object.fromEntries(Object.entries(filter).map(([key, value]) => [key, key === "$or" ? kindOf(value) : useOf(value)]));

/** How an index can use what is asked of a key. */
function useOf(value: unknown): "equal" | "range" | "none" {
  if (typeof value !== "object" || value === null || value instanceof Date) return "equal";
  const operators = Object.keys(value);
  if (operators.every((operator) => operator === "$in")) return "equal";
  return operators.every((operator) => ["$gt", "$gte", "$lt", "$lte"].includes(operator)) ? "range" : "none";
}

/** Whether an index leads to what is looked for, and, where it is sorted, in its order. */
function isServed({ collection, filter, sort }: Asked): boolean {
  const declared: readonly { readonly key: Readonly<Record<string, 1 | -1>> }[] = [
    { key: { _id: 1 } },
    ...(collections[collection as keyof Collections] ?? []),
  ];
  const { $and: parts = [], ...own } = filter;
  const { $or: branches, ...all }: Document = Object.assign({}, own, ...parts);
  const serves = (wanted: Document, { key }: (typeof declared)[number]) => {
    const names = Object.keys(key);
    const use = (name: string) => (Object.hasOwn(wanted, name) ? useOf(wanted[name]) : "none");
    let fixed = 0;
    while (fixed < names.length && use(names[fixed] ?? "") === "equal") fixed += 1;
    const rest = names.slice(fixed);
    const sorted = Object.entries(sort);
    const inOrder = sorted.every(([name, direction], at) => rest[at] === name && key[name] === direction);
    // With all keys of the index given there is one entry, or a few.
    if (fixed > 0) return inOrder || fixed === names.length;
    return inOrder && (sorted.length > 0 || use(rest[0] ?? "") === "range");
  };
  if (declared.some((index) => serves(all, index))) return true;
  return Array.isArray(branches) && branches.every((branch) => declared.some((index) => serves({ ...all, ...branch }, index)));
}

/** What no index is for: it is done by hand or at a start, or over what is few. */
const reads: readonly (readonly [why: string, isMeant: (asked: Asked) => boolean])[] = [
  ["a copy counts all that there is", ({ command }) => command === "aggregate"],
  ["whether anything is sealed with a key is asked when it is to be dropped", ({ filter }) => Object.hasOwn(filter, "doc")],
  [
    "who takes a store over ends all leases and links",
    ({ command, collection }) => command === "delete" && ["leases", "links"].includes(collection),
  ],
  ["there are few endpoints", ({ collection, filter }) => collection === "event_endpoints" && Object.keys(filter).length === 0],
  ["there are few versions of blocks", ({ collection }) => collection === "auth_versions"],
  ["there are few keys", ({ collection }) => collection === "keys"],
];

withMongodb("on a real server", () => {
  beforeAll(() => {
    const { connect } = MongoClient.prototype;
    jest.spyOn(MongoClient.prototype, "connect").mockImplementation(function (this: MongoClient) {
      listen(this);
      return connect.call(this);
    });
  });
  afterAll(() => jest.restoreAllMocks());

  storeContract("MongoDB", async () => {
    url = freshUrl();
    const store = await open();
    return {
      store,
      async reopen() {
        await store.close();
        return open();
      },
      reopenAfterKill: () => open(),
      async cleanUp() {},
    };
  });

  test("an index leads to what is looked for, but where it is all of a collection, or one of few", () => {
    const unserved = [...asked.values()].filter((each) => !isServed(each));
    expect(unserved.filter((each) => !reads.some(([, isMeant]) => isMeant(each)))).toEqual([]);
    expect(reads.filter(([, isMeant]) => !unserved.some(isMeant))).toEqual([]);
    expect(asked.size).toBeGreaterThan(50);
  });

  describe("a process that dies", () => {
    let client: ReturnType<typeof clientOf>;
    let all: Collections;
    let store: HostStore;

    beforeEach(async () => {
      url = freshUrl();
      store = await open();
      client = clientOf(url);
      all = collectionsOf(client.db());
      await store.connections.insert(connection("a"), []);
    });
    afterEach(() => client.close());

    /** The same collections for a process that gets no further than to these. */
    const dying = (...at: readonly (keyof Collections)[]): Collections => {
      const die = async () => {
        throw new Error("the process has died");
      };
      const dead = at.map((name) => [name, { insertMany: die, deleteMany: die }]);
      return { ...all, ...Object.fromEntries(dead) };
    };
    const log = async () => ids(await store.events.list({ workspace: "w" }, { limit: 10 }));
    const told = async () => (await store.outbox.list(10)).map((entry) => entry.event.id);
    /** Renames the connection, and dies before the event is moved. */
    const rename = (id: string, at: keyof Collections) => {
      const record = connection("a", { name: id });
      const keys = { identity: record.identity, workspace: "w", status: "connected", doc: JSON.stringify(record) };
      const out = parcels([event(id, "a", { type: "needs_reauth" })], record);
      return createWrites(dying(at)).change("connections", "a", () => ({ keys, out, result: true }));
    };

    test.each(["outbox", "events"] as const)(
      "after its write and before the event is in the %s leaves both to be finished, once",
      async (at) => {
        await rename("e1", at);
        expect((await store.connections.get("a"))?.name).toBe("e1");
        expect(await log()).toEqual([]);
        for (let times = 0; times < 2; times += 1) {
          await store.recover();
          expect([await log(), await told()]).toEqual([["e1"], ["e1"]]);
        }
        expect(await all.connections.findOne({ _id: "a" })).not.toHaveProperty("out");
        await store.outbox.hand("e1", []);
        await store.recover();
        expect(await told()).toEqual([]);
      },
    );

    test("leaves its event to the next write of the record, and neither is lost", async () => {
      await rename("e1", "outbox");
      await store.connections.update("a", { description: "d" }, { events: [event("e2", "a", { type: "needs_reauth" })] });
      expect([await log(), await told()]).toEqual([
        ["e2", "e1"],
        ["e1", "e2"],
      ]);
      expect(await store.connections.get("a")).toMatchObject({ name: "e1", description: "d" });
    });

    test("leaves what is to be told also where the connection is erased before it is finished", async () => {
      await rename("e1", "outbox");
      expect(await store.connections.delete("a")).toBe(true);
      expect([await log(), await told()]).toEqual([[], ["e1"]]);
    });

    test("while it erases a connection leaves nothing of it", async () => {
      await store.connections.insert(connection("b", { alias_of: "a" }), [event("e1", "b")]);
      await store.events.append([event("e2", "a")]);
      await store.usage.add([{ connection: "a", workflow: "nightly", last_used_at: time(1), count: 1 }]);
      const erasures = createErasures(dying("usage"), createWrites(all));
      await expect(erasures.erase("connections", ["a", "b"])).rejects.toThrow("died");
      expect(await store.connections.get("a")).toBeUndefined();
      expect(await store.usage.list("a")).toHaveLength(1);
      await store.recover();
      for (const name of ["connections", "events", "usage", "erasures"] as const)
        expect([name, await all[name].find({}).toArray()]).toEqual([name, []]);
    });

    test("while it removes an app leaves the app removed and its event to be finished", async () => {
      await store.apps.put(app());
      const out = parcels([{ ...event("gone", "", { type: "app.deleted" }), connection: null }]);
      const id = JSON.stringify(["w", "acme", "oauth", "production"]);
      await createWrites(dying("events")).change("apps", id, () => ({ keys: { removed: true }, out, result: true }));
      expect(await store.apps.get("w", "acme", "oauth", "production")).toBeUndefined();
      expect(await store.apps.list("w", "acme")).toEqual([]);
      expect(await store.apps.delete("w", "acme", "oauth", "production")).toBe(false);
      expect(await store.apps.put(app({ client_id: "new" }), { expect: null })).toBe(true);
      expect(await log()).toEqual(["gone"]);
      expect((await store.apps.get("w", "acme", "oauth", "production"))?.client_id).toBe("new");
    });
  });

  describe("the database", () => {
    let client: ReturnType<typeof clientOf>;
    let db: ReturnType<ReturnType<typeof clientOf>["db"]>;

    beforeEach(() => {
      url = freshUrl();
      client = clientOf(url);
      db = client.db();
    });
    afterEach(() => client.close());

    test("is made ready by many at once, with every index and no other", async () => {
      const stores = await Promise.all(Array.from({ length: 10 }, () => open()));
      expect(stores).toHaveLength(10);
      const texts = (indexes: readonly { readonly key: object; readonly unique?: boolean }[]) =>
        indexes.map(({ key, unique = false }) => JSON.stringify([key, unique])).toSorted();
      for (const [name, indexes] of Object.entries(collections)) {
        const made = indexes.length === 0 ? [] : await db.collection(name).listIndexes().toArray();
        expect([name, texts(made.filter((index) => index.name !== "_id_") as { key: object }[])]).toEqual([name, texts(indexes)]);
      }
    });

    test("of a newer version is refused", async () => {
      await open();
      await db.collection<{ _id: string }>("notes").updateOne({ _id: "schema" }, { $set: { version: 999 } });
      await expect(open()).rejects.toThrow(/newer version of Jackfield/);
    });

    test("with another index in the place of one that is needed is refused, and told which", async () => {
      await db.collection("connections").createIndex({ identity: 1 }, { name: "of_mine" });
      await expect(prepare(db)).rejects.toThrow(/of_mine of .*connections.*should be unique.*Drop it/);
    });

    test("with an index of the administrator's own is taken as it is", async () => {
      await db.collection("connections").createIndex({ refresh_at: 1, _id: 1 }, { name: "of_mine" });
      await prepare(db);
      await db.collection("connections").createIndex({ owner: 1 }, { name: "another" });
      await prepare(db);
    });

    test("is the one that the URL names", async () => {
      await (await open()).manifests.put("m", "text", time(0));
      expect(await db.collection<{ _id: string }>("manifests").countDocuments()).toBe(1);
    });
  });

  test("a server that holds still, ends and comes back fails calls with one code, and the store goes on with it", async () => {
    const server = await startMongodb();
    const store = await open(`${server.url}/jackfield?serverSelectionTimeoutMS=1000&socketTimeoutMS=1000`);
    await store.connections.insert(connection("a"), []);
    const failing = async () => {
      const unavailable = { code: "store_unavailable" };
      expect(await failure(() => store.connections.get("a"))).toMatchObject(unavailable);
      await expect(store.connections.update("a", { name: "x" })).rejects.toMatchObject(unavailable);
      await expect(store.leases.acquire("k", "a", 0, 1)).rejects.toMatchObject(unavailable);
      await expect(store.time()).rejects.toMatchObject(unavailable);
    };
    server.pause();
    await failing();
    server.resume();
    expect(await eventually(() => store.connections.get("a"))).toEqual(connection("a"));
    await server.stop("SIGKILL");
    await failing();
    await server.start();
    expect(await eventually(() => store.connections.get("a"))).toEqual(connection("a"));
    expect((await store.connections.update("a", { name: "again" }))?.name).toBe("again");
  }, 240_000);
});

/** The first failure: a signal takes a moment to arrive. */
async function failure(work: () => Promise<unknown>): Promise<unknown> {
  for (;;) {
    try {
      await work();
    } catch (error) {
      return error;
    }
  }
}

async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      // Until the test's own time is over.
    }
  }
}

test("a write waits for the majority and its journal, and a read goes to the primary, whatever the URL says", () => {
  const { writeConcern, readPreference } = clientOf("mongodb://x/?w=1&journal=false&readPreference=secondary").options;
  expect(writeConcern).toMatchObject({ w: "majority", journal: true });
  expect(readPreference.mode).toBe("primary");
});

test("a URL may set how long a server is waited for", () => {
  const { serverSelectionTimeoutMS, socketTimeoutMS } = clientOf("mongodb://x/?serverselectiontimeoutms=1234").options;
  expect([serverSelectionTimeoutMS, socketTimeoutMS]).toEqual([1234, 5000]);
});

test.each([
  ["mongodb://x", "jackfield"],
  ["mongodb://u:p%2F@x:1,y:2/mine?a=b", "mine"],
  ["mongodb+srv://x/?a=b", "jackfield"],
])("of %s the database is %s", (given, name) => {
  expect(databaseOf(given)).toBe(name);
});

test("a server that is not there is told with its address, and never with the user or the password", async () => {
  const error = await open("mongodb://anna:pa%2Fss-word@127.0.0.1:1/x?serverSelectionTimeoutMS=200").catch((cause) => cause);
  expect(error).toMatchObject({ code: "store_unavailable", message: expect.stringContaining("127.0.0.1:1") });
  expect(inspect(error, { depth: 20 })).not.toMatch(/anna|pa%2Fss|pa\/ss|word@/);
});

test("a URL that the driver does not take is told without what it says", async () => {
  const error = await open("mongodb://anna:se%ZZcret@127.0.0.1:1/x?nosuchoption=1").catch((cause) => cause);
  expect(error).toMatchObject({ message: expect.stringContaining("MONGODB_URL") });
  expect(inspect(error, { depth: 20 })).not.toMatch(/anna|cret/);
});
