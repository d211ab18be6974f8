import type { Store } from "@jackfield/engine";
import { connection, count, keptStep, time } from "./records.ts";

export function keptSteps(get: () => Store): void {
  describe("kept steps", () => {
    beforeEach(() => get().connections.insert(connection("c"), []));

    test("belong to who was first, of twenty at once too", async () => {
      const twenty = Array.from({ length: 20 }, (_, n) => keptStep("k", { step: `step-${n}` }));
      const given = await Promise.all(twenty.map((record) => get().kept_steps.begin(record, time(0))));
      expect(new Set(given.map(({ step }) => step)).size).toBe(1);
      expect(count(twenty, ({ step }) => step === given[0]?.step)).toBe(1);
      expect(await get().kept_steps.begin(keptStep("k", { step: "late" }), time(86_399))).toEqual(given[0]);
      expect(await get().kept_steps.begin(keptStep("other"), time(0))).toEqual(keptStep("other"));
    });

    test("that have expired are somebody else's to begin, once", async () => {
      await get().kept_steps.begin(keptStep("k"), time(0));
      const next = ["a", "b", "c"].map((step) => keptStep("k", { step, expires_at: time(200_000) }));
      const given = await Promise.all(next.map((record) => get().kept_steps.begin(record, time(86_400))));
      expect(new Set(given.map(({ step }) => step)).size).toBe(1);
      expect(given[0]?.expires_at).toBe(time(200_000));
    });

    test("are ended and forgotten only by the step that they are of", async () => {
      await get().kept_steps.begin(keptStep("k"), time(0));
      const ended = keptStep("k", { running_until: null, sealed: "v1.d.e.f" });
      expect(await get().kept_steps.end({ ...ended, step: "other" })).toBe(false);
      expect(await get().kept_steps.forget("k", "other")).toBe(false);
      expect(await get().kept_steps.end(ended)).toBe(true);
      expect(await get().kept_steps.begin(keptStep("k", { step: "again" }), time(1))).toEqual(ended);
      expect(await get().kept_steps.forget("k", "step-k")).toBe(true);
      expect(await get().kept_steps.forget("k", "step-k")).toBe(false);
      expect(await get().kept_steps.end(ended)).toBe(false);
      expect(await get().kept_steps.begin(keptStep("k", { step: "again" }), time(1))).toEqual(keptStep("k", { step: "again" }));
    });

    test("go with their connection, and when they expire", async () => {
      await get().connections.insert(connection("d"), []);
      await get().connections.insert(connection("e"), []);
      const of = [keptStep("1"), keptStep("2", { connection: "d" }), keptStep("3", { connection: "e", expires_at: time(5) })];
      const again = () => Promise.all(of.map((record) => get().kept_steps.forget(record.id, record.step)));
      const begin = () => Promise.all(of.map((record) => get().kept_steps.begin(record, time(0))));
      await begin();
      await get().kept_steps.erase("c");
      expect(await again()).toEqual([false, true, true]);
      await begin();
      await get().connections.delete("d");
      expect(await again()).toEqual([true, false, true]);
      of.splice(1, 1);
      await begin();
      expect(await get().kept_steps.expire(time(4))).toBe(0);
      expect(await get().kept_steps.expire(time(5))).toBe(1);
      expect(await again()).toEqual([true, false]);
    });
  });
}
