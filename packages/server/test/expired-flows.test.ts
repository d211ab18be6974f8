import { countJobs, createEngine, type FlowRecord, type Store, untold } from "@jackfield/engine";
import { openStore } from "../src/store/sqlite.ts";

const now = Date.UTC(2026, 0, 1);
const before = new Date(now - 60_000).toISOString();
const place = { workspace: "default", connector: "acme", auth: "oauth", environment: "production" } as const;

const kept = {
  ...({ name: null, description: null, label: null, unique_id: null, identity: "draft/con_1" } as const),
  id: "con_1",
  owner: "ada",
  status: "draft",
  fields: {},
  sealed_fields: null,
  credential_version: 0,
  created_at: before,
  updated_at: before,
} as const;

/** A process begins, sweeps, and ends. */
async function live(store: Store): Promise<void> {
  const engine = createEngine({
    connectors: { get: () => undefined, list: () => [], kept: () => undefined, keep: async () => {} },
    store,
    queue: {
      put: async () => {},
      remove: async () => {},
      work: () => {},
      waiting: async () => countJobs(() => 0),
      close: async () => {},
    },
    keys: { active: "k", get: () => Buffer.alloc(32, 1) },
    platform: { url: "https://here.example" },
    egress: { allowPrivate: [] },
    log: () => {},
    clock: () => now,
  });
  await engine.start();
  await engine.stop();
}

test("a draft whose sign-in nobody finished is one again, also where the process ends or the store fails meanwhile", async () => {
  const store = openStore(":memory:");
  await store.connections.insert({ ...untold, ...place, ...kept, status: "awaiting_authorization" }, []);
  const flow: FlowRecord = {
    ...place,
    id: "flow",
    state_hash: "state",
    connection: "con_1",
    actor: "key/1",
    via: "key",
    browser_hash: null,
    redirect_uri: "https://here.example/oauth/callback/acme",
    sealed: "",
    polling: null,
    created_at: before,
    expires_at: before,
  };
  await store.flows.insert(flow);
  const failing = { ...store.connections, update: () => Promise.reject(new Error("the store is full")) };
  await live({ ...store, connections: failing });
  expect((await store.connections.get("con_1"))?.status).toBe("awaiting_authorization");
  await live(store);
  expect(await store.connections.get("con_1")).toMatchObject({ status: "draft", error: { code: "state_invalid" } });
  expect(await store.flows.get("flow")).toBeUndefined();
  await store.close();
});

test("what steps answered, and files, are forgotten when they have expired", async () => {
  const store = openStore(":memory:");
  const later = new Date(now + 1).toISOString();
  await store.connections.insert({ ...untold, ...place, ...kept }, []);
  for (const [id, expires_at] of Object.entries({ old: before, young: later })) {
    const step = { id, workspace: "default", connector: "acme", connection: "con_1", step: id, running_until: null, sealed: "s" };
    await store.kept_steps.begin({ ...step, expires_at }, new Date(0).toISOString());
    await store.files.addChunk({ id: `${id}/0`, file: id, workspace: "default", sealed: "s", expires_at });
    const file = { id, workspace: "default", owner: "ada", name: null, type: "text/plain", size: 1 };
    await store.files.insert({ ...file, created_at: before, expires_at });
  }
  await live(store);
  expect([await store.files.get("old"), await store.files.chunk("old/0")]).toEqual([undefined, undefined]);
  expect(await store.kept_steps.forget("old", "old")).toBe(false);
  expect((await store.files.get("young"))?.id).toBe("young");
  expect(await store.kept_steps.forget("young", "young")).toBe(true);
  await store.close();
});
