import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AppRecord, duties, IdentityTaken } from "@jackfield/engine";
import Database from "libsql";
import { appTable } from "../src/store/apps.ts";
import { connectionTable } from "../src/store/connections.ts";
import type { Sqlite } from "../src/store/database.ts";
import { flowTable } from "../src/store/flows.ts";
import { migrations } from "../src/store/migrations.ts";
import { deliveryTable } from "../src/store/outbound.ts";
import { openStore } from "../src/store/sqlite.ts";
import { connection, event } from "./contract/store/records.ts";
import { storeContract } from "./contract/store.ts";
import { temporary } from "./temporary.ts";

storeContract("SQLite", async () => {
  const file = join(temporary(), "store.db");
  const opened = [openStore(file)];
  const open = (name: string) => {
    const store = openStore(name);
    opened.push(store);
    return store;
  };
  const [store] = opened;
  if (store === undefined) throw new Error("unreachable");
  return {
    store,
    async reopen() {
      await store.close();
      return open(file);
    },
    async reopenAfterKill() {
      // What is on the disk while the first is still open is all that a killed process leaves.
      const copy = join(temporary(), "store.db");
      for (const suffix of ["", "-wal"]) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
      return open(copy);
    },
    async cleanUp() {
      for (const each of opened) await each.close();
    },
  };
});

test("a store in memory is its own, and leaves no file", async () => {
  const stores = [openStore(":memory:"), openStore(":memory:")] as const;
  const record = connection("con_1");
  await stores[0].connections.insert(record, []);
  expect(await stores[0].connections.get(record.id)).toEqual(record);
  expect(await stores[1].connections.get(record.id)).toBeUndefined();
  for (const store of stores) await store.close();
  expect(existsSync(":memory:")).toBe(false);
});

test("connections of before clients were remembered are those of the app that was saved then, unless they brought their own", async () => {
  const file = join(temporary(), "store.db");
  const old = new Database(file);
  old.exec(migrations[0] ?? "");
  old.pragma("user_version = 1");
  const insert = (id: string, values: object) => {
    const { client_id: _, ...doc } = { ...connection(id), ...values };
    old
      .prepare(
        `INSERT INTO connections (id, identity, workspace, owner, connector, environment, status, search, created_at, doc)
         VALUES (?, ?, 'w', 'ada', ?, ?, 'connected', '', ?, ?)`,
      )
      .run(id, doc.identity, doc.connector, doc.environment, doc.created_at, JSON.stringify(doc));
  };
  insert("a", {});
  insert("own", { fields: { client_id: "mine" } });
  insert("draft", { sealed_credential: null });
  insert("sandbox", { environment: "sandbox" });
  const app = { workspace: "w", connector: "acme", auth: "oauth", environment: "production", client_id: "c", sealed_secret: "s" };
  old
    .prepare("INSERT INTO apps (workspace, connector, auth, environment, doc) VALUES ('w', 'acme', 'oauth', 'production', ?)")
    .run(JSON.stringify(app));
  old.close();
  const store = openStore(file);
  expect((await store.apps.list("w", "acme"))[0]).toEqual({
    ...app,
    fields: {},
    sealed_previous: null,
    previous_secret_until: null,
    previous_secret_used: false,
    pause: null,
    refused_alone: null,
    version: 1,
    former: [],
    expires_on: null,
    expiry_told: null,
    tend_at: null,
  });
  const clients = await Promise.all(["a", "own", "draft", "sandbox"].map((id) => store.connections.get(id)));
  expect(clients.map((record) => record?.client_id)).toEqual(["c", null, null, null]);
  expect(await store.connections.count({ workspace: "w", client_id: "c" })).toBe(1);
  const again = { ...app, ...(await store.apps.get("w", "acme", "oauth", "production")), version: 2 };
  expect(await store.apps.put(again as AppRecord, { expect: 1 })).toBe(true);
  await store.close();
});

