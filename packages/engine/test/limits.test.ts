import type { Actor, Limits } from "../src/connection/actor.ts";
import { list, reach } from "../src/connection/connections.ts";
import { allows, mayUse, refuseUnlessMayMake, shownTo } from "../src/connection/limits.ts";
import { type ConnectionEvent, type ConnectionRecord, untold } from "../src/connection/record.ts";
import { createEngine } from "../src/engine.ts";
import type { Runtime } from "../src/runtime.ts";

// Below the routes: what an actor with limits reaches, whoever forgets to ask above.

const record = (id: string, values: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  ...untold,
  id,
  workspace: "w",
  owner: "ada",
  connector: "acme",
  auth: "oauth",
  environment: "production",
  status: "connected",
  name: null,
  description: null,
  label: id,
  unique_id: id,
  identity: id,
  fields: {},
  sealed_fields: null,
  credential_version: 1,
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
  ...values,
});

let records: ConnectionRecord[];
const store = {
  connections: {
    get: async (id: string) => records.find((each) => each.id === id),
    madeIn: async (session: string) => records.filter(({ made_in }) => made_in === session),
    list: async () => ({ items: records, next: null }),
  },
};
const runtime = { store, connectors: { get: () => undefined } } as unknown as Runtime;

const limits: Limits = { session: "cs_1", connectors: ["acme"], auth: null, environment: null, connection: null };
const limited = (values: Partial<Limits> = {}): Actor => ({
  id: "connect/cs_1",
  workspace: "w",
  owner: "ada",
  all: false,
  via: "connect",
  browser: "b",
  limits: { ...limits, ...values },
});
const code = async (work: Promise<unknown>) =>
  work.then(
    () => "reached",
    (error: { code: string }) => error.code,
  );

beforeEach(() => {
  records = [
    record("made", { made_in: "cs_1", connected_by: "connect/cs_1" }),
    record("draft", { made_in: "cs_1", credential_version: 0, status: "draft" }),
    record("alias", { made_in: "cs_1", alias_of: "older" }),
    record("older"),
    record("before"),
    record("elsewhere", { made_in: "cs_2" }),
    record("foreign", { owner: "eve", made_in: "cs_1" }),
    record("gone", { made_in: "cs_1", status: "revoked" }),
  ];
});

