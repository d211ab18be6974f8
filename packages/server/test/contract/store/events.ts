import { type ConnectionEvent, type DeliveryRecord, mostWorkflows, type Store } from "@jackfield/engine";
import { connection, count, delivery, endpoint, event, ids, time } from "./records.ts";

export function events(get: () => Store): void {
  describe("events", () => {
    beforeEach(() => get().connections.insert(connection("a"), []));

    test("are listed newest first, in pages that give each once", async () => {
      await get().events.append(
        Array.from({ length: 11 }, (_, n) => event(`e${n}`, "a", { at: time(n % 4), host: "api.example", status: 200 })),
      );
      const seen: ConnectionEvent[] = [];
      let after: string | undefined;
      do {
        const page = await get().events.list({ workspace: "w", connection: "a" }, { limit: 4, after });
        seen.push(...page.items);
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(11);
      expect(seen.map(({ at }) => at)).toEqual(
        seen
          .map(({ at }) => at)
          .sort()
          .reverse(),
      );
      expect(seen.find(({ id }) => id === "e3")).toEqual(event("e3", "a", { at: time(3), host: "api.example", status: 200 }));
    });

    test("of one time are listed in the reverse of the order in which they were appended", async () => {
      await get().events.append([event("z", "a"), event("m", "a")]);
      await get().events.append([event("b", "a")]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["b", "m", "z"]);
    });

    test("are those of one connection", async () => {
      await get().connections.insert(connection("b"), [event("e2", "b")]);
      await get().events.append([event("e1", "a")]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e1"]);
      expect(ids(await get().events.list({ workspace: "w", connection: "b" }, { limit: 10 }))).toEqual(["e2"]);
    });

    test("of a connection that was erased meanwhile do not come back, and do not keep the others out", async () => {
      await get().events.append([event("e1", "gone"), event("e2", "a")]);
      expect((await get().events.list({ workspace: "w", connection: "gone" }, { limit: 10 })).items).toEqual([]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e2"]);
    });

    test("of several connections are given together from a time on, the newest first", async () => {
      await get().connections.insert(connection("b"), []);
      await get().connections.insert(connection("c"), []);
      await get().events.append([
        event("e1", "a", { at: time(1) }),
        event("e2", "b", { at: time(2) }),
        event("e3", "c", { at: time(2) }),
        event("e4", "a", { at: time(2) }),
        event("e5", "a", { at: time(3) }),
      ]);
      const recent = async (of: readonly string[], limit = 10) =>
        (await get().events.recent(of, time(2), limit)).map(({ id }) => id);
      expect(await recent(["a", "b"])).toEqual(["e5", "e4", "e2"]);
      expect(await recent(["a", "b"], 2)).toEqual(["e5", "e4"]);
      expect(await recent(["nowhere"])).toEqual([]);
      expect((await get().events.recent(["a"], time(3), 10))[0]).toEqual(event("e5", "a", { at: time(3) }));
    });

    test("of a workspace are listed together, also those of no connection, and none of another workspace", async () => {
      await get().connections.insert(connection("b", { workspace: "v" }), [event("other", "b", { workspace: "v" })]);
      await get().events.append([event("e1", "a"), { ...event("e2", "a"), connection: null }]);
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["e2", "e1"]);
      expect(ids(await get().events.list({ workspace: "v" }, { limit: 10 }))).toEqual(["other"]);
      expect(ids(await get().events.list({ workspace: "v", connection: "a" }, { limit: 10 }))).toEqual([]);
    });

    test("are filtered by who did what they tell of", async () => {
      await get().events.append([
        event("e1", "a", { actor: "key/1" }),
        event("e2", "a", { actor: "system" }),
        event("e3", "a", { actor: "key/12" }),
        event("e4", "a", { actor: "key/1" }),
      ]);
      const list = async (actors: readonly string[], page: object = {}) =>
        ids(await get().events.list({ workspace: "w", connection: "a", actors }, { limit: 10, ...page }));
      expect(await list(["key/1", "system"])).toEqual(["e4", "e2", "e1"]);
      expect(await list(["key/1"], { limit: 1 })).toEqual(["e4"]);
      expect(await list([])).toEqual([]);
    });

    test("are filtered by connection, type, connector, owner and time, each alone and all together", async () => {
      const other = { type: "failed", connector: "beta", owner: "alan" } as const;
      const usual = { type: "used", connector: "acme", owner: "ada", at: time(5) } as const;
      await get().connections.insert(connection("b"), []);
      await get().events.append([
        event("usual", "a", usual),
        event("connection", "b", usual),
        event("early", "a", { ...usual, at: time(1) }),
        event("late", "a", { ...usual, at: time(9) }),
        ...Object.entries(other).map(([key, value]) => event(key, "a", { ...usual, [key]: value })),
      ]);
      const list = async (filter: object) => ids(await get().events.list({ workspace: "w", ...filter }, { limit: 10 }));
      for (const [key, value] of Object.entries(other)) expect(await list({ [key]: value })).toEqual([key]);
      expect(await list({ connection: "b" })).toEqual(["connection"]);
      expect(await list({ to: time(5) })).toEqual(["early"]);
      expect(await list({ from: time(6) })).toEqual(["late"]);
      const { at, ...rest } = usual;
      expect(await list({ ...rest, connection: "a", from: at, to: time(6) })).toEqual(["usual"]);
    });

    test("from before a time are removed and counted", async () => {
      await get().events.append([
        event("old", "a", { at: time(1) }),
        event("edge", "a", { at: time(2) }),
        event("new", "a", { at: time(3) }),
      ]);
      expect(await get().events.expire(time(2))).toBe(1);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["new", "edge"]);
      expect(await get().events.expire(time(2))).toBe(0);
    });
  });
}

export function outbox(get: () => Store): void {
  const put = (id: string, values: Partial<ConnectionEvent> = {}) => event(id, "a", { type: "needs_reauth", ...values });
  const entries = async () => (await get().outbox.list(10)).map(({ event: { id }, connection: told }) => [id, told?.status]);

  describe("the outbox", () => {
    beforeEach(() => get().connections.insert(connection("a"), [put("e0", { type: "created" })]));

    test("takes what is told outside with the event, and the connection as that write left it", async () => {
      await get().connections.update("a", { status: "needs_reauth" }, { events: [put("e1"), put("e2", { type: "used" })] });
      await get().connections.update("a", { status: "connected" });
      await get().events.append([
        put("e3"),
        { ...put("e4", { type: "endpoint_disabled" }), connection: null },
        put("e5", { type: "used" }),
      ]);
      expect(await entries()).toEqual([
        ["e0", "connected"],
        ["e1", "needs_reauth"],
        ["e3", "connected"],
        ["e4", undefined],
      ]);
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toHaveLength(6);
    });

    test("holds nothing sealed, and no fields", async () => {
      const [entry] = await get().outbox.list(1);
      expect(entry?.connection).toMatchObject({ id: "a", label: "Ada's Acme" });
      expect(JSON.stringify(entry)).not.toMatch(/v1\.a\.b\.c|region|sealed/);
    });

    test("takes nothing of a write that was refused, or of a connection that is gone", async () => {
      await get().outbox.hand("e0", []);
      await get().connections.update("a", {}, { expect: { credential_version: 9 }, events: [put("e1")] });
      await get().events.append([event("e2", "gone", { type: "needs_reauth" })]);
      expect(await entries()).toEqual([]);
    });

    test("gives an event once it is handed to nobody any more, and the deliveries with it", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().outbox.hand("e0", [delivery("x", "e0"), delivery("gone", "e0")]);
      expect(await entries()).toEqual([]);
      expect((await get().deliveries.list("x", { limit: 10 })).items).toEqual([delivery("x", "e0")]);
      expect((await get().deliveries.list("gone", { limit: 10 })).items).toEqual([]);
    });

    test("handed out a second time changes no delivery that is there", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().outbox.hand("e0", [delivery("x", "e0")]);
      await get().deliveries.update("x.e0", { status: "delivered", attempts: 1, next_at: null }, { attempts: 0 });
      await get().outbox.hand("e0", [delivery("x", "e0")]);
      const { items } = await get().deliveries.list("x", { limit: 10 });
      expect(items.map(({ status }) => status)).toEqual(["delivered"]);
    });
  });

  describe("an event endpoint", () => {
    test("comes back as it was stored, in a list of its workspace, the oldest first", async () => {
      await get().endpoints.insert(endpoint("new", { created_at: time(2) }));
      await get().endpoints.insert(endpoint("old", { created_at: time(1) }));
      await get().endpoints.insert(endpoint("other", { workspace: "v" }));
      expect(await get().endpoints.get("new")).toEqual(endpoint("new", { created_at: time(2) }));
      expect(await get().endpoints.get("none")).toBeUndefined();
      expect((await get().endpoints.list("w")).map(({ id }) => id)).toEqual(["old", "new"]);
    });

    test("is updated in the given keys only, with its events; one who expects it enabled is refused where it is not", async () => {
      await get().endpoints.insert(endpoint("x"));
      const disabled = { at: time(1), reason: "gone" } as const;
      const told = { ...put("e1", { type: "endpoint_disabled" }), connection: null };
      const first = await get().endpoints.update("x", { disabled }, { expect: { enabled: true }, events: [told] });
      expect(first).toEqual(endpoint("x", { disabled }));
      const again = { ...told, id: "e2" };
      expect(await get().endpoints.update("x", { disabled }, { expect: { enabled: true }, events: [again] })).toBeUndefined();
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["e1"]);
      expect((await get().endpoints.update("x", { url: "https://b.example/" }))?.disabled).toEqual(disabled);
      expect(await get().endpoints.update("none", { url: "https://b.example/" })).toBeUndefined();
    });

    test("is erased with its deliveries", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().deliveries.insert(delivery("x", "e"));
      expect(await get().endpoints.delete("x")).toBe(true);
      expect(await get().endpoints.delete("x")).toBe(false);
      expect(await get().deliveries.pending("x", 10)).toEqual([]);
      await get().deliveries.insert(delivery("x", "late"));
      expect((await get().deliveries.list("x", { limit: 10 })).items).toEqual([]);
    });
  });
}

