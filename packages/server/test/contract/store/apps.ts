import type { ConnectionEvent, EventApp, Store } from "@jackfield/engine";
import { app, connection, event, ids, time } from "./records.ts";

function appEvent(
  id: string,
  { environment = "production", ...values }: Partial<ConnectionEvent & EventApp> = {},
): ConnectionEvent {
  const about = { auth: "oauth", environment, client_id: "client" };
  return { ...event(id, "", { type: "app.saved", ...values }), connection: null, connector: "acme", app: about };
}

const ofApp = { workspace: "w", connector: "acme", app: { auth: "oauth", environment: "production" } } as const;

export function appsAndManifests(get: () => Store): void {
  test("an app is written in the place of the version that is named, with its events, or not at all", async () => {
    expect(await get().apps.put(app(), { expect: 1, events: [appEvent("e0")] })).toBe(false);
    expect(await get().apps.put(app(), { expect: null, events: [appEvent("e1")] })).toBe(true);
    expect(await get().apps.put(app({ version: 2 }), { expect: null, events: [appEvent("e2")] })).toBe(false);
    expect(await get().apps.put(app({ version: 2 }), { expect: 2, events: [appEvent("e3")] })).toBe(false);
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app());
    expect(await get().apps.put(app({ version: 2 }), { expect: 1, events: [appEvent("e4", { at: time(1) })] })).toBe(true);
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app({ version: 2 }));
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["e4", "e1"]);
    expect((await get().events.list(ofApp, { limit: 10 })).items[1]).toEqual(appEvent("e1"));
  });

  test("what is told outside of an app goes into the outbox with the write of it, and with no other", async () => {
    const refused = (id: string) => appEvent(id, { type: "app.refused", code: "client_refused" });
    await get().apps.put(app(), { events: [refused("e1"), appEvent("silent")] });
    await get().apps.put(app({ version: 2 }), { expect: 9, events: [refused("late")] });
    await get().apps.delete("w", "acme", "oauth", "elsewhere", [refused("gone")]);
    expect(await get().outbox.list(10)).toEqual([{ event: refused("e1"), connection: null }]);
    expect(JSON.stringify(await get().outbox.list(10))).not.toMatch(/v1\.s|sealed|team/);
  });

  test("the events of apps stand among those of the workspace", async () => {
    await get().connections.insert(connection("a"), [event("of a connection", "a", { connector: "acme", at: time(1) })]);
    await get().apps.put(app(), { events: [appEvent("of an app")] });
    expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["of a connection", "of an app"]);
    expect(ids(await get().events.list({ workspace: "w", type: "app.saved" }, { limit: 10 }))).toEqual(["of an app"]);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["of an app"]);
    for (const other of [{ workspace: "v" }, { connector: "beta" }, { app: { auth: "key", environment: "production" } }])
      expect(ids(await get().events.list({ ...ofApp, ...other }, { limit: 10 }))).toEqual([]);
  });

  test("of two writers that replace the same version of an app, one is told that it came too late", async () => {
    await get().apps.put(app());
    const writes = [1, 2, 3].map((n) => get().apps.put(app({ version: 2, client_id: `c${n}` }), { expect: 1 }));
    expect((await Promise.all(writes)).filter((written) => written)).toHaveLength(1);
  });

  test("the log of an app has pages, stays when it is deleted, and ends with its age", async () => {
    for (const n of [1, 2, 3]) await get().apps.put(app(), { events: [appEvent(`e${n}`, { at: time(n) })] });
    await get().apps.put(app({ environment: "sandbox" }), { events: [appEvent("other", { environment: "sandbox" })] });
    const first = await get().events.list(ofApp, { limit: 2 });
    expect(ids(first)).toEqual(["e3", "e2"]);
    expect(ids(await get().events.list(ofApp, { limit: 2, after: first.next ?? "" }))).toEqual(["e1"]);
    expect(await get().apps.delete("w", "acme", "oauth", "production", [appEvent("gone", { at: time(4) })])).toBe(true);
    expect(await get().apps.delete("w", "acme", "oauth", "production", [appEvent("again", { at: time(5) })])).toBe(false);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["gone", "e3", "e2", "e1"]);
    expect(await get().events.expire(time(3))).toBe(3);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["gone", "e3"]);
  });

  test("apps that are to be looked after are found, the most overdue first", async () => {
    for (const [environment, tend_at] of [
      ["late", time(2)],
      ["latest", time(1)],
      ["future", time(3)],
      ["never", null],
    ] as const)
      await get().apps.put(app({ environment, tend_at }));
    expect((await get().apps.due(time(3), 10)).map(({ environment }) => environment)).toEqual(["latest", "late"]);
    expect(await get().apps.due(time(3), 1)).toEqual([app({ environment: "latest", tend_at: time(1) })]);
    await get().apps.put(app({ environment: "latest", tend_at: null }));
    expect((await get().apps.due(time(3), 10)).map(({ environment }) => environment)).toEqual(["late"]);
  });

  test("connections are found and counted by the client that they were made with", async () => {
    await get().connections.insert(connection("a", { client_id: "one" }), []);
    await get().connections.insert(connection("b", { client_id: "one", auth: "other" }), []);
    await get().connections.insert(connection("c", { client_id: "one", status: "needs_reauth" }), []);
    await get().connections.insert(connection("d", { client_id: "two" }), []);
    await get().connections.insert(connection("e"), []);
    const filter = { workspace: "w", connector: "acme", auth: "oauth", client_id: "one" } as const;
    expect(await get().connections.count(filter)).toBe(2);
    expect(await get().connections.count({ ...filter, status: "connected" })).toBe(1);
    expect(ids(await get().connections.list({ ...filter, status: "connected" }, { limit: 10 }))).toEqual(["a"]);
    await get().connections.update("a", { client_id: "two" });
    expect(await get().connections.count({ ...filter, status: "connected" })).toBe(0);
    expect(await get().connections.count({ ...filter, client_id: "two" })).toBe(2);
    expect(await get().connections.count({ workspace: "w" })).toBe(5);
  });

  test("an app is kept per workspace, connector, auth and environment; putting it again replaces it", async () => {
    await get().apps.put(app());
    await get().apps.put(app({ environment: "sandbox", client_id: "s" }));
    await get().apps.put(app({ workspace: "v", client_id: "v" }));
    await get().apps.put(app({ client_id: "new", sealed_secret: null }));
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app({ client_id: "new", sealed_secret: null }));
    expect((await get().apps.list("w", "acme")).map(({ environment, client_id }) => [environment, client_id])).toEqual([
      ["production", "new"],
      ["sandbox", "s"],
    ]);
    expect(await get().apps.get("w", "acme", "oauth", "staging")).toBeUndefined();
    expect(await get().apps.delete("w", "acme", "oauth", "production")).toBe(true);
    expect(await get().apps.delete("w", "acme", "oauth", "production")).toBe(false);
    expect((await get().apps.get("v", "acme", "oauth", "production"))?.client_id).toBe("v");
  });

  test("a manifest is kept by name; putting it again replaces it", async () => {
    await get().manifests.put("b", "one", time(0));
    await get().manifests.put("a", "text: ümlaut\n", time(0));
    await get().manifests.put("b", "two", time(1));
    expect([...(await get().manifests.list())].sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
      { name: "a", text: "text: ümlaut\n" },
      { name: "b", text: "two" },
    ]);
    expect(await get().manifests.list(time(1))).toEqual([{ name: "b", text: "two" }]);
    expect(await get().manifests.list(time(2))).toEqual([]);
    expect(await get().manifests.delete("b")).toBe(true);
    expect(await get().manifests.delete("b")).toBe(false);
    expect(await get().manifests.list()).toHaveLength(1);
  });
}