describe("an actor with limits", () => {
  test("reaches what was made within its limits, and what that turned out to be, for connecting only", async () => {
    for (const id of ["made", "draft", "alias", "older"]) {
      expect([id, await code(reach(runtime, limited(), id, "connect"))]).toEqual([id, "reached"]);
      expect([id, await code(reach(runtime, limited(), id))]).toEqual([id, "forbidden"]);
    }
    expect((await reach(runtime, limited(), "alias", "connect")).id).toBe("older");
    expect(await code(reach(runtime, limited(), "gone", "connect"))).toBe("connection_revoked");
  });

  test("reaches nothing else, also of its own owner, and is not told whether it exists", async () => {
    for (const id of ["before", "elsewhere", "foreign", "nowhere"])
      expect([id, await code(reach(runtime, limited(), id, "connect"))]).toEqual([id, "connection_unknown"]);
    expect(await code(reach(runtime, { ...limited(), workspace: "x" }, "made", "connect"))).toBe("connection_unknown");
    // Not even an actor who by mistake reaches all.
    expect(await code(reach(runtime, { ...limited(), all: true }, "before", "connect"))).toBe("connection_unknown");
  });

  test("reaches the connection that it may reconnect, and then makes none", async () => {
    const actor = limited({ connection: "before" });
    expect(await code(reach(runtime, actor, "before", "connect"))).toBe("reached");
    expect(await code(refuseUnlessMayMake(runtime, actor, record("new")))).toBe("forbidden");
  });

  test("lists what was connected under its limits, whatever is asked for", async () => {
    const ids = async (actor: Actor) => (await list(runtime, actor, { owner: "eve" }, { limit: 1 })).items.map(({ id }) => id);
    expect(await ids(limited())).toEqual(["made", "older"]);
    expect(await ids(limited({ connection: "before", session: "cs_9" }))).toEqual([]);
    records.push(record("renewed", { connected_by: "connect/cs_1" }));
    expect(await ids(limited({ connection: "renewed", session: "cs_9" }))).toEqual(["renewed"]);
  });

  test("makes what its limits allow", async () => {
    const make = (values: Partial<ConnectionRecord>, actor = limited()) =>
      code(refuseUnlessMayMake(runtime, actor, record("new", values)));
    expect(await make({})).toBe("reached");
    expect(await make({ connector: "other" })).toBe("connector_unknown");
    expect(await make({ owner: "eve" })).toBe("forbidden");
    expect(await make({ auth: "key" }, limited({ auth: "oauth" }))).toBe("auth_unknown");
    expect(await make({ environment: "sandbox" }, limited({ environment: "production" }))).toBe("environment_unknown");
    expect(await make({ connector: "other" }, limited({ connectors: null }))).toBe("reached");
    records = Array.from({ length: 50 }, (_, index) => record(`made-${index}`, { made_in: "cs_1" }));
    expect(await make({})).toBe("connect_session_full");
  });

  test("who watches is told what becomes of a connection, and neither who uses it nor through whom it changed", () => {
    const event = (type: ConnectionEvent["type"], actor: string) => ({ id: "e", type, actor }) as ConnectionEvent;
    const { limits: _, ...whole } = limited();
    for (const [type, actor, shown] of [
      ["authorized", "connect/cs_1", "connect/cs_1"],
      ["refreshed", "system", "system"],
      ["revoked", "key/admin", "system"],
      ["used", "key/admin", undefined],
    ] as const) {
      expect(shownTo(limited(), event(type, actor))?.actor).toBe(shown);
      expect(shownTo(whole, event(type, actor))?.actor).toBe(actor);
    }
  });

  test("is told apart from who has no limits", () => {
    const { limits: _, ...whole } = limited();
    expect(mayUse(whole)).toBe(whole);
    expect(() => mayUse(limited())).toThrow(expect.objectContaining({ code: "forbidden" }));
    expect(allows(undefined, { connector: "other" })).toBe(true);
    expect(allows(limits, { connector: "other" })).toBe(false);
  });

  test("is refused by every function of the engine that does not connect", async () => {
    const engine = createEngine({
      connectors: { get: () => undefined },
      store,
      queue: {},
      keys: { active: "a", get: () => Buffer.alloc(32) },
      platform: { url: "https://here.example" },
      egress: { send: async () => undefined },
      log: () => undefined,
    } as unknown as Parameters<typeof createEngine>[0]);
    const actor = limited();
    const refused: Readonly<Record<string, Promise<unknown>>> = {
      run: engine.steps.run(actor, "made", "list", {}),
      proxy: engine.steps.proxy(actor, "made", { method: "GET", path: "/", query: "", headers: {}, body: undefined }),
      stream: engine.steps.stream(actor, "made", "list", {}).next(),
      putFile: engine.files.put(actor, { content: Buffer.from("x") }),
      getFile: engine.files.get(actor, "fil_1"),
      deleteFile: engine.files.delete(actor, "fil_1"),
      options: engine.steps.options(actor, "made", "list", {}),
      remove: engine.connections.remove(actor, "made"),
      refresh: engine.connections.refresh(actor, "made"),
      getApp: engine.apps.get(actor, "acme", "oauth", "production"),
      putApp: engine.apps.put(actor, "acme", "oauth", "production", { client_id: "x" }),
      deleteApp: engine.apps.delete(actor, "acme", "oauth", "production"),
    };
    for (const [name, work] of Object.entries(refused)) expect([name, await code(work)]).toEqual([name, "forbidden"]);
  });
});
