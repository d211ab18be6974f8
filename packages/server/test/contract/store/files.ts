import type { Store } from "@jackfield/engine";
import { chunk, file, time } from "./records.ts";

export function files(get: () => Store): void {
  describe("files", () => {
    const put = async (id: string, values = {}) => {
      for (const part of [0, 1]) await get().files.addChunk(chunk(id, part, values));
      await get().files.insert(file(id, { size: 5, ...values }));
    };

    test("come back as they were stored, and their parts by their ids", async () => {
      await put("f");
      expect(await get().files.get("f")).toEqual(file("f", { size: 5 }));
      expect(await get().files.chunk("f/1")).toEqual(chunk("f", 1));
      expect(await get().files.get("g")).toBeUndefined();
      expect(await get().files.chunk("f/2")).toBeUndefined();
    });

    test("are counted by what they hold in their workspace", async () => {
      await put("f");
      await put("g");
      await put("h", { workspace: "other" });
      expect(await get().files.size("w")).toBe(10);
      expect(await get().files.size("nowhere")).toBe(0);
    });

    test("go with their parts, when they are deleted and when they expire", async () => {
      await put("f");
      await put("old", { expires_at: time(5) });
      expect(await get().files.delete("f")).toBe(true);
      expect(await get().files.delete("f")).toBe(false);
      expect(await get().files.chunk("f/0")).toBeUndefined();
      expect(await get().files.expire(time(4))).toBe(0);
      expect(await get().files.expire(time(5))).toBe(1);
      expect([await get().files.get("old"), await get().files.chunk("old/0")]).toEqual([undefined, undefined]);
    });
  });
}