export function deliveries(get: () => Store): void {
  describe("deliveries", () => {
    beforeEach(async () => {
      for (const id of ["x", "y"]) await get().endpoints.insert(endpoint(id));
    });

    test("that are still to be made are given the most overdue first, and those of each endpoint alone", async () => {
      await get().deliveries.insert(delivery("x", "later", { next_at: time(20) }));
      await get().deliveries.insert(delivery("x", "soon", { next_at: time(10) }));
      await get().deliveries.insert(delivery("x", "done", { next_at: null, status: "delivered" }));
      await get().deliveries.insert(delivery("y", "other", { next_at: time(5) }));
      expect((await get().deliveries.pending("x", 10)).map(({ event: of }) => of)).toEqual(["soon", "later"]);
      expect((await get().deliveries.pending("x", 1)).map(({ event: of }) => of)).toEqual(["soon"]);
      expect(await get().deliveries.due(time(20), 10)).toEqual([
        { endpoint: "y", next_at: time(5) },
        { endpoint: "x", next_at: time(10) },
      ]);
      expect(await get().deliveries.due(time(10), 10)).toEqual([{ endpoint: "y", next_at: time(5) }]);
    });

    test("of many callers at once exactly one takes the next attempt", async () => {
      await get().deliveries.insert(delivery("x", "e"));
      const results = await Promise.all(
        Array.from({ length: 20 }, () => get().deliveries.update("x.e", { attempts: 1, next_at: time(60) }, { attempts: 0 })),
      );
      expect(count(results, (taken) => taken !== undefined)).toBe(1);
      expect(await get().deliveries.pending("x", 10)).toEqual([delivery("x", "e", { attempts: 1, next_at: time(60) })]);
    });

    test("are listed newest first, in pages that give each once", async () => {
      for (let n = 0; n < 11; n += 1) await get().deliveries.insert(delivery("x", `e${n}`, { created_at: time(n % 3) }));
      const seen: DeliveryRecord[] = [];
      let after: string | undefined;
      do {
        const page = await get().deliveries.list("x", { limit: 4, after });
        seen.push(...page.items);
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(11);
      const times = seen.map(({ created_at }) => created_at);
      expect(times).toEqual([...times].sort().reverse());
    });

    test("from before a time are removed once nothing more is to be done about them", async () => {
      await get().deliveries.insert(delivery("x", "old", { created_at: time(1), next_at: null }));
      await get().deliveries.insert(delivery("x", "waiting", { created_at: time(1) }));
      await get().deliveries.insert(delivery("x", "new", { created_at: time(2), next_at: null }));
      expect(await get().deliveries.expire(time(2))).toBe(1);
      expect((await get().deliveries.list("x", { limit: 10 })).items.map(({ event: of }) => of)).toEqual(["new", "waiting"]);
    });
  });
}

export function usage(get: () => Store): void {
  const entry = (workflow: string, at: number, times: number, of = "a") => ({
    connection: of,
    workflow,
    last_used_at: time(at),
    count: times,
  });

  describe("usage", () => {
    beforeEach(() => get().connections.insert(connection("a"), []));

    test("is added up, keeps the latest time, and is listed the last used first", async () => {
      await get().usage.add([entry("nightly", 5, 2), entry("weekly", 7, 1)]);
      await get().usage.add([entry("nightly", 9, 3), entry("nightly", 4, 1)]);
      expect(await get().usage.list("a")).toEqual([entry("nightly", 9, 6), entry("weekly", 7, 1)]);
    });

    test("of many callers at once loses no count", async () => {
      await Promise.all(Array.from({ length: 20 }, () => get().usage.add([entry("nightly", 1, 1)])));
      expect(await get().usage.list("a")).toEqual([entry("nightly", 1, 20)]);
    });

    test("of a connection that is gone is dropped, and goes with its connection", async () => {
      await get().usage.add([entry("nightly", 1, 1, "gone"), entry("nightly", 1, 1)]);
      expect(await get().usage.list("gone")).toEqual([]);
      await get().connections.delete("a");
      expect(await get().usage.list("a")).toEqual([]);
    });

    test("is kept of the last used workflows only, up to a bound for each connection", async () => {
      await get().connections.insert(connection("b"), []);
      await get().usage.add([entry("first", 1, 1), entry("first", 1, 1, "b")]);
      await get().usage.add(Array.from({ length: mostWorkflows }, (_, run) => entry(`run ${run}`, 2, 1)));
      const workflows = (await get().usage.list("a")).map(({ workflow }) => workflow);
      expect([workflows.length, workflows.includes("first")]).toEqual([mostWorkflows, false]);
      expect(await get().usage.list("b")).toHaveLength(1);
    });

    test("that is older than a time is forgotten", async () => {
      await get().usage.add([entry("old", 1, 1), entry("new", 2, 1)]);
      expect(await get().usage.expire(time(2))).toBe(1);
      expect((await get().usage.list("a")).map(({ workflow }) => workflow)).toEqual(["new"]);
    });
  });
}