export function authVersions(get: () => Store): void {
  const versions = async () => [...(await get().auth_versions.list())].map(({ version }) => version).sort();

  test("an auth version is stored once, with its newest text", async () => {
    await get().auth_versions.put("v2", "{}", time(0));
    await get().auth_versions.put("v1", '{"title":"Zoë"}', time(0));
    await get().auth_versions.put("v2", '{"title":"newer"}', time(1));
    expect(await get().auth_versions.get("v2")).toBe('{"title":"newer"}');
    expect(await get().auth_versions.get("v3")).toBeUndefined();
    expect([...(await get().auth_versions.list())].sort((x, y) => (x.version < y.version ? -1 : 1))).toEqual([
      { version: "v1", definition: '{"title":"Zoë"}' },
      { version: "v2", definition: '{"title":"newer"}' },
    ]);
  });

  test("an auth version goes when nothing uses it, unless it was put just now", async () => {
    for (const version of ["used", "moved-on", "ended", "merged", "never"]) await get().auth_versions.put(version, "{}", time(0));
    await get().auth_versions.put("new", "{}", time(10));
    await get().connections.insert(connection("a", { auth_version: "used" }), []);
    await get().connections.insert(connection("b", { auth_version: "moved-on" }), []);
    await get().connections.insert(connection("c", { auth_version: "ended" }), []);
    await get().connections.insert(connection("d", { auth_version: "merged" }), []);
    await get().connections.insert(connection("e"), []);
    expect([...(await get().auth_versions.removeUnused(time(5)))]).toEqual(["never"]);
    await get().connections.update("b", { auth_version: "used" });
    await get().connections.update("c", { status: "revoked", revoke_at: time(60) });
    await get().connections.update("d", { alias_of: "a" });
    expect([...(await get().auth_versions.removeUnused(time(5)))].sort()).toEqual(["merged", "moved-on"]);
    await get().connections.update("c", { revoke_at: null });
    expect(await get().auth_versions.removeUnused(time(5))).toEqual(["ended"]);
    expect(await versions()).toEqual(["new", "used"]);
    expect(await get().auth_versions.removeUnused(time(11))).toEqual(["new"]);
    expect(await get().connections.delete("a")).toBe(true);
    await get().connections.update("b", { auth_version: null });
    expect(await get().auth_versions.removeUnused(time(11))).toEqual(["used"]);
  });

  test("a version that is put again is not removed as an old one", async () => {
    await get().auth_versions.put("v", "{}", time(0));
    await get().auth_versions.put("v", "{}", time(10));
    expect(await get().auth_versions.removeUnused(time(5))).toEqual([]);
    expect(await versions()).toEqual(["v"]);
  });
}
