import { sealedIn } from "@jackfield/engine";
import type { HostStore, Records, Table } from "../../../src/store/port.ts";
import { app, chunk, connection, delivery, endpoint, event, file, flow, keptStep, polled, time } from "./records.ts";

const key = { id: "k", hash: "h", name: "K", role: "user", workspace: "w", owner: "ada", origin: "made" } as const;

const session = {
  ...{ id: "s", token_hash: "t", cookie_hash: "c", key: "k", workspace: "w", owner: "ada", connectors: ["acme"], auth: null },
  ...{ environment: null, connection: null, name: "Zoë", return_origin: null, return_url: null },
  ...{ created_at: time(0), expires_at: time(9), ended_at: time(8) },
};

/** Some records of every table, in the order in which they are read. */
export const samples: { readonly [Name in keyof Records]: readonly Records[Name][] } = {
  workspaces: [{ id: "w", created_at: time(0) }],
  keys: [{ ...key, created_at: time(0), last_used_at: time(1), revoked_at: null }],
  sessions: [{ hash: "browser", key: "k", expires_at: time(1) }],
  links: [{ hash: "link", key: "k", expires_at: time(1) }],
  connect_sessions: [session],
  auth_versions: [{ version: "v", definition: "{}", at: time(0) }],
  manifests: [{ name: "acme", text: "manifest: 1\n", at: time(0) }],
  apps: [
    app({ auth: "a", sealed_secret: "v1.azE.x.y", former: [formerClient()] }),
    app({ auth: "a", environment: "sandbox", version: 7 }),
    app({ auth: "b" }),
  ],
  connections: [
    connection("a", { made_in: "s", sealed_fields: "v1.azE.f.f", sealed_credential: "v1.azE.c.c" }),
    connection("b", { alias_of: "a", sealed_credential: null }),
    connection("c", { status: "revoked", sealed_credential: null, sealed_tombstone: "v1.azE.t.t", revoke_at: time(3) }),
  ],
  flows: [flow("f", { browser_hash: "b" }), polled("g", 4, { auth_version: "v" })],
  // Not in the order of their ids or times: in that in which they were stored.
  events: [
    event("2", "a"),
    event("1", "a"),
    event("0", "c", { connection: null, app: { auth: "a", environment: "e", client_id: "c" } }),
  ],
  outbox: [
    { event: event("z", "a"), connection: null },
    { event: event("b", "a"), connection: null },
  ],
  endpoints: [endpoint("e"), endpoint("f", { disabled: { at: time(1), reason: "gone" } })],
  deliveries: [delivery("e", "1"), delivery("e", "2", { status: "delivered", next_at: null, body: null, attempts: 3 })],
  usage: [
    { connection: "a", workflow: "nightly", last_used_at: time(1), count: 3 },
    { connection: "b", workflow: "A", last_used_at: time(2), count: 1 },
  ],
  kept_steps: [keptStep("h", { connection: "a" }), keptStep("i", { connection: "c", running_until: null, sealed: "v1.azE.s.s" })],
  files: [file("f"), file("g", { name: null, size: 0 })],
  file_chunks: [chunk("f", 0, { sealed: "v1.azE.g.g" }), chunk("f", 1)],
  notes: [
    { kind: "deployment", name: "id", text: "d" },
    { kind: "key_check", name: "k1/a", text: "00" },
  ],
};

function formerClient() {
  const { workspace: _, connector: __, auth: ___, environment: ____, ...client } = app();
  return { ...client, sealed_secret: "v1.azE.p.p", sealed_previous: "v1.azE.q.q", since: time(0), unused_since: null };
}

const names = Object.keys(samples) as (keyof Records)[];
const tableOf = (store: HostStore, name: keyof Records) => store.tables[name] as Table<unknown>;

async function fill(store: HostStore): Promise<void> {
  for (const name of names) await tableOf(store, name).put(samples[name]);
}

