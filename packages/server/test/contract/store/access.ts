import type { ConnectSessionRecord, HostStore, KeyRecord } from "../../../src/store/port.ts";
import { app, connection, count, endpoint, flow, time } from "./records.ts";

const key = (id: string, values: Partial<KeyRecord> = {}): KeyRecord => ({
  id,
  hash: `hash-${id}`,
  name: `Key ${id}`,
  role: "user",
  workspace: "w",
  owner: id,
  origin: "made",
  created_at: time(0),
  last_used_at: null,
  revoked_at: null,
  ...values,
});

const connectSession = (id: string, values: Partial<ConnectSessionRecord> = {}): ConnectSessionRecord => ({
  id,
  token_hash: `token-${id}`,
  cookie_hash: null,
  key: "k",
  workspace: "w",
  owner: "ada",
  connectors: ["acme", "beta"],
  auth: null,
  environment: null,
  connection: null,
  name: "Zoë's app",
  return_origin: null,
  return_url: null,
  created_at: time(0),
  expires_at: time(60),
  ended_at: null,
  ...values,
});

const twenty = Array.from({ length: 20 }, (_, n) => n);

/** What the host keeps beside the engine's records. */
export function access(get: () => HostStore): void {
  describe("what the host keeps", () => {
    beforeEach(async () => {
      for (const id of ["w", "v"]) await get().workspaces.put(id, time(0));
      await get().workspaces.put("w", time(9));
    });

    describe("API keys", () => {
      test("come back as they were stored, by id and by hash, the newest first", async () => {
        const old = key("old", { role: "admin", origin: "environment", last_used_at: time(1), revoked_at: time(2) });
        expect(await get().keys.insert(old)).toBe(true);
        await get().keys.insert(key("new", { created_at: time(3) }));
        await get().keys.insert(key("other", { workspace: "v" }));
        expect(await get().keys.get("old")).toEqual(old);
        expect(await get().keys.find("hash-old")).toEqual(old);
        expect(await get().keys.get("none")).toBeUndefined();
        expect(await get().keys.find("none")).toBeUndefined();
        expect(await get().keys.list("w")).toEqual([key("new", { created_at: time(3) }), old]);
      });

      test("are taken once: of many with one id or one hash, the first stays", async () => {
        const ids = await Promise.all(twenty.map((n) => get().keys.insert(key("same", { hash: `${n}` }))));
        expect(count(ids, Boolean)).toBe(1);
        const hashes = await Promise.all(twenty.map((n) => get().keys.insert(key(`k${n}`, { hash: "same" }))));
        expect(count(hashes, Boolean)).toBe(1);
        expect(await get().keys.list("w")).toHaveLength(2);
      });

      test("are revoked once, and in their workspace only", async () => {
        await get().keys.insert(key("k"));
        expect(await get().keys.revoke("v", "k", time(1))).toBe(false);
        expect(await get().keys.revoke("w", "k", time(1))).toBe(true);
        expect(await get().keys.revoke("w", "k", time(2))).toBe(false);
        expect(await get().keys.get("k")).toEqual(key("k", { revoked_at: time(1) }));
      });

      test("remember when they were used", async () => {
        await get().keys.insert(key("k"));
        await get().keys.used("k", time(5));
        expect(await get().keys.get("k")).toEqual(key("k", { last_used_at: time(5) }));
        await get().keys.used("none", time(5));
        expect(await get().keys.get("none")).toBeUndefined();
      });

      test("of the operator are revoked but for one; others stay", async () => {
        for (const id of ["a", "b"]) await get().keys.insert(key(id, { origin: "environment" }));
        await get().keys.insert(key("made"));
        await get().keys.revokeOperators("hash-a", time(1));
        const revoked = async () => Promise.all(["a", "b", "made"].map(async (id) => (await get().keys.get(id))?.revoked_at));
        expect(await revoked()).toEqual([null, time(1), null]);
        await get().keys.revokeOperators(undefined, time(2));
        expect(await revoked()).toEqual([time(2), time(1), null]);
        expect(await get().keys.restore("hash-b")).toBe(true);
        expect(await get().keys.restore("none")).toBe(false);
        expect(await get().keys.get("b")).toEqual(key("b", { origin: "environment", role: "admin" }));
      });
    });

    test("a signed-in browser is known until it is signed out or its time has come", async () => {
      await get().keys.insert(key("k"));
      const session = (hash: string, at: number) => ({ hash, key: "k", expires_at: time(at) });
      for (const [hash, at] of [
        ["early", 1],
        ["edge", 2],
        ["late", 3],
      ] as const)
        await get().sessions.insert(session(hash, at));
      expect(await get().sessions.get("edge")).toEqual(session("edge", 2));
      expect(await get().sessions.expire(time(2))).toBe(2);
      expect(await get().sessions.get("edge")).toBeUndefined();
      expect(await get().sessions.get("late")).toEqual(session("late", 3));
      await get().sessions.delete("late");
      await get().sessions.delete("late");
      expect(await get().sessions.get("late")).toBeUndefined();
    });

    test("a sign-in link is taken by one of many at once, and ends with its time", async () => {
      await get().keys.insert(key("k"));
      const link = (hash: string, at: number) => ({ hash, key: "k", expires_at: time(at) });
      await get().links.insert(link("one", 1));
      const taken = await Promise.all(twenty.map(() => get().links.take("one")));
      expect(taken.filter((each) => each !== undefined)).toEqual([link("one", 1)]);
      await get().links.insert(link("early", 1));
      await get().links.insert(link("late", 2));
      expect(await get().links.expire(time(1))).toBe(1);
      expect(await get().links.take("early")).toBeUndefined();
      expect(await get().links.take("late")).toEqual(link("late", 2));
    });

    describe("connect sessions", () => {
      beforeEach(() => get().keys.insert(key("k")));

      test("come back as they were stored, by id and by their link", async () => {
        await get().connect_sessions.insert(connectSession("a"));
        expect(await get().connect_sessions.get("a")).toEqual(connectSession("a"));
        expect(await get().connect_sessions.find("token-a")).toEqual(connectSession("a"));
        expect(await get().connect_sessions.get("b")).toBeUndefined();
        expect(await get().connect_sessions.find("token-b")).toBeUndefined();
      });

      test("are bound by one browser of many at once", async () => {
        await get().connect_sessions.insert(connectSession("a"));
        const bound = await Promise.all(twenty.map((n) => get().connect_sessions.bind("a", `cookie-${n}`)));
        expect(count(bound, Boolean)).toBe(1);
        expect((await get().connect_sessions.get("a"))?.cookie_hash).toBe(`cookie-${bound.indexOf(true)}`);
        expect(await get().connect_sessions.bind("none", "cookie")).toBe(false);
      });

      test("end once, in their workspace, and go with their time", async () => {
        await get().connect_sessions.insert(connectSession("a"));
        await get().connect_sessions.insert(connectSession("b", { expires_at: time(61) }));
        expect(await get().connect_sessions.end("v", "a", time(1))).toBe(false);
        expect(await get().connect_sessions.end("w", "a", time(1))).toBe(true);
        expect(await get().connect_sessions.end("w", "a", time(2))).toBe(false);
        expect(await get().connect_sessions.get("a")).toEqual(connectSession("a", { ended_at: time(1) }));
        expect(await get().connect_sessions.expire(time(60))).toBe(1);
        expect(await get().connect_sessions.get("a")).toBeUndefined();
        expect(await get().connect_sessions.get("b")).toBeDefined();
      });
    });

    test("of many who note something at once, all are told what one of them noted", async () => {
      const noted = await Promise.all(twenty.map((n) => get().notes.add("key_check", "k", `${n}`)));
      expect(new Set(noted).size).toBe(1);
      await get().notes.add("key_check", "other/k", "x");
      expect(await get().notes.list("key_check")).toEqual(
        new Map([
          ["k", noted[0]],
          ["other/k", "x"],
        ]),
      );
      await get().notes.delete("key_check", "k");
      expect(await get().notes.add("key_check", "k", "again")).toBe("again");
    });

    test("it is found whether a record is sealed with a key, wherever it is sealed", async () => {
      const sealed = (id: string) => `v1.${Buffer.from(id).toString("base64url")}.x.y`;
      await get().connections.insert(connection("a", { sealed_credential: sealed("k1") }), []);
      await get().apps.put(app({ sealed_secret: sealed("k2") }));
      await get().flows.insert(flow("f", { sealed: sealed("k3") }));
      await get().endpoints.insert(endpoint("e", { sealed_secrets: sealed("k4") }));
      for (const id of ["k1", "k2", "k3", "k4"]) expect([id, await get().isSealedWith(id)]).toEqual([id, true]);
      for (const id of ["k", "k5", ".*"]) expect([id, await get().isSealedWith(id)]).toEqual([id, false]);
    });

    test("who takes the store over finds neither leases nor sign-in links of before, and everything else", async () => {
      await get().keys.insert(key("k"));
      await get().leases.acquire("refresh", "somebody", 0, 10_000);
      await get().links.insert({ hash: "link", key: "k", expires_at: time(60) });
      await get().sessions.insert({ hash: "browser", key: "k", expires_at: time(60) });
      await get().takeOver();
      expect(await get().leases.acquire("refresh", "another", 0, 10_000)).toBe(true);
      expect(await get().links.take("link")).toBeUndefined();
      expect(await get().sessions.get("browser")).toBeDefined();
    });
  });
}
