import { countJobs, createEngine, type FlowRecord, type Store, untold } from "@jackfield/engine";
import { openStore } from "../src/store/sqlite.ts";

const now = Date.UTC(2026, 0, 1);
const before = new Date(now - 60_000).toISOString();
const place = { workspace: "default", connector: "acme", auth: "oauth", environment: "production" } as const;

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
  const account = { name: null, description: null, label: null, unique_id: null, identity: "draft/con_1" } as const;
  await store.connections.insert(
    {
      ...untold,
      ...place,
      ...account,
      id: "con_1",
      owner: "ada",
      status: "awaiting_authorization",
      fields: {},
      sealed_fields: null,
      credential_version: 0,
      created_at: before,
      updated_at: before,
    },
    [],
  );
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