/** What goes through all of the store. */
export function tables(get: () => HostStore): void {
  describe("tables as a whole", () => {
    test("give every record as it was put, page by page", async () => {
      await fill(get());
      for (const name of names) {
        const table = tableOf(get(), name);
        const found: unknown[] = [];
        for (let after: string | undefined; ; ) {
          const page = await table.page(1, after);
          const [row] = page;
          if (row === undefined) break;
          found.push(row.record);
          after = row.key;
        }
        expect([name, found]).toEqual([name, samples[name]]);
        expect([name, await table.count()]).toEqual([name, samples[name].length]);
      }
    });

    test("hold what the other methods store, and these find what was put", async () => {
      const store = get();
      await fill(store);
      expect(await store.connections.get("a")).toEqual(samples.connections[0]);
      expect((await store.connections.list({ workspace: "w" }, { limit: 9 })).items).toEqual([samples.connections[0]]);
      expect(await store.connections.due("revoke", time(4), 9)).toEqual([{ id: "c", at: time(3) }]);
      expect((await store.connections.madeIn("s")).map(({ id }) => id)).toEqual(["a"]);
      expect(await store.apps.get("w", "acme", "a", "production")).toEqual(samples.apps[0]);
      expect((await store.events.list({ workspace: "w" }, { limit: 9 })).items.map(({ id }) => id)).toEqual(["0", "1", "2"]);
      expect((await store.outbox.list(9)).map((each) => each.event.id)).toEqual(["z", "b"]);
      expect(await store.deliveries.pending("e", 9)).toEqual([samples.deliveries[0]]);
      expect(await store.usage.list("a")).toEqual([samples.usage[0]]);
      expect((await store.flows.consume("state-f"))?.browser_hash).toBe("b");
      expect((await store.flows.due(time(5), 9)).map(({ id }) => id)).toEqual(["g"]);
      expect(await store.keys.find("h")).toEqual(samples.keys[0]);
      expect(await store.sessions.get("browser")).toEqual(samples.sessions[0]);
      expect(await store.connect_sessions.find("t")).toEqual(samples.connect_sessions[0]);
      expect(await store.notes.list("key_check")).toEqual(new Map([["k1/a", "00"]]));

      await store.connections.insert(connection("d"), [event("3", "d", { type: "created" })]);
      expect(await tableOf(store, "connections").count()).toBe(4);
      expect((await store.tables.events.page(9)).map(({ record }) => record.id)).toContain("3");
    });

    test("leave a record as it is that is there already", async () => {
      await fill(get());
      await get().connections.update("a", { name: "Mine" });
      await fill(get());
      expect((await get().connections.get("a"))?.name).toBe("Mine");
      for (const name of names) expect([name, await tableOf(get(), name).count()]).toEqual([name, samples[name].length]);
    });

    test("do not show the note of a copy", async () => {
      await get().notes.add("copy", "of", "x");
      expect(await get().tables.notes.count()).toBe(0);
      expect(await get().tables.notes.page(9)).toEqual([]);
    });
  });

  describe("sealing anew", () => {
    const sealed = ["connections", "apps", "flows", "endpoints"] as const;

    test("puts each text in the place of the other, wherever it is sealed, and changes nothing else", async () => {
      const store = get();
      await fill(store);
      for (const name of sealed) {
        const texts = (record: unknown) => sealedIn[name](record as never).map(({ text }) => text);
        const before = await (store.tables[name] as Table<unknown>).page(9);
        const changes = before.map((row) => ({
          key: row.key,
          texts: new Map(texts(row.record).map((text) => [text, `${text}!`])),
        }));
        const count = new Set(before.flatMap(({ key, record }) => texts(record).map((text) => `${key} ${text}`))).size;
        expect(await store.reseal(name, changes)).toBe(count);
        const after = await (store.tables[name] as Table<unknown>).page(9);
        for (const [index, { record }] of after.entries()) {
          const plain = before[index]?.record;
          expect(texts(record)).toEqual(texts(plain).map((text) => `${text}!`));
          expect(JSON.parse(JSON.stringify(record).replaceAll("!", ""))).toEqual(plain);
        }
      }
    });

    test("leaves alone what is not there any more", async () => {
      const store = get();
      await fill(store);
      const [row] = await store.tables.connections.page(1);
      const texts = new Map([["v1.azE.c.c", "v1.azI.c.c"]]);
      await store.connections.update("a", { sealed_credential: "v1.azE.new.new", credential_version: 2 });
      expect(await store.reseal("connections", [{ key: row?.key ?? "", texts }])).toBe(0);
      expect(await store.connections.get("a")).toMatchObject({ sealed_credential: "v1.azE.new.new", credential_version: 2 });
      await store.connections.delete("a");
      expect(await store.reseal("connections", [{ key: row?.key ?? "", texts }])).toBe(0);
      expect(await store.connections.get("a")).toBeUndefined();
    });

    test("and a write at the same time both last, whoever is first", async () => {
      const store = get();
      await store.connections.insert(connection("r", { sealed_fields: "v1.azE.f.f" }), []);
      const [row] = await store.tables.connections.page(1);
      for (let turn = 0; turn < 10; turn += 1) {
        const texts = new Map([[`v1.azE.f.f${"!".repeat(turn)}`, `v1.azE.f.f${"!".repeat(turn + 1)}`]]);
        const writes = [
          store.reseal("connections", [{ key: row?.key ?? "", texts }]),
          store.connections.update("r", { sealed_credential: `v1.azE.${turn}.x`, credential_version: turn + 2 }),
        ];
        await Promise.all(turn % 2 === 0 ? writes : writes.toReversed());
      }
      expect(await store.connections.get("r")).toMatchObject({
        ...{ sealed_fields: `v1.azE.f.f${"!".repeat(10)}`, sealed_credential: "v1.azE.9.x", credential_version: 11 },
      });
    });
  });
}
