import type { Store } from "@jackfield/engine";
import { flow, polled, time } from "./records.ts";

export function flows(get: () => Store): void {
  describe("flows", () => {
    test("come back as they were stored until they are consumed, once", async () => {
      await get().flows.insert(flow("f"));
      expect(await get().flows.get("f")).toEqual(flow("f"));
      expect(await get().flows.get("other")).toBeUndefined();
      expect(await get().flows.consume("other")).toBeUndefined();
      expect(await get().flows.consume("state-f")).toEqual(flow("f"));
      expect(await get().flows.consume("state-f")).toBeUndefined();
      expect(await get().flows.get("f")).toBeUndefined();
    });

    test("are bound once: who comes later is told who was first", async () => {
      await get().flows.insert(flow("f"));
      expect((await get().flows.bind("f", "first"))?.browser_hash).toBe("first");
      expect((await get().flows.bind("f", "second"))?.browser_hash).toBe("first");
      expect((await get().flows.get("f"))?.browser_hash).toBe("first");
      expect((await get().flows.consume("state-f"))?.browser_hash).toBe("first");
      expect(await get().flows.bind("f", "third")).toBeUndefined();
    });

    test("that were bound from the start stay so", async () => {
      await get().flows.insert(flow("f", { browser_hash: "own", via: "session" }));
      expect((await get().flows.bind("f", "other"))?.browser_hash).toBe("own");
    });

    test("with a state that is taken are refused", async () => {
      await get().flows.insert(flow("f"));
      await expect(get().flows.insert(flow("g", { state_hash: "state-f" }))).rejects.toThrow();
      expect(await get().flows.get("g")).toBeUndefined();
    });

    test("that ran out are given, the oldest first, until somebody takes them", async () => {
      for (const [id, at] of Object.entries({ older: 0, old: 1, edge: 2, new: 3 }))
        await get().flows.insert(flow(id, { state_hash: `state-${id}`, expires_at: time(at) }));
      const expired = async (limit: number) => (await get().flows.expired(time(2), limit)).map(({ id }) => id);
      expect(await expired(10)).toEqual(["older", "old"]);
      expect(await expired(1)).toEqual(["older"]);
      await get().flows.consume("state-older");
      expect(await expired(10)).toEqual(["old"]);
    });

    test("that are polled are due by their time, the most overdue first; the others never are", async () => {
      await get().flows.insert(polled("late", 2));
      await get().flows.insert(polled("early", 1));
      await get().flows.insert(polled("edge", 3));
      await get().flows.insert(flow("browser"));
      expect(await get().flows.get("late")).toEqual(polled("late", 2));
      const both = [
        { id: "early", at: time(1) },
        { id: "late", at: time(2) },
      ];
      expect(await get().flows.due(time(3), 10)).toEqual(both);
      expect(await get().flows.due(time(3), 1)).toEqual(both.slice(0, 1));
      expect(await get().flows.due(time(3), 10, both[0])).toEqual(both.slice(1));
      expect(await get().flows.due(time(3), 10, both[1])).toEqual([]);
    });

    test("are polled at another time by who knew the time before, once, and keep everything else", async () => {
      await get().flows.insert(polled("f", 1));
      await get().flows.bind("f", "browser");
      const later = { at: time(9), interval: 10_000, failures: 2 };
      const twenty = Array.from({ length: 20 });
      expect(await get().flows.repoll("f", later, time(2))).toBeUndefined();
      const results = await Promise.all(twenty.map(() => get().flows.repoll("f", later, time(1))));
      expect(results.filter((result) => result !== undefined)).toEqual([
        polled("f", 1, { browser_hash: "browser", polling: later }),
      ]);
      expect(await get().flows.get("f")).toEqual(polled("f", 1, { browser_hash: "browser", polling: later }));
      expect(await get().flows.due(time(9), 10)).toEqual([]);
      expect(await get().flows.due(time(10), 10)).toEqual([{ id: "f", at: time(9) }]);
      await get().flows.insert(flow("browser"));
      expect(await get().flows.repoll("browser", later, time(1))).toBeUndefined();
      expect(await get().flows.repoll("nowhere", later, time(1))).toBeUndefined();
    });

    test("of one connection that are polled are ended together; its others and those of others stay", async () => {
      await get().flows.insert(polled("one", 1));
      await get().flows.insert(polled("two", 2));
      await get().flows.insert(flow("browser"));
      await get().flows.insert(polled("other", 3, { connection: "other" }));
      const ended = await get().flows.endPolled("c");
      expect(ended.map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
      expect(await get().flows.endPolled("c")).toEqual([]);
      expect(await get().flows.get("one")).toBeUndefined();
      expect(await get().flows.get("browser")).toBeDefined();
      expect(await get().flows.get("other")).toBeDefined();
    });
  });
}

export function leases(get: () => Store): void {
  describe("a lease", () => {
    test("is held by one owner until it runs out", async () => {
      expect(await get().leases.acquire("k", "a", 0, 1000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 999, 2000)).toBe(false);
      expect(await get().leases.acquire("other", "b", 0, 1000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 1000, 2000)).toBe(true);
      expect(await get().leases.acquire("k", "a", 1500, 2500)).toBe(false);
    });

    test("is renewed and released by its owner only", async () => {
      await get().leases.acquire("k", "a", 0, 1000);
      expect(await get().leases.renew("k", "b", 9000)).toBe(false);
      expect(await get().leases.renew("k", "a", 2000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(false);
      await get().leases.release("k", "b");
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(false);
      await get().leases.release("k", "a");
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(true);
      expect(await get().leases.renew("k", "a", 9000)).toBe(false);
    });
  });
}
