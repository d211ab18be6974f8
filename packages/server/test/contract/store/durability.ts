import { IdentityTaken } from "@jackfield/engine";
import type { StoreUnderTest } from "../store.ts";
import { app, connection, delivery, endpoint, event, flow, ids, time } from "./records.ts";

export function durability(get: () => StoreUnderTest): void {
  for (const how of ["reopen", "reopenAfterKill"] as const)
    test(`everything that was answered for is there after ${how === "reopen" ? "a restart" : "kill -9"}`, async () => {
      const { store } = get();
      await store.connections.insert(connection("a"), [event("e", "a")]);
      await store.connections.update("a", { name: "Mine" }, { events: [event("e2", "a", { type: "renamed" })] });
      await store.apps.put(app());
      await store.flows.insert(flow("f"));
      await store.flows.bind("f", "browser");
      await store.manifests.put("m", "text", time(0));
      await store.auth_versions.put("v", "{}", time(0));
      await store.endpoints.insert(endpoint("x"));
      await store.deliveries.insert(delivery("x", "e"));
      await store.usage.add([{ connection: "a", workflow: "nightly", last_used_at: time(1), count: 2 }]);
      const again = await get()[how]();
      await again.time();
      expect(await again.connections.get("a")).toEqual(connection("a", { name: "Mine" }));
      expect(ids(await again.events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e2", "e"]);
      expect(await again.apps.get("w", "acme", "oauth", "production")).toEqual(app());
      expect(await again.endpoints.list("w")).toEqual([endpoint("x")]);
      expect(await again.deliveries.pending("x", 10)).toEqual([delivery("x", "e")]);
      expect(await again.usage.list("a")).toHaveLength(1);
      expect((await again.flows.consume("state-f"))?.browser_hash).toBe("browser");
      expect(await again.manifests.list()).toEqual([{ name: "m", text: "text" }]);
      expect(await again.auth_versions.list()).toEqual([{ version: "v", definition: "{}" }]);
      await expect(again.connections.insert(connection("b", { identity: connection("a").identity }), [])).rejects.toBeInstanceOf(
        IdentityTaken,
      );
    });

  test("a store that was closed refuses to work", async () => {
    const { store } = get();
    await store.time();
    await store.close();
    await expect(store.time()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(store.connections.get("a")).rejects.toMatchObject({ code: "store_unavailable" });
  });
}