describe("the SQLite file", () => {
  test("and everything beside it can be read by its owner only", async () => {
    const folder = temporary();
    const store = openStore(join(folder, "store.db"));
    await store.connections.insert(connection("a"), []);
    const files = readdirSync(folder);
    expect(files).toContain("store.db-wal");
    for (const name of files) expect([name, statSync(join(folder, name)).mode & 0o077]).toEqual([name, 0]);
    await store.close();
  });

  test("is as durable as SQLite can make it", () => {
    const store = openStore(join(temporary(), "store.db"));
    expect(store.sqlite.get("PRAGMA synchronous")).toMatchObject({ synchronous: 2 });
    expect(store.sqlite.get("PRAGMA journal_mode")).toMatchObject({ journal_mode: "wal" });
    store.sqlite.close();
  });

  test("that is none is refused with what to do", () => {
    const file = join(temporary(), "store.db");
    writeFileSync(file, "this was never a database, however long one looks at it. ".repeat(50));
    expect(() => openStore(file)).toThrow(/store\.db is not a readable store\. Restore it from a backup/);
  });

  test("of a newer version is refused and left alone", () => {
    const file = join(temporary(), "store.db");
    openStore(file).sqlite.close();
    const raw = new Database(file);
    raw.pragma("user_version = 999");
    raw.close();
    expect(() => openStore(file)).toThrow(/newer version/);
  });

  test("of the first version is brought up to date, and its connections have what came since", async () => {
    const file = join(temporary(), "store.db");
    const raw = new Database(file);
    raw.exec(migrations[0] ?? "");
    raw.pragma("user_version = 1");
    const { test_at: _, last_used_at: __, revoke_failures: ___, ...early } = connection("con_1");
    const row = [
      early.id,
      early.identity,
      "w",
      "ada",
      "acme",
      "production",
      "connected",
      "",
      early.created_at,
      JSON.stringify(early),
    ];
    raw
      .prepare(
        "INSERT INTO connections (id, identity, workspace, owner, connector, environment, status, search, created_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      )
      .run(...row);
    raw.close();
    const store = openStore(file);
    expect(await store.connections.get("con_1")).toEqual(connection("con_1", { last_used_at: early.updated_at }));
    expect(await store.connections.idle("2030", 10)).toEqual(["con_1"]);
    await store.close();
  });

  test("is left as it was when a transaction fails half-way", async () => {
    const { sqlite, ...store } = openStore(join(temporary(), "store.db"));
    const put = () => sqlite.run("INSERT INTO manifests (name, text, at) VALUES ('a', '', '')");
    expect(() =>
      sqlite.transaction(() => {
        put();
        throw new Error("half-way");
      }),
    ).toThrow("half-way");
    expect(await store.manifests.list()).toEqual([]);
    sqlite.transaction(put);
    expect(await store.manifests.list()).toHaveLength(1);
    await store.close();
  });

  test("finds a page of connections, of events, and what is due, by its indexes", async () => {
    const { sqlite, ...store } = openStore(join(temporary(), "store.db"));
    const plan = (sql: string, ...values: string[]) => JSON.stringify(sqlite.all(`EXPLAIN QUERY PLAN ${sql}`, ...values));
    expect(
      plan(
        "SELECT doc FROM connections WHERE alias_of IS NULL AND workspace = ? ORDER BY created_at DESC, id DESC LIMIT 50",
        "w",
      ),
    ).toContain("connections_newest");
    expect(plan("SELECT id FROM connections WHERE refresh_at < ? ORDER BY refresh_at LIMIT 10", "x")).toContain(
      "connections_due",
    );
    expect(plan("SELECT doc FROM events WHERE connection = ? ORDER BY at DESC, seq DESC LIMIT 10", "x")).toContain(
      "events_newest",
    );
    expect(plan("SELECT doc FROM events WHERE workspace = ? ORDER BY at DESC, seq DESC LIMIT 10", "w")).toContain(
      "events_of_all",
    );
    expect(
      plan("SELECT doc FROM events WHERE workspace = ? AND type = ? ORDER BY at DESC, seq DESC LIMIT 10", "w", "used"),
    ).toContain("events_by_type");
    expect(
      plan("SELECT doc FROM deliveries WHERE endpoint = ? AND next_at IS NOT NULL ORDER BY next_at, id LIMIT 1", "x"),
    ).toContain("deliveries_pending");
    await store.close();
  });

  test("finds whatever the sweep asks for by an index, so that it reads nothing that is not due", async () => {
    const store = openStore(join(temporary(), "store.db"));
    // One of its own: the driver does not let go of a statement that was explained and then run.
    const explained = openStore(":memory:");
    const plans = new Map<string, readonly string[]>();
    const all: Sqlite["all"] = (sql, ...values) => {
      const plan = explained.sqlite.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
      plans.set(
        sql,
        plan.map(({ detail }) => detail),
      );
      return store.sqlite.all(sql, ...values);
    };
    const sqlite = { ...store.sqlite, all };
    const [time, after] = ["2027-01-01T00:00:00.000Z", { id: "a", at: "2026-01-01T00:00:00.000Z" }];
    const connections = connectionTable(sqlite);
    const flows = flowTable(sqlite);
    for (const page of [undefined, after]) {
      for (const duty of duties) await connections.due(duty, time, 10, page);
      await flows.due(time, 10, page);
    }
    await connections.idle(time, 10);
    await flows.expired(time, 10);
    await appTable(sqlite).due(time, 10);
    await deliveryTable(sqlite).due(time, 10);
    expect(plans.size).toBe(2 * duties.length + 6);
    for (const [sql, [first]] of plans)
      expect([sql, first]).toEqual([sql, expect.stringMatching(/^SEARCH \w+ USING .*INDEX .*</)]);
    await store.close();
  });

  test("takes what is written at the same time together, and of that refuses only what must be", async () => {
    const store = openStore(join(temporary(), "store.db"));
    const first = connection("con_1", { identity: "same" });
    const second = connection("con_2", { identity: "same" });
    const written = await Promise.allSettled([
      store.connections.insert(first, [event("evt_1", "con_1")]),
      store.connections.insert(second, [event("evt_2", "con_2")]),
      store.connections.insert(connection("con_3"), []),
      store.connections.update("con_1", { name: "updated" }),
    ]);
    expect(written.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect(written[1]).toMatchObject({ reason: expect.any(IdentityTaken) });
    expect(await store.connections.get("con_1")).toEqual({ ...first, name: "updated" });
    expect(await store.connections.get("con_2")).toBeUndefined();
    expect(await store.connections.get("con_3")).toBeDefined();
    await store.close();
  });

  test("writes what waits before it closes", async () => {
    const file = join(temporary(), "store.db");
    const store = openStore(file);
    const written = store.connections.insert(connection("con_1"), []);
    await store.close();
    await written;
    const again = openStore(file);
    expect(await again.connections.get("con_1")).toEqual(connection("con_1"));
    await again.close();
  });

  test("of an older version keeps its events, which are then found by what their connections are", async () => {
    const file = join(temporary(), "store.db");
    const raw = new Database(file);
    raw.exec(migrations[0] ?? "");
    raw.pragma("user_version = 1");
    const { id, identity, workspace, owner, connector, environment, status, created_at } = connection("a");
    raw
      .prepare(
        `INSERT INTO connections (id, identity, workspace, owner, connector, environment, status, search, created_at, doc)
         VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?)`,
      )
      .run([id, identity, workspace, owner, connector, environment, status, created_at, JSON.stringify(connection("a"))]);
    raw
      .prepare("INSERT INTO events (id, connection, at, doc) VALUES (?, ?, ?, ?)")
      .run(["e1", "a", event("e1", "a").at, JSON.stringify(event("e1", "a"))]);
    raw.close();
    const store = openStore(file);
    const { items } = await store.events.list({ workspace, connector, owner, type: "used" }, { limit: 10 });
    expect(items).toEqual([{ ...event("e1", "a"), connector, owner }]);
    await store.close();
  });
});
